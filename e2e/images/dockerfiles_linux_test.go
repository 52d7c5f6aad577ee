package images

import (
	"archive/tar"
	"debug/elf"
	"errors"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
)

// limits are the images' programs and how many bytes an image may unpack to.
var limits = map[string]int64{
	"camunda-exporter":        15e6,
	"camunda-process-starter": 15e6,
	"camunda-scaler":          35e6,
}

// notices is where an image has the licences of what its program is linked from.
const notices = "licenses/THIRD_PARTY_NOTICES.txt"

// source is built under a version of its own, apart from those of other tests.
var source = Source{Version: "1.2.3-test", Revision: "0123456789abcdef", Time: time.Unix(1_700_000_000, 0)}

// TestDockerfiles builds every image for both architectures and inspects it.
func TestDockerfiles(t *testing.T) {
	b := newBuilder(t)
	for arch, machine := range map[string]elf.Machine{"amd64": elf.EM_X86_64, "arm64": elf.EM_AARCH64} {
		t.Run(arch, func(t *testing.T) {
			s := source
			s.Checkout, s.Platform = copySource(t, "../.."), "linux/"+arch
			for program, image := range b.build(t, s) {
				t.Run(program, func(t *testing.T) { checkImage(t, program, image, arch, machine) })
			}
		})
	}
}

// TestReproducible builds twice, from files at another place and of another
// time, as those of another clone are.
func TestReproducible(t *testing.T) {
	b := newBuilder(t)
	digests := func(checkout string) map[string]string {
		s := source
		s.Checkout = checkout
		all := map[string]string{}
		for program, image := range b.build(t, s) {
			digest, err := image.Digest()
			if err != nil {
				t.Fatal(err)
			}
			all[program] = digest.String()
		}
		return all
	}
	one := copySource(t, "../..")
	first := digests(one)
	if second := digests(copySource(t, one)); !maps.Equal(first, second) {
		t.Errorf("the first time the digests were %v, the second time %v", first, second)
	}
	t.Log(first)
}

// builder is a Builder of one test.
type builder struct{ *Builder }

func newBuilder(t *testing.T) builder {
	t.Helper()
	b, err := NewBuilder(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return builder{b}
}

// build returns the images by their programs. They are gone from the storage,
// and in a folder of the test's.
func (b builder) build(t *testing.T, s Source) map[string]v1.Image {
	t.Helper()
	if err := b.Build(t.Context(), s); err != nil {
		t.Fatal(err)
	}
	all := map[string]v1.Image{}
	for program := range limits {
		name, folder := "ghcr.io/camunda-autoscaler/"+program+":"+s.Version, filepath.Join(t.TempDir(), program)
		for _, command := range [][]string{
			{"buildah", "push", "--quiet", name, "oci:" + folder},
			{"buildah", "rmi", name},
		} {
			if err := b.run(t.Context(), strings.Join(command[:2], " "), nil, command...); err != nil {
				t.Fatal(err)
			}
		}
		all[program] = onlyImage(t, folder)
	}
	return all
}

func onlyImage(t *testing.T, folder string) v1.Image {
	t.Helper()
	index, err := layout.ImageIndexFromPath(folder)
	if err != nil {
		t.Fatal(err)
	}
	manifest, err := index.IndexManifest()
	if err != nil {
		t.Fatal(err)
	}
	if len(manifest.Manifests) != 1 {
		t.Fatalf("%s has %d images", folder, len(manifest.Manifests))
	}
	image, err := index.Image(manifest.Manifests[0].Digest)
	if err != nil {
		t.Fatal(err)
	}
	return image
}

// copySource copies what images are built from.
func copySource(t *testing.T, checkout string) string {
	t.Helper()
	folder := t.TempDir()
	for _, name := range []string{"docker", "exporter", "scaler", "service", "starter"} {
		if err := os.CopyFS(filepath.Join(folder, name), os.DirFS(filepath.Join(checkout, name))); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{".dockerignore", "LICENSE"} {
		text, err := os.ReadFile(filepath.Join(checkout, name))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(folder, name), text, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return folder
}

func checkImage(t *testing.T, program string, image v1.Image, arch string, machine elf.Machine) {
	config, err := image.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	if config.OS != "linux" || config.Architecture != arch {
		t.Errorf("the image is for %s/%s", config.OS, config.Architecture)
	}
	if want := "65532:65532"; config.Config.User != want {
		t.Errorf("the user is %q, want %s", config.Config.User, want)
	}
	if want := []string{"/" + program}; !slices.Equal(config.Config.Entrypoint, want) {
		t.Errorf("the entrypoint is %q, want %q", config.Config.Entrypoint, want)
	}
	if !config.Created.Equal(source.Time) {
		t.Errorf("the image was made at %s, the commit is of %s", config.Created, source.Time)
	}
	for label, want := range map[string]string{
		"title": program, "version": source.Version, "revision": source.Revision, "licenses": "Apache-2.0",
	} {
		if got := config.Config.Labels["org.opencontainers.image."+label]; got != want {
			t.Errorf("the label %s is %q, want %q", label, got, want)
		}
	}

	files, size := unpack(t, image)
	if limit := limits[program]; size > limit {
		t.Errorf("it unpacks to %d bytes, more than %d", size, limit)
	}
	t.Logf("it unpacks to %.1f MB", float64(size)/1e6)
	want := []string{program, "etc/ssl/certs/ca-certificates.crt", "licenses/LICENSE", notices}
	if got := slices.Sorted(maps.Keys(files)); !slices.Equal(got, want) {
		t.Fatalf("it has the files %q, want %q", got, want)
	}
	if text, err := os.ReadFile(files[notices]); err != nil || !strings.Contains(string(text), "github.com/prometheus/client_golang v") {
		t.Errorf("%s (%v) does not have the licence of client_golang", notices, err)
	}
	checkProgram(t, files[program], machine)
	if arch == runtime.GOARCH {
		text, err := exec.Command(files[program], "--version").CombinedOutput()
		if err != nil || !strings.Contains(string(text), source.Version) || !strings.Contains(string(text), source.Revision) {
			t.Errorf("its version: %s (%v)", text, err)
		}
	}
}

// unpack returns where the image's files are, and how many bytes they have.
func unpack(t *testing.T, image v1.Image) (files map[string]string, size int64) {
	t.Helper()
	folder := t.TempDir()
	files = map[string]string{}
	content := mutate.Extract(image)
	defer content.Close()
	for archive := tar.NewReader(content); ; {
		header, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return files, size
		}
		if err != nil {
			t.Fatal(err)
		}
		if header.Typeflag != tar.TypeReg {
			continue
		}
		path := filepath.Join(folder, filepath.Base(header.Name))
		file, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, header.FileInfo().Mode().Perm())
		if err != nil {
			t.Fatal(err)
		}
		n, err := io.Copy(file, archive)
		if err := file.Close(); err != nil {
			t.Fatal(err)
		}
		if err != nil {
			t.Fatal(err)
		}
		files[header.Name] = path
		size += n
	}
}

// checkProgram checks that a program runs on a machine, and needs no library.
func checkProgram(t *testing.T, path string, machine elf.Machine) {
	t.Helper()
	program, err := elf.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer program.Close()
	if program.Machine != machine {
		t.Errorf("it is for %s, want %s", program.Machine, machine)
	}
	for _, segment := range program.Progs {
		if segment.Type == elf.PT_INTERP {
			t.Error("it is not static")
		}
	}
}
