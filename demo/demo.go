package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/camunda-autoscaler/camunda-autoscaler/demo/replay"
	"github.com/camunda-autoscaler/camunda-autoscaler/demo/scratch"
	"github.com/camunda-autoscaler/camunda-autoscaler/demo/screen"
	"github.com/camunda-autoscaler/camunda-autoscaler/demo/story"
	"github.com/camunda-autoscaler/camunda-autoscaler/testbed/build"
	"github.com/camunda-autoscaler/camunda-autoscaler/testbed/stack"
)

type demo struct {
	options
	begun  time.Time
	screen *screen.Screen
}

func newDemo(opts options, out *os.File) *demo {
	begun := time.Now()
	return &demo{options: opts, begun: begun, screen: screen.New(out, isTerminal(out), begun)}
}

func isTerminal(f *os.File) bool {
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0 && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
}

func (d *demo) run(ctx context.Context) (code int) {
	d.screen.Title("camunda-autoscaler: the whole job on real parts")
	d.screen.Say(`A starter starts process instances on a real Camunda 7.24. The exporter counts
those of the last 10 s, a real Prometheus scrapes it, and the scaler scales a
Deployment on a real Kubernetes API server by one rule: +1 replica at 50 or more
per replica (4 at most), -1 at 20 or less (1 at least), one step in 10 s.
What is not real: the Deployment's Pods are simulated by kwok, and run nothing.
One engine does all the work, so more replicas do not make it faster here.`)

	if err := build.Check(ctx); err != nil {
		return d.fail(ctx, fmt.Errorf("this machine lacks something:\n%w", err))
	}
	folder, err := scratch.New("")
	if err != nil {
		return d.fail(ctx, err)
	}
	defer func() { d.cleanUp(folder, code == 1) }()
	// Compilers that are interrupted leave their files behind.
	if err := os.Setenv("TMPDIR", folder.Path); err != nil {
		return d.fail(ctx, err)
	}
	if err := d.build(ctx); err != nil {
		return d.fail(ctx, err)
	}

	d.screen.Title("Starting the parts")
	s, err := stack.Up(ctx, folder.Path, d.phases[0].Starts, d.screen)
	if err != nil {
		return d.fail(ctx, err)
	}
	defer func() {
		d.screen.Title("Stopping the parts")
		s.Down()
		d.screen.Say("  all have ended")
	}()
	return d.show(ctx, s)
}

// show plays the story and stays, unless it is to end by itself.
func (d *demo) show(ctx context.Context, s *stack.Stack) int {
	p, err := newPlayer(s, d.screen, d.timeout)
	if err != nil {
		return d.fail(ctx, err)
	}
	d.screen.Say("\nThe scaler's page is %s/targets/%s", s.Scaler, target)
	played, err := p.play(ctx, d.phases)
	d.screen.Summary(d.phases, played)
	p.explain(d.phases)
	if !p.firstScaling.IsZero() {
		d.screen.Say("The first scaling came %.0f s after the demo was started, the end after %s.",
			p.firstScaling.Sub(d.begun).Seconds(), screen.Clock(time.Since(d.begun)))
	}
	if err != nil {
		return d.fail(ctx, err)
	}
	code := 0
	if !settled(played) || !d.replay(ctx, s) {
		code = 1
	}
	if d.once {
		return code
	}
	d.tell(s)
	if err := p.follow(ctx); ctx.Err() == nil {
		return d.fail(ctx, err)
	}
	return code
}

// replay replays what Prometheus has recorded, and returns whether that takes
// the steps that the scaler took.
func (d *demo) replay(ctx context.Context, s *stack.Stack) bool {
	d.screen.Title("The same run once more, from what Prometheus recorded")
	same, live, all, command, err := replay.Compare(ctx, s.ScalerProgram, s.Prometheus.URL, s.ScalerLog(), time.Now().Truncate(time.Millisecond))
	switch {
	case err != nil:
		d.screen.Bad("  %v", err)
		return false
	case !all:
		d.screen.Bad("  The replay takes only %d of the scaler's %d steps on the same samples:", same, live)
	default:
		d.screen.Good("  The replay takes all of the scaler's %d steps, on the same samples:", live)
	}
	d.screen.Say("  %s", command)
	return all
}

func settled(played []*story.Progress) bool {
	for _, p := range played {
		if p.Settled == 0 {
			return false
		}
	}
	return true
}

// build builds what is missing, and says every now and then that it still
// does.
func (d *demo) build(ctx context.Context) error {
	begun := time.Now()
	done := make(chan struct{})
	defer close(done)
	go func() {
		for {
			select {
			case <-time.After(30 * time.Second):
				d.screen.Say("  building for %s now", screen.Clock(time.Since(begun)))
			case <-done:
				return
			}
		}
	}()
	_, err := build.Ensure(ctx, d.screen, stack.Parts()...)
	return err
}

// tell says what there is to look at.
func (d *demo) tell(s *stack.Stack) {
	d.screen.Title("It all stays up until Ctrl-C")
	d.screen.Say(`Change the rate (starts per 10 s) and watch the decisions below:
  curl -X PUT -d 120 %[1]s/rate
Watch the Deployment with kubectl, if you have it:
  export KUBECONFIG=%[2]s
  kubectl get deployment camunda-deployment --watch
Pages:
  exporter  %[3]s
  scaler    %[4]s
  target    %[4]s/targets/%[7]s
  starter   %[1]s
  Camunda   %[5]s/version  (its REST API)
Prometheus has no pages in this build, but answers queries:
  curl %[6]s/api/v1/query -d query=camunda_scaler_replicas
  curl %[6]s/api/v1/query \
    -d query=camunda_process_instances_recently_started
`, s.Starter, s.Cluster.Kubeconfig, s.Exporter, s.Scaler, s.Engine.URL, s.Prometheus.URL, target)
	d.screen.Columns()
}

// fail says what went wrong and returns the exit code.
func (d *demo) fail(ctx context.Context, err error) int {
	if ctx.Err() != nil {
		d.screen.Say("\nInterrupted.")
		return 130
	}
	d.screen.Bad("\nThe demo failed: %v", err)
	return 1
}

func (d *demo) cleanUp(folder *scratch.Folder, failed bool) {
	if failed || d.keepLogs {
		kept, err := folder.KeepLogs()
		if err != nil {
			d.screen.Bad("%v", err)
		} else {
			d.screen.Say("The logs of all parts are in %s", kept)
		}
	}
	if err := folder.Remove(); err != nil {
		d.screen.Bad("The scratch folder could not be removed: %v", err)
	}
}
