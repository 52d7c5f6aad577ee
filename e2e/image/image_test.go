package image

import (
	"archive/tar"
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
)

func TestWrite(t *testing.T) {
	folder := t.TempDir()
	base := filepath.Join(folder, "base.tar")
	write(t, base, tarOf(t, "etc/base", "from the base"))
	write(t, filepath.Join(folder, "app/program"), []byte("a program"))
	write(t, filepath.Join(folder, "settings"), []byte("changed"))
	if err := os.Chmod(filepath.Join(folder, "app/program"), 0o755); err != nil {
		t.Fatal(err)
	}

	archive := filepath.Join(folder, "images.tar")
	f, err := os.Create(archive)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	err = Write(f,
		Image{
			Name: "example.com/app:1", Base: base, Owner: 1000, Folders: []string{"/data"},
			Files: map[string]string{"/app": filepath.Join(folder, "app"), "/app/settings": filepath.Join(folder, "settings")},
			User:  "1000", WorkingDir: "/app", Entrypoint: []string{"/app/program"}, Command: []string{"--fast"}, Env: []string{"A=B"},
		},
		Image{Name: "example.com/other:2", Base: base},
	)
	if err != nil {
		t.Fatal(err)
	}

	tag, err := name.NewTag("example.com/app:1")
	if err != nil {
		t.Fatal(err)
	}
	img, err := tarball.ImageFromPath(archive, &tag)
	if err != nil {
		t.Fatal(err)
	}
	config, err := img.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	if c := config.Config; config.OS != "linux" || c.User != "1000" || c.WorkingDir != "/app" || c.Entrypoint[0] != "/app/program" ||
		c.Cmd[0] != "--fast" || c.Env[len(c.Env)-1] != "A=B" {
		t.Errorf("configuration %+v", config)
	}
	found := map[string]string{}
	all := mutate.Extract(img)
	defer all.Close()
	for r := tar.NewReader(all); ; {
		header, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		found[header.Name] = string(text)
		switch header.Name {
		case "app/program":
			if header.Mode&0o777 != 0o755 || header.Uid != 1000 {
				t.Errorf("%s has mode %o and owner %d", header.Name, header.Mode, header.Uid)
			}
		case "etc/base":
			if header.Uid != 0 {
				t.Errorf("%s has owner %d", header.Name, header.Uid)
			}
		}
	}
	for path, want := range map[string]string{"etc/base": "from the base", "app/program": "a program", "app/settings": "changed"} {
		if got, ok := found[path]; !ok || got != want {
			t.Errorf("%s holds %q, want %q", path, got, want)
		}
	}
}

func TestWriteSaysWhichImageIsAtFault(t *testing.T) {
	err := Write(io.Discard, Image{Name: "example.com/app:1", Files: map[string]string{"/x": filepath.Join(t.TempDir(), "missing")}})
	if !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a missing file gives %v", err)
	}
}

func TestRepository(t *testing.T) {
	for _, image := range []string{"postgres", "postgres:15", "library/postgres:15", "docker.io/library/postgres:15"} {
		if got, err := Repository(image); err != nil || got != "index.docker.io/library/postgres" {
			t.Errorf("%s is in %q (%v)", image, got, err)
		}
	}
}

func write(t *testing.T, path string, text []byte) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, text, 0o644); err != nil {
		t.Fatal(err)
	}
}

func tarOf(t *testing.T, name, text string) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	if err := w.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: int64(len(text))}); err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(w, text); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}
