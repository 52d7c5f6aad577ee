package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/camunda-autoscaler/camunda-autoscaler/examples/scan-workers/rig"
	"github.com/camunda-autoscaler/camunda-autoscaler/examples/scan-workers/steps"
)

const interval = 5 * time.Second // of scrapes and decisions

// compareSteps measures steps down, in real time: jobs of 5 to 60 s.
func compareSteps(ctx context.Context, dir string, arrivals bool, grace, pools int) error {
	hpa := steps.HPA{Dir: filepath.Join(dir, "hpa"), Max: 12}
	ways := []steps.Way{
		{Name: "scaler with `busy_pods`", Prefix: "gentle", Pools: pools, Target: rig.Gentle},
		{Name: "scaler without", Prefix: "plain", Pools: pools, Target: rig.Plain},
		{Name: "HPA", Prefix: "hpa", Pools: pools, Floor: 1, Start: func(ctx context.Context, pools ...string) error { return hpa.Start(ctx, pools...) }},
	}
	load := steps.Load{Burst: 12, Shortest: 5, Longest: 60, Bursts: 2}
	if arrivals {
		load = steps.Load{Burst: 10, Shortest: 5, Longest: 60, Every: 12 * time.Second, For: 2 * time.Minute, Bursts: 2}
	}
	r, err := rig.Up(ctx, dir, rig.Options{
		Pools: steps.Pools(ways, interval), Scrape: interval, Decide: interval, Grace: grace, Give: 10 * time.Second,
	})
	if err != nil {
		return err
	}
	defer r.Down()
	hpa.Rig = r
	rows, err := steps.Measure(ctx, r, ways, load, os.Stderr)
	if err != nil {
		return err
	}
	steps.WriteRemoved(os.Stderr, rows, "gentle")
	fmt.Printf("jobs of %.0f to %.0f s, %d s to end, %d pools for each, %d jobs at once", load.Shortest, load.Longest, grace, pools, load.Burst)
	if arrivals {
		fmt.Printf(" and then one every %s for %s", load.Every, load.For)
	}
	fmt.Print("\n\n")
	steps.Markdown(os.Stdout, rows)
	return nil
}
