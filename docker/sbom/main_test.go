package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	cdx "github.com/CycloneDX/cyclonedx-go"
)

// The bill of each image's program has what the program is known to need, each
// with what a scanner looks it up by, and is the same each time.
func TestBillsOfTheProducts(t *testing.T) {
	const own = "github.com/camunda-autoscaler/camunda-autoscaler/"
	for module, want := range map[string]struct {
		program string
		needs   []string
	}{
		"exporter": {"camunda-exporter", []string{"github.com/prometheus/client_golang", "github.com/prometheus/exporter-toolkit", "github.com/alecthomas/kingpin/v2", "github.com/go-kit/log"}},
		"scaler":   {"camunda-scaler", []string{"k8s.io/client-go", "k8s.io/apimachinery", "github.com/prometheus/client_golang", "go.yaml.in/yaml/v3"}},
		"starter":  {"camunda-process-starter", []string{"github.com/prometheus/client_golang", "github.com/alecthomas/kingpin/v2"}},
	} {
		t.Run(module, func(t *testing.T) {
			program := filepath.Join(t.TempDir(), want.program)
			build := exec.Command("go", "build", "-trimpath", "-buildvcs=false", "-ldflags=-s -w -buildid=", "-o", program, "./cmd/"+want.program)
			build.Dir = filepath.Join("..", "..", module)
			build.Env = append(os.Environ(), "GOWORK=off", "CGO_ENABLED=0")
			if out, err := build.CombinedOutput(); err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			var first, second bytes.Buffer
			for _, w := range []*bytes.Buffer{&first, &second} {
				if err := write(w, program, "1.2.3"); err != nil {
					t.Fatal(err)
				}
			}
			if !bytes.Equal(first.Bytes(), second.Bytes()) {
				t.Error("it is not the same twice")
			}
			var bom cdx.BOM
			if err := cdx.NewBOMDecoder(&first, cdx.BOMFileFormatJSON).Decode(&bom); err != nil {
				t.Fatal(err)
			}
			if self := bom.Metadata.Component; self.Name != want.program || self.Version != "1.2.3" {
				t.Errorf("it is the bill of %s %s", self.Name, self.Version)
			}
			found := map[string]cdx.Component{}
			for _, c := range *bom.Components {
				if c.Version == "" || !strings.HasPrefix(c.PackageURL, "pkg:golang/"+c.Name+"@") {
					t.Errorf("%s: version %q, package URL %q", c.Name, c.Version, c.PackageURL)
				}
				if (c.Hashes == nil || len((*c.Hashes)[0].Value) != 64) && c.Name != "std" && !strings.HasPrefix(c.Name, own) {
					t.Errorf("%s has no checksum", c.Name)
				}
				found[c.Name] = c
			}
			for _, name := range append(want.needs, "std", own+"service") {
				if _, ok := found[name]; !ok {
					t.Errorf("%s is missing", name)
				}
			}
		})
	}
}

func TestNoGoProgram(t *testing.T) {
	if err := write(&bytes.Buffer{}, "main.go", "1.2.3"); err == nil || !strings.Contains(err.Error(), "main.go") {
		t.Errorf("got %v, want an error that names the file", err)
	}
}
