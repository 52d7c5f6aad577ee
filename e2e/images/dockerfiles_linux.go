package images

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/camunda-autoscaler/camunda-autoscaler/testbed/process"
)

// Dockerfile is an image that a Dockerfile of the project makes.
type Dockerfile struct {
	Name string // with registry and tag
	Path string // in the checkout
}

// Builder builds the project's Dockerfiles with buildah. What it keeps from
// one time to the next, such as the stand-in for the image golang, is in a
// folder of its own, apart from the user's images.
type Builder struct {
	checkout string
	storage  string
	dir      string // logs and archives
}

// NewBuilder returns a builder for a checkout that keeps its storage in one
// folder and this run's files in another.
func NewBuilder(checkout, storage, dir string) (*Builder, error) {
	for _, folder := range []string{storage, dir} {
		if err := os.MkdirAll(folder, 0o755); err != nil {
			return nil, err
		}
	}
	config := fmt.Sprintf("[storage]\ndriver = \"overlay\"\ngraphroot = %q\nrunroot = %q\n",
		filepath.Join(storage, "images"), filepath.Join(storage, "run"))
	return &Builder{checkout: checkout, storage: storage, dir: dir},
		os.WriteFile(filepath.Join(storage, "storage.conf"), []byte(config), 0o644)
}

// Build builds images and hands each one's archive to load. The base images
// are local stand-ins; the Go modules and compiled packages are this user's.
func (b *Builder) Build(ctx context.Context, version string, load func(context.Context, io.Reader) error, all ...Dockerfile) error {
	if err := b.run(ctx, "stand-in for golang", filepath.Join(b.checkout, "docker", "stand-in.sh")); err != nil {
		return err
	}
	modules, err := goEnv(ctx, "GOMODCACHE")
	if err != nil {
		return err
	}
	packages, err := goEnv(ctx, "GOCACHE")
	if err != nil {
		return err
	}
	proxy, err := goEnv(ctx, "GOPROXY")
	if err != nil {
		return err
	}
	for _, d := range all {
		err := b.run(ctx, d.Path, "buildah", "bud", "--quiet", "--pull=never",
			"--volume="+modules+":/go/pkg/mod", "--volume="+packages+":/root/.cache/go-build",
			"--build-arg=TARGETOS=linux", "--build-arg=TARGETARCH="+runtime.GOARCH, "--build-arg=GOPROXY="+proxy,
			"--build-arg=VERSION="+version,
			"--tag="+d.Name, "--file="+filepath.Join(b.checkout, d.Path), b.checkout)
		if err != nil {
			return err
		}
		if err := b.export(ctx, d, load); err != nil {
			return err
		}
	}
	// Those that had the names before.
	return b.run(ctx, "removing old images", "buildah", "rmi", "--prune")
}

// export writes an image to an archive, loads it and removes the archive.
func (b *Builder) export(ctx context.Context, d Dockerfile, load func(context.Context, io.Reader) error) error {
	path := filepath.Join(b.dir, "image.tar")
	defer os.Remove(path)
	if err := b.run(ctx, "pushing "+d.Path, "buildah", "push", "--quiet", d.Name, "docker-archive:"+path+":"+d.Name); err != nil {
		return err
	}
	archive, err := os.Open(path)
	if err != nil {
		return err
	}
	defer archive.Close()
	return load(ctx, archive)
}

func (b *Builder) run(ctx context.Context, name string, command ...string) error {
	return process.Run(ctx, process.Spec{
		Name: name, Path: command[0], Args: command[1:], Dir: b.checkout, Log: filepath.Join(b.dir, "buildah.log"),
		Env: []string{"CONTAINERS_STORAGE_CONF=" + filepath.Join(b.storage, "storage.conf"), "BUILDAH_ISOLATION=chroot"},
	})
}

func goEnv(ctx context.Context, name string) (string, error) {
	text, err := exec.CommandContext(ctx, "go", "env", name).Output()
	if err != nil {
		return "", fmt.Errorf("go env %s: %w", name, err)
	}
	return strings.TrimSpace(string(text)), nil
}
