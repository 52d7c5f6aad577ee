package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"testing"
)

// Every configuration of the scaler in the documentation is one that it accepts, without a warning.
func TestConfigurations(t *testing.T) {
	scaler := filepath.Join(t.TempDir(), "camunda-scaler")
	build := exec.Command("go", "build", "-o", scaler, "./cmd/camunda-scaler")
	build.Dir, build.Env = filepath.Join(top, "scaler"), append(os.Environ(), "GOWORK=off")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	targets := regexp.MustCompile(`(?m)^targets:`)
	found := 0
	for _, name := range tracked(t, "*.md") {
		_, blocks := split(read(t, name))
		for _, b := range blocks {
			if b.language != "yaml" || !targets.MatchString(b.text) {
				continue
			}
			found++
			t.Run(name+":"+strconv.Itoa(b.line), func(t *testing.T) {
				file := filepath.Join(t.TempDir(), "scaler.yml")
				if err := os.WriteFile(file, []byte(b.text), 0o600); err != nil {
					t.Fatal(err)
				}
				if out, err := exec.Command(scaler, "check-config", "--strict", file).CombinedOutput(); err != nil {
					t.Errorf("%v\n%s", err, out)
				}
			})
		}
	}
	if found < 4 {
		t.Errorf("found %d configurations: this test reads them wrongly", found)
	}
}
