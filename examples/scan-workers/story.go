package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/camunda-autoscaler/camunda-autoscaler/examples/scan-workers/queue"
	"github.com/camunda-autoscaler/camunda-autoscaler/examples/scan-workers/rig"
	"github.com/camunda-autoscaler/camunda-autoscaler/testbed/pods"
)

const (
	pool     = "scans"
	interval = 2 * time.Second // of scrapes and decisions
)

// show brings all up, sends a burst of jobs, and shows how the workers follow.
func show(ctx context.Context, dir string, out io.Writer, n int, once bool) (err error) {
	start := time.Now()
	say := func(format string, args ...any) {
		fmt.Fprintf(out, "%4d s  "+format+"\n", append([]any{int(time.Since(start).Seconds())}, args...)...)
	}
	say("starting RabbitMQ, a Kubernetes control plane, Prometheus and the scaler")
	r, err := rig.Up(ctx, dir, rig.Options{
		Pools:  []rig.Pool{{Name: pool, Target: rig.Gentle(pool, interval)}},
		Scrape: interval, Decide: interval, Grace: 30, Give: 10 * time.Second,
	})
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, r.Problems())
		}
		r.Down()
	}()
	say("all is up: the scaler's page is %s/targets/%s", r.Scaler, pool)
	say("nothing to do: the workers go to 0 (here after 5 s; the default is 5 minutes)")
	follow := follower{rig: r, say: say}
	if err := follow.until(ctx, func(s rig.State) bool { return s.Replicas == 0 && s.Pods == 0 }); err != nil {
		return err
	}
	say("%d jobs of 5 to 60 s arrive at once", n)
	sent := time.Now()
	if err := r.Submit(ctx, pool, Jobs(rand.New(rand.NewPCG(1, 2)), n, 5, 60)...); err != nil { //nolint:gosec // not for secrets
		return err
	}
	if err := follow.until(ctx, func(s rig.State) bool { return s.Pods > 0 }); err != nil {
		return err
	}
	say("the first Pod was there %.1f s after the first job", r.First(pods.Started, sent).Sub(sent).Seconds())
	if err := follow.until(ctx, func(s rig.State) bool { return s.Jobs == 0 && s.Replicas == 0 && s.Pods == 0 }); err != nil {
		return err
	}
	results, err := r.Results(ctx, pool, n)
	if err != nil {
		return err
	}
	again := 0
	for _, result := range results {
		again += int(result.Deliveries) - 1
	}
	say("%d results are in the stream; %d jobs were interrupted, %d deliveries were repeated", len(results), r.Count(pods.Killed), again)
	if once {
		if n := r.Count(pods.Killed); n > 0 {
			return fmt.Errorf("%d jobs were interrupted", n)
		}
		return nil
	}
	say("it stays up until Ctrl-C; the workers' Deployment, what the scaler thinks of it, and Prometheus:")
	fmt.Fprintf(out, "  KUBECONFIG=%s kubectl -n %s get deployments,pods --watch\n  curl %s/targets/%s\n  Prometheus: %s\n", r.Cluster.Kubeconfig, rig.Namespace, r.Scaler, pool, r.Prometheus.URL)
	return follow.until(ctx, func(rig.State) bool { return false })
}

// Jobs returns n jobs that take a random time.
func Jobs(random *rand.Rand, n int, shortest, longest float64) []queue.Job {
	jobs := make([]queue.Job, n)
	for i := range jobs {
		jobs[i] = queue.Job{
			ID: fmt.Sprintf("%08x", random.Uint32()), Repository: fmt.Sprintf("team/service-%d", random.IntN(20)),
			Commit: fmt.Sprintf("%07x", random.Uint32()>>4), Seconds: shortest + random.Float64()*(longest-shortest),
		}
	}
	return jobs
}

// follower shows each change.
type follower struct {
	rig  *rig.Rig
	say  func(string, ...any)
	last rig.State
}

func (f *follower) until(ctx context.Context, enough func(rig.State) bool) error {
	for {
		s, err := f.rig.State(ctx, pool)
		if err != nil {
			return err
		}
		if s != f.last {
			f.last = s
			f.say("jobs %3d   replicas %2d   Pods %2d %s", s.Jobs, s.Replicas, s.Pods, strings.Repeat("#", s.Pods))
		}
		if enough(s) {
			return nil
		}
		if err := f.rig.Err(); err != nil {
			return err
		}
		select {
		case <-time.After(500 * time.Millisecond):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
