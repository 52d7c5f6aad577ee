package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// tracked returns the repository's files that match one of Git's patterns,
// by their paths from the top; new ones too, unless they are ignored.
func tracked(t *testing.T, patterns ...string) []string {
	t.Helper()
	command := exec.Command("git", append([]string{"ls-files", "--cached", "--others", "--exclude-standard", "--"}, patterns...)...)
	command.Dir = top
	out, err := command.Output()
	if err != nil {
		t.Fatalf("git ls-files: %v", err)
	}
	var files []string
	for name := range strings.FieldsSeq(string(out)) {
		if _, err := os.Stat(filepath.Join(top, name)); err == nil { // removed, but not yet in the index
			files = append(files, name)
		}
	}
	if len(files) == 0 {
		t.Fatalf("no file matches %q", patterns)
	}
	return files
}

func read(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(top, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
