package main

import (
	"bytes"
	"debug/buildinfo"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// Every module that a product's linker used has its licence in the file, and so does Go; it is the same each time.
func TestNoticesOfTheProducts(t *testing.T) {
	t.Setenv("GOWORK", "off")
	t.Setenv("CGO_ENABLED", "0")
	for folder, name := range map[string]string{"exporter": "camunda-exporter", "scaler": "camunda-scaler", "starter": "camunda-process-starter"} {
		t.Run(folder, func(t *testing.T) {
			t.Chdir(filepath.Join("..", "..", folder))
			program := filepath.Join(t.TempDir(), name)
			if out, err := exec.Command("go", "build", "-trimpath", "-buildvcs=false", "-o", program, "./cmd/"+name).CombinedOutput(); err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			info, err := buildinfo.ReadFile(program)
			if err != nil {
				t.Fatal(err)
			}
			var first, second bytes.Buffer
			for _, w := range []*bytes.Buffer{&first, &second} {
				if err := write(w, "./cmd/"+name); err != nil {
					t.Fatal(err)
				}
			}
			if !bytes.Equal(first.Bytes(), second.Bytes()) {
				t.Error("the two runs differ")
			}
			text := first.String()
			if !strings.Contains(text, "\nGo: LICENSE\n") || !strings.Contains(text, "The Go Authors") {
				t.Error("Go's own licence is missing")
			}
			for _, m := range info.Deps {
				ours := m.Replace != nil && strings.HasPrefix(m.Replace.Path, ".")
				if has := strings.Contains(text, "\n"+m.Path+" "+m.Version+": "); has == ours {
					t.Errorf("%s %s is listed: %t", m.Path, m.Version, has)
				}
			}
		})
	}
}

// Files of the packages' own folders count too, for a module may contain code of others.
func TestCollect(t *testing.T) {
	top := t.TempDir()
	inner := filepath.Join(top, "internal", "taken")
	if err := os.MkdirAll(inner, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"LICENCE.md", "license.go", "internal/taken/NOTICE", "internal/taken/notice_test.go"} {
		if err := os.WriteFile(filepath.Join(top, name), []byte("text"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	files := map[string]string{}
	if err := collect(files, "example.com/m v1.0.0", inner, top); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"example.com/m v1.0.0: LICENCE.md", "example.com/m v1.0.0: internal/taken/NOTICE"} {
		if files[name] == "" {
			t.Errorf("%q is missing in %v", name, files)
		}
	}
	if len(files) != 2 {
		t.Errorf("files are %v, want two", files)
	}
}

// A module without a licence stops the build of the image.
func TestModuleWithoutALicence(t *testing.T) {
	top := t.TempDir()
	err := collect(map[string]string{}, "example.com/m v1.0.0", top, top)
	if err == nil || !strings.Contains(err.Error(), "example.com/m v1.0.0 has no licence file") {
		t.Errorf("the error is %v", err)
	}
}
