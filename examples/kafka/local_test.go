package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// ARGS='--local -- PROGRAM' runs a program with a cluster that has the chart's
// topics, and ends with the program's exit code.
func TestLocal(t *testing.T) {
	sent := filepath.Join(t.TempDir(), "sent")
	t.Setenv("MESSAGES", "20")
	t.Setenv("SENT", sent)
	var out strings.Builder
	code := run(t.Context(), []string{"--local", "--", "sh", "-c", `python3 -m posts.producer > "$SENT"; exit 7`}, &out)
	text, _ := os.ReadFile(sent)
	if code != 7 || !strings.Contains(string(text), `"sent": 20, "acknowledged": 20`) || !strings.Contains(out.String(), "three nodes and the topics are up") {
		t.Errorf("code %d, %q\n%s", code, text, out.String())
	}
}

// A mistake in the flags says where help is, and starts nothing.
func TestBadFlags(t *testing.T) {
	for _, args := range [][]string{{"--twice"}, {"python3"}, {"--", "python3"}} {
		t.Run(strings.Join(args, " "), func(t *testing.T) {
			var out strings.Builder
			if code := run(t.Context(), args, &out); code != 2 || !strings.Contains(out.String(), "try --help") {
				t.Errorf("code %d, output %q", code, out.String())
			}
		})
	}
}
