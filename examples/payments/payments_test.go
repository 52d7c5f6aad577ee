package main

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/camunda-autoscaler/camunda-autoscaler/examples/payments/rig"
	"github.com/camunda-autoscaler/camunda-autoscaler/examples/payments/story"
)

// TestExample applies the manifests to a real control plane and plays the story, each
// part of which builds on those before. The dashboard's queries then have results.
func TestExample(t *testing.T) {
	r := start(t)
	t.Run("manifests", func(t *testing.T) { testManifests(t, r) })
	t.Run("a developer", func(t *testing.T) { testDeveloper(t, r) })
	for _, part := range story.New(r, t.Logf).Parts() {
		began := time.Now()
		passed := t.Run(part.Name, func(t *testing.T) {
			if err := part.Play(t.Context()); err != nil {
				t.Errorf("promised: %s\n%v", part.Promise, err)
			}
		})
		if !passed {
			return
		}
		t.Logf("%s: %.0f s", part.Name, time.Since(began).Seconds())
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
	t.Cleanup(func() {
		r.Down()
		var children syscall.Rusage
		if err := syscall.Getrusage(syscall.RUSAGE_CHILDREN, &children); err == nil {
			t.Logf("all processes took %.0f s of CPU time", time.Duration(children.Utime.Nano()+children.Stime.Nano()).Seconds())
		}
		if t.Failed() {
			t.Logf("problems in Pods: %v; the logs are in %s", r.Problems(), dir)
			return
		}
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
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
