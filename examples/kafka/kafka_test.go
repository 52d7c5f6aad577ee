package main

import (
	"context"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/camunda-autoscaler/camunda-autoscaler/examples/kafka/parts"
	"github.com/camunda-autoscaler/camunda-autoscaler/examples/kafka/story"
	"github.com/camunda-autoscaler/camunda-autoscaler/examples/kafka/system"
)

// TestExample installs the charts on a real control plane and plays the story, each
// part of which builds on those before. The dashboard's queries then have results.
func TestExample(t *testing.T) {
	s := start(t)
	for _, part := range s.Parts() {
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
	t.Run("dashboard", func(t *testing.T) { testDashboard(t, s) })
}

func start(t *testing.T) *story.Story {
	dir, err := os.MkdirTemp("", "example-kafka-")
	if err != nil {
		t.Fatal(err)
	}
	p, err := parts.Build(t.Context(), t.Output(), filepath.Join(dir, "bin"))
	if err != nil {
		t.Fatal(err)
	}
	s, err := system.Up(context.WithoutCancel(t.Context()), filepath.Join(dir, "up"), p, system.Options{
		Interval: 2 * time.Second, Out: t.Output(), AlertsAfter: "2s", Values: story.Values,
	})
	if err != nil {
		t.Fatalf("%v\nthe logs are in %s", err, dir)
	}
	t.Cleanup(func() {
		s.Down()
		var children syscall.Rusage
		if err := syscall.Getrusage(syscall.RUSAGE_CHILDREN, &children); err == nil {
			t.Logf("all processes took %.0f s of CPU time", time.Duration(children.Utime.Nano()+children.Stime.Nano()).Seconds())
		}
		if t.Failed() {
			t.Logf("problems in Pods: %v; the logs are in %s", s.Problems(), dir)
			return
		}
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	return story.New(s, t.Logf)
}
