package main

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/camunda-autoscaler/camunda-autoscaler/examples/kafka/parts"
	"github.com/camunda-autoscaler/camunda-autoscaler/examples/kafka/story"
	"github.com/camunda-autoscaler/camunda-autoscaler/examples/kafka/system"
	"github.com/camunda-autoscaler/camunda-autoscaler/testbed/play/playtest"
)

// TestExample installs the charts on a real control plane and plays the story, each
// part of which builds on those before. The dashboard's queries then have results.
func TestExample(t *testing.T) {
	s := start(t)
	if !playtest.Parts(t, s.Parts()) {
		return
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
	playtest.End(t, s, dir)
	return story.New(s, t.Logf)
}
