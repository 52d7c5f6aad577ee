// Command picture takes the picture in the README: it plays a story on the real
// stack, and opens the target's page in Chromium.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"time"

	"github.com/camunda-autoscaler/camunda-autoscaler/testbed/stack"
	"github.com/camunda-autoscaler/camunda-autoscaler/tests/dashboards"
	"github.com/camunda-autoscaler/camunda-autoscaler/tests/page"
)

func main() {
	out := flag.String("out", "../docs/pages", "Folder for the picture.")
	stay := flag.Bool("stay", false, "Keep everything running until Ctrl-C.")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, *out, *stay); err != nil {
		fmt.Fprintln(os.Stderr, "picture:", err)
		os.Exit(1)
	}
}

// phases are the story: up step by step, a pause that holds the target at its
// maximum, and down again to where a load that is neither high nor low leaves it.
func phases() []phase {
	return []phase{
		{starts: 5, replicas: 1, hold: 30 * time.Second},
		{starts: 120, replicas: 3, hold: 50 * time.Second},
		{starts: 500, replicas: 4, hold: 40 * time.Second},
		{starts: 60, paused: true, replicas: 4, hold: 40 * time.Second},
		{starts: 60, replicas: 2, hold: 60 * time.Second},
	}
}

type phase struct {
	starts   int // in ten seconds
	paused   bool
	replicas int           // where it ends
	hold     time.Duration // how long to stay there
}

func run(ctx context.Context, out string, stay bool) error {
	out, err := filepath.Abs(out)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "picture-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	browser, missing, err := page.NewBrowser(ctx, dir)
	switch {
	case err != nil:
		return err
	case missing != "":
		return errors.New(missing + " is not installed")
	}
	s, err := stack.Up(ctx, filepath.Join(dir, "stack"), phases()[0].starts, os.Stderr)
	if err != nil {
		return err
	}
	defer s.Down()
	for _, p := range phases() {
		fmt.Fprintf(os.Stderr, "%d starts in 10 s, paused: %v\n", p.starts, p.paused)
		if err := errors.Join(dashboards.Pause(ctx, s, p.paused), s.SetRate(ctx, p.starts)); err != nil {
			return err
		}
		if err := dashboards.AwaitReplicas(ctx, s, p.replicas); err != nil {
			return err
		}
		select {
		case <-time.After(p.hold):
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	err = take(ctx, browser, s.Scaler+"/targets/camunda-deployment", filepath.Join(out, "target.png"))
	if err == nil && stay {
		fmt.Fprintln(os.Stderr, "scaler:", s.Scaler, "exporter:", s.Exporter, "starter:", s.Starter, "program:", s.ScalerProgram)
		<-ctx.Done()
	}
	return err
}

// take makes the picture, if there is no fault on the page.
func take(ctx context.Context, browser *page.Browser, url, file string) error {
	v := page.Visit{URL: url, Width: 1100, Height: 1000, Scripts: true, Picture: file}
	seen, err := browser.Visit(ctx, v)
	if err != nil {
		return err
	}
	if problems := v.Problems(seen[0]); len(problems) > 0 {
		return errors.New(strings.Join(problems, "\n"))
	}
	return nil
}
