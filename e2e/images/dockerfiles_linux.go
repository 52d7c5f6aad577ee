package images

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/camunda-autoscaler/camunda-autoscaler/testbed/process"
)

// Builder builds the project's Dockerfiles with buildah, by docker/images.sh.
// What it keeps between builds, such as the stand-in for the image golang, is in
// a folder of its own, apart from the user's images.
type Builder struct {
	storage string
	dir     string // logs and archives
}

// NewBuilder returns a builder that keeps this run's files in dir.
func NewBuilder(dir string) (*Builder, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return nil, err
	}
	storage := filepath.Join(cache, "camunda-autoscaler", "buildah")
	if err := os.MkdirAll(storage, 0o755); err != nil {
		return nil, err
	}
	config := fmt.Sprintf("[storage]\ndriver = \"overlay\"\ngraphroot = %q\nrunroot = %q\n",
		filepath.Join(storage, "images"), filepath.Join(storage, "run"))
	return &Builder{storage: storage, dir: dir},
		os.WriteFile(filepath.Join(storage, "storage.conf"), []byte(config), 0o644)
}

// Source is what the images are built from, and their platform.
type Source struct {
	Checkout string
	Version  string // also the images' tag
	Revision string
	Time     time.Time // of the commit
	Platform string    // such as linux/arm64; this machine's if it is empty
}

// Build builds all images of docker/images.sh, without cached steps. The base images
// are local stand-ins; the Go modules and compiled packages are this user's.
func (b *Builder) Build(ctx context.Context, s Source) error {
	docker := filepath.Join(s.Checkout, "docker")
	if err := b.run(ctx, "stand-in for golang", nil, filepath.Join(docker, "stand-in.sh")); err != nil {
		return err
	}
	command := []string{filepath.Join(docker, "images.sh"), s.Version, "--quiet", "--pull=never", "--no-cache"}
	for _, option := range []struct{ format, variable string }{
		{"--volume=%s:/go/pkg/mod", "GOMODCACHE"},
		{"--volume=%s:/root/.cache/go-build", "GOCACHE"},
		{"--build-arg=GOPROXY=%s", "GOPROXY"},
	} {
		value, err := goEnv(ctx, option.variable)
		if err != nil {
			return err
		}
		command = append(command, fmt.Sprintf(option.format, value))
	}
	env := []string{
		"BUILDER=buildah", "PLATFORM=" + s.Platform,
		"REVISION=" + s.Revision, fmt.Sprintf("SOURCE_DATE_EPOCH=%d", s.Time.Unix()),
	}
	if err := b.run(ctx, "docker/images.sh", env, command...); err != nil {
		return err
	}
	// Those that had these names before.
	return b.run(ctx, "removing old images", nil, "buildah", "rmi", "--prune")
}

// Archive writes an image to an archive in Docker's format and hands it to load.
func (b *Builder) Archive(ctx context.Context, name string, load func(context.Context, io.Reader) error) error {
	path := filepath.Join(b.dir, "image.tar")
	defer os.Remove(path)
	if err := b.run(ctx, "pushing "+name, nil, "buildah", "push", "--quiet", name, "docker-archive:"+path+":"+name); err != nil {
		return err
	}
	archive, err := os.Open(path)
	if err != nil {
		return err
	}
	defer archive.Close()
	return load(ctx, archive)
}

// run runs buildah. When buildah executes itself again, it seals a copy of itself
// in memory, which the kernel sometimes refuses ("sealing memfd copy: Device or
// resource busy"). That is no fault of the build, so it is tried again.
func (b *Builder) run(ctx context.Context, name string, env []string, command ...string) error {
	var err error
	for range 5 {
		err = process.Run(ctx, process.Spec{
			Name: name, Path: command[0], Args: command[1:], Dir: b.dir, Log: filepath.Join(b.dir, "buildah.log"),
			Env: append(env, "CONTAINERS_STORAGE_CONF="+filepath.Join(b.storage, "storage.conf"), "BUILDAH_ISOLATION=chroot"),
		})
		if err == nil || !strings.Contains(err.Error(), "sealing memfd copy") {
			return err
		}
	}
	return err
}

func goEnv(ctx context.Context, name string) (string, error) {
	text, err := exec.CommandContext(ctx, "go", "env", name).Output()
	if err != nil {
		return "", fmt.Errorf("go env %s: %w", name, err)
	}
	return strings.TrimSpace(string(text)), nil
}
