package build

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A part of an example is made once from a copy of its source, and made again
// when the source or a flag changes.
func TestCustom(t *testing.T) {
	t.Setenv("CAMUNDA_AUTOSCALER_CACHE", t.TempDir())
	source := t.TempDir()
	writeFile(t, filepath.Join(source, "words"), "one")
	made := 0
	part := Custom{
		Name: "words", Title: "Words", Cost: "a moment", Source: source, Flags: []string{"-v1"},
		Make: func(ctx context.Context, c Custom, project, result, log string) error {
			made++
			writeFile(t, filepath.Join(project, "scratch"), "")
			return Run(ctx, project, log, "cp", "words", filepath.Join(result, "copy"+strings.Join(c.Flags, "")))
		},
	}
	ensure := func(wantMade int, file, text string) {
		t.Helper()
		folder, err := part.Ensure(t.Context(), t.Output())
		if err != nil || made != wantMade {
			t.Fatalf("made %d times (%v), want %d", made, err, wantMade)
		}
		if got := readFile(t, filepath.Join(folder, file)); got != text {
			t.Errorf("the result is %q, want %q", got, text)
		}
	}
	ensure(1, "copy-v1", "one")
	ensure(1, "copy-v1", "one")
	writeFile(t, filepath.Join(source, "words"), "two")
	ensure(2, "copy-v1", "two")
	part.Flags = []string{"-v2"}
	ensure(3, "copy-v2", "two")
	if files, err := os.ReadDir(source); err != nil || len(files) != 1 {
		t.Errorf("the source has %v (%v): building must not write to it", files, err)
	}
	part.Flags = []string{"-v3"}
	writeFile(t, filepath.Join(source, "words"), "three")
	if err := os.Remove(filepath.Join(source, "words")); err != nil {
		t.Fatal(err)
	}
	if _, err := part.Ensure(t.Context(), t.Output()); err == nil {
		t.Error("a failed program is no error")
	}
}
