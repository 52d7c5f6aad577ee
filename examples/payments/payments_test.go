package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/camunda-autoscaler/camunda-autoscaler/examples/payments/rig"
	"github.com/camunda-autoscaler/camunda-autoscaler/examples/payments/story"
	"github.com/camunda-autoscaler/camunda-autoscaler/testbed/play/playtest"
)

// TestExample applies the manifests to a real control plane and plays the story, each
// part of which builds on those before. The dashboard's queries then have results.
func TestExample(t *testing.T) {
	r := start(t)
	t.Run("manifests", func(t *testing.T) { testManifests(t, r) })
	t.Run("a developer", func(t *testing.T) { testDeveloper(t, r) })
	if !playtest.Parts(t, story.New(r, t.Logf).Parts()) {
		return
	}
	t.Run("dashboard", func(t *testing.T) { testDashboard(t, r) })
}

func start(t *testing.T) *rig.Rig {
	t.Helper()
	dir, err := os.MkdirTemp("", "example-payments-")
	if err != nil {
		t.Fatal(err)
	}
	r, err := rig.Up(t.Context(), filepath.Join(dir, "up"))
	if err != nil {
		t.Fatalf("%v\nthe logs are in %s", err, dir)
	}
	playtest.End(t, r, dir)
	return r
}

func TestBadFlags(t *testing.T) {
	for _, args := range [][]string{{"--twice"}, {"word"}} {
		var out strings.Builder
		if code := run(t.Context(), args, &out); code != 2 || !strings.Contains(out.String(), "try --help") {
			t.Errorf("%v: code %d, output %q", args, code, out.String())
		}
	}
}
