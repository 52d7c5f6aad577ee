// Package looptest makes decisions for tests: on targets of any configuration,
// with everything going wrong now and then.
package looptest

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"time"

	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/config"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/decide"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/loop"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/sample"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/workload"
)

// Start is when every World starts.
var Start = time.UnixMilli(1_700_000_000_123)

// World makes decisions on one target that follow one another.
type World struct {
	*rand.Rand
	Target config.Target

	state  decide.State
	now    time.Time
	n      int32
	byRule bool // that there are 0
	last   loop.Decision
}

// New returns a world whose configuration and faults depend on the seed alone.
func New(seed uint64) *World {
	w := &World{Rand: rand.New(rand.NewPCG(seed, 7)), now: Start, state: decide.NewState(Start)}
	p := decide.Policy{StepUp: int32(w.IntN(4)), StepDown: int32(w.IntN(4))}
	for i := range 1 + w.IntN(3)*w.IntN(2) {
		t := decide.Trigger{Rule: w.rule(), OnNoData: decide.HoldOnNoData}
		if i > 0 {
			t.Optional = w.one(3)
		}
		if w.one(4) {
			t.OnNoData, t.FallbackReplicas = decide.FallbackOnNoData, int32(1+w.IntN(4))
		}
		p.Triggers = append(p.Triggers, t)
	}
	if len(p.Triggers) > 1 {
		for i := range p.Triggers {
			p.Triggers[i].Name = []string{"lag", "requests", "tasks"}[i]
		}
	}
	p.Limits.Min = int32(1 + w.IntN(3))
	if p.FromZero() && w.one(2) {
		p.Limits.Min = 0
	}
	p.Limits.Max = p.Limits.Min + int32(w.IntN(6))
	duration := func() time.Duration { return time.Duration(w.IntN(2)*(1+w.IntN(90_000))) * time.Millisecond }
	p.ScaleUpDelay, p.ScaleDownDelay, p.ScaleDownCoverage, p.HoldAfterStart = duration(), duration(), duration(), duration()
	p.ScaleToZeroDelay = duration() / 2
	p.WaitForReady = w.one(3)
	if w.one(3) {
		p.BusyPods = &decide.BusyPods{WaitForIdle: duration(), StepUnknown: w.one(2)}
	}
	if w.one(4) {
		p.MaxSampleAge = time.Duration(5+w.IntN(60)) * time.Second
	}
	w.Target = config.Target{
		Name: "camunda", Workload: workload.Ref{APIVersion: "apps/v1", Kind: "Deployment", Namespace: "bpm", Name: "engine"},
		Policy: p, Interval: 10 * time.Second, DryRun: w.one(8),
	}
	for i := range p.Triggers {
		w.Target.Queries = append(w.Target.Queries, config.Query{PromQL: fmt.Sprint("query_", i)})
	}
	w.n = int32(1 + w.IntN(8))
	return w
}

// one in n.
func (w *World) one(n int) bool { return w.IntN(n) == 0 }

func (w *World) rule() decide.Rule {
	number := func() float64 {
		return []float64{0, 1, 20, 50, 33.3, 0.001, 1e6, w.ExpFloat64() * 40}[w.IntN(8)]
	}
	if w.one(3) {
		return decide.Rule{Kind: decide.Target, ValuePerReplica: number() + 0.5}
	}
	down := number()
	return decide.Rule{Kind: decide.Step, ScaleDownAt: down, ScaleUpAt: down + 1 + number(), Absolute: w.one(3)}
}

func (w *World) sample(spacing time.Duration) sample.Result {
	s := sample.Result{Outcome: sample.Value, Timestamp: w.now.Add(-time.Duration(w.IntN(4000)) * time.Millisecond), Spacing: spacing}
	s.Value = []float64{0, float64(w.IntN(400)), w.ExpFloat64() * 60, w.ExpFloat64() * 1e5, -3}[w.IntN(5)]
	switch w.IntN(25) {
	case 0:
		return sample.Result{Outcome: sample.Failed, Err: errors.New("503")}
	case 1:
		return sample.Result{Outcome: sample.NoData}
	case 2:
		s.Outcome, s.Value = sample.NotANumber, math.NaN()
	case 3:
		s.Outcome, s.Series = sample.ManySeries, 3
	case 4:
		s.Outcome, s.Timestamp = sample.Stale, w.now.Add(-20*time.Minute)
	case 5:
		s.Outcome, s.Timestamp = sample.Future, w.now.Add(time.Minute)
	case 6:
		s.Value, s.Empty = 0, w.Target.Policy.Limits.Min > 0 // else no configuration allows it
	}
	return s
}

// Next returns the decision ten seconds later.
func (w *World) Next() loop.Decision {
	d := w.next()
	action, reason := d.Result()
	lastAction, lastReason := w.last.Result()
	d.Repeat = action == lastAction && reason == lastReason && d.Cause == w.last.Cause
	w.last = d
	return d
}

func (w *World) next() loop.Decision {
	w.now = w.now.Add(10*time.Second + time.Duration(w.IntN(300)-150)*time.Microsecond)
	d := loop.Decision{Target: &w.Target}
	in := decide.Input{Now: w.now, Limits: w.Target.Policy.Limits, Used: w.one(6), Replicas: w.n, ByRule: w.byRule}
	for range w.Target.Policy.Triggers {
		in.Samples = append(in.Samples, w.sample([]time.Duration{0, 10 * time.Second, time.Minute}[w.IntN(3)]))
	}
	switch w.IntN(14) {
	case 0:
		in.Limits.MaxUnknown = true
	case 1:
		in.Limits.Ceiling, in.Limits.MaxBy = int32(1+w.IntN(4)), "night"
	case 2:
		in.Block = []decide.Block{
			{Reason: decide.Paused, By: "file"},
			{Reason: decide.Paused, By: "annotation"},
			{Reason: decide.Contested, Left: 3 * time.Minute},
			{Reason: decide.OwnedByOther, By: "horizontalpodautoscaler/engine"},
			{Reason: decide.OwnedByOther, By: "another camunda-scaler", Left: time.Minute},
		}[w.IntN(5)]
	case 3:
		in.Replicas, in.ByRule = 0, false
	case 5:
		in.NoUp = "file"
	case 6:
		in.NoDown = "annotation"
	case 4:
		in.Replicas, in.ByRule = int32(1+w.IntN(9)), false // by hand
		d.Change = loop.Change{Kind: loop.ChangeKind(1 + w.IntN(3)), From: w.n, To: in.Replicas}
	}
	if w.one(2) {
		in.Ready = new(w.Int32N(in.Replicas + 1))
	}
	if w.one(30) { // not readable, or nothing to decide on
		in.Replicas = 0
		d.Decision = w.Target.Policy.Again(in, nil)
		d.Err, d.Cause = errors.New("forbidden"), "forbidden"
		return d
	}
	before := w.state
	d.Before = &before
	d.Scale = &workload.Scale{Replicas: in.Replicas, Ready: in.Ready, UID: "7c3e", Writer: workload.Writer{Manager: "kubectl", Time: w.now.Truncate(time.Second)}}
	decided, state := w.Target.Policy.Decide(in, w.state)
	if decided.Action == decide.Down && w.Target.Policy.BusyPods != nil {
		in.Pods = &decide.Pods{Idle: int32(w.IntN(3))}
		if w.one(3) {
			in.Pods.Err = errors.New("forbidden")
		}
		decided, state = w.Target.Policy.Decide(in, w.state)
	}
	d.Decision, w.state = decided, state
	if d.Reason == decide.BusyUnknown {
		d.Err, d.Cause = in.Pods.Err, "forbidden"
	}
	if !in.Used {
		d.Lag = time.Duration(1+w.IntN(900)) * time.Millisecond
	}
	if d.Reason == decide.QueryFailed {
		d.Err, d.Cause = d.Sample().Err, "server"
	}
	if d.Action != decide.None {
		w.state = w.state.Acted(w.now)
		if w.one(10) {
			d.Err, d.Cause = errors.New("conflict"), "conflict"
			return d
		}
	}
	if !w.Target.DryRun {
		w.n = d.To
		if w.byRule = w.byRule || d.Action != decide.None; d.Off() {
			w.n, w.byRule = 1, false // and on again
		}
	}
	return d
}
