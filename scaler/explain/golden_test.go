package explain_test

import (
	"errors"
	"flag"
	"fmt"
	"math"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/config"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/decide"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/explain"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/loop"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/sample"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/workload"
)

var update = flag.Bool("update", false, "Write the golden files.")

// scene is a decision on the default rule, but for what it changes.
type scene struct {
	name   string
	change func(t *config.Target, in *decide.Input, st *decide.State)
}

type (
	target = config.Target
	input  = decide.Input
	state  = decide.State
)

func value(in *input, v float64, replicas int32) { in.Samples[0].Value, in.Replicas = v, replicas }

func outcome(o sample.Outcome, change func(*sample.Result)) func(*target, *input, *state) {
	return func(_ *target, in *input, _ *state) {
		in.Samples[0].Outcome = o
		change(&in.Samples[0])
	}
}

func blocked(b decide.Block) func(*target, *input, *state) {
	return func(_ *target, in *input, _ *state) {
		value(in, 121, 2)
		in.Block = b
	}
}

var scenes = []scene{
	{"within_bounds", func(_ *target, in *input, _ *state) { value(in, 121, 3) }},
	{"load_high", func(_ *target, in *input, _ *state) { value(in, 121, 2) }},
	{"load_high, far", func(_ *target, in *input, _ *state) { value(in, 500, 2) }},
	{"load_high, dry run", func(t *target, in *input, _ *state) { value(in, 121, 2); t.DryRun = true }},
	{"load_high_at_max", func(_ *target, in *input, _ *state) { value(in, 500, 4) }},
	{"load_high_at_max, by the calendar", func(_ *target, in *input, _ *state) {
		value(in, 500, 2)
		in.Limits.Max, in.Limits.Ceiling, in.Limits.MaxBy = 2, 2, "night"
	}},
	{"load_high_at_max, by max_replicas_query", func(t *target, in *input, _ *state) {
		value(in, 500, 3)
		t.MaxReplicasQuery, in.Limits.Max = "partitions", 3
	}},
	{"load_low", func(_ *target, in *input, _ *state) { value(in, 30, 3) }},
	{"load_low_at_min", func(_ *target, in *input, _ *state) { value(in, 5, 1) }},
	{"load_low_at_min, by the calendar", func(_ *target, in *input, _ *state) { value(in, 5, 3); in.Limits.Min, in.Limits.MinBy = 3, "office" }},
	{"below_min", func(_ *target, in *input, _ *state) { value(in, 50, 2); in.Limits.Min, in.Limits.MinBy = 3, "office" }},
	{"above_max", func(_ *target, in *input, _ *state) {
		value(in, 121, 3)
		in.Limits.Max, in.Limits.Ceiling, in.Limits.MaxBy = 2, 2, "night"
	}},
	{"fallback", func(t *target, in *input, st *state) {
		t.Policy.Triggers[0].OnNoData, t.Policy.Triggers[0].FallbackReplicas = decide.FallbackOnNoData, 3
		in.Samples[0] = sample.Result{Outcome: sample.NoData}
		_, *st = t.Policy.Decide(input{Now: in.Now.Add(-time.Minute), Samples: in.Samples, Replicas: 2, Limits: in.Limits}, *st)
	}},
	{"no_data, with a fallback", func(t *target, in *input, st *state) {
		t.Policy.Triggers[0].OnNoData, t.Policy.Triggers[0].FallbackReplicas = decide.FallbackOnNoData, 3
		in.Samples[0] = sample.Result{Outcome: sample.NoData}
		_, *st = t.Policy.Decide(input{Now: in.Now.Add(-10 * time.Second), Samples: in.Samples, Replicas: 2, Limits: in.Limits}, *st)
	}},
	{"scale_up_delay", func(t *target, in *input, _ *state) { value(in, 121, 2); t.Policy.ScaleUpDelay = 30 * time.Second }},
	{"within_bounds, with delays", func(t *target, in *input, _ *state) {
		value(in, 121, 3)
		t.Policy.ScaleUpDelay, t.Policy.ScaleDownDelay = 30*time.Second, 5*time.Minute
	}},
	{"scale_down_delay", func(t *target, in *input, _ *state) { value(in, 30, 3); t.Policy.ScaleDownDelay = 5 * time.Minute }},
	{"scale_down_coverage", func(t *target, in *input, _ *state) { value(in, 30, 3); t.Policy.ScaleDownCoverage = 10 * time.Minute }},
	{"hold_after_start", func(t *target, in *input, _ *state) { value(in, 121, 2); t.Policy.HoldAfterStart = 2 * time.Minute }},
	{"wait_for_ready", func(t *target, in *input, _ *state) {
		value(in, 121, 2)
		t.Policy.WaitForReady, in.Ready = true, new(int32(1))
	}},
	{"sample_used", func(_ *target, in *input, _ *state) { value(in, 121, 2); in.Used = true }},
	{"no_data", outcome(sample.NoData, func(s *sample.Result) { *s = sample.Result{Outcome: sample.NoData} })},
	{"stale", outcome(sample.Stale, func(s *sample.Result) { s.Timestamp = s.Timestamp.Add(-2 * time.Minute) })},
	{"sample_from_future", outcome(sample.Future, func(s *sample.Result) { s.Timestamp = s.Timestamp.Add(time.Minute) })},
	{"not_a_number", outcome(sample.NotANumber, func(s *sample.Result) { s.Value = math.Inf(1) })},
	{"many_series", outcome(sample.ManySeries, func(s *sample.Result) { s.Series = 3 })},
	{"query_failed", outcome(sample.Failed, func(s *sample.Result) { s.Err = errors.New("query up: 503") })},
	{"max_unknown", func(t *target, in *input, _ *state) {
		value(in, 121, 2)
		t.MaxReplicasQuery, in.Limits.MaxUnknown = "partitions", true
	}},
	{"switched_off", func(_ *target, in *input, _ *state) { value(in, 121, 0) }},
	{"paused by the annotation", blocked(decide.Block{Reason: decide.Paused, By: "annotation"})},
	{"paused down", func(_ *target, in *input, _ *state) { value(in, 30, 3); in.NoDown = "annotation" }},
	{"paused up", func(_ *target, in *input, _ *state) { value(in, 121, 2); in.NoUp = "file" }},
	{"wait_for_idle", func(t *target, in *input, _ *state) {
		value(in, 30, 3)
		t.Policy.BusyPods, in.Pods = &decide.BusyPods{WaitForIdle: time.Minute}, &decide.Pods{}
	}},
	{"busy_unknown", func(t *target, in *input, _ *state) {
		value(in, 30, 3)
		t.Policy.BusyPods, in.Pods = &decide.BusyPods{}, &decide.Pods{Err: errors.New("no series with a number")}
	}},
	{"scale_to_zero_delay", func(t *target, in *input, _ *state) { toZero(t, in, 0, 1) }},
	{"load_low, to 0", func(t *target, in *input, _ *state) { toZero(t, in, 0, 1); t.Policy.ScaleToZeroDelay = 0 }},
	{"load_low_at_min, 0", func(t *target, in *input, _ *state) { toZero(t, in, 0, 0) }},
	{"load_high, from 0", func(t *target, in *input, _ *state) { toZero(t, in, 1, 0) }},
	{"no_data, at 0", func(t *target, in *input, _ *state) {
		toZero(t, in, 0, 0)
		in.Samples[0] = sample.Result{Outcome: sample.NoData}
	}},
	{"within_bounds, at 0 per total", func(t *target, in *input, _ *state) {
		toZero(t, in, 5, 0)
		t.Policy.Triggers[0].Rule = decide.Rule{Kind: decide.Step, ScaleUpAt: 10, ScaleDownAt: 1, Absolute: true}
	}},
	{"owned_by_other", blocked(decide.Block{Reason: decide.OwnedByOther, By: "horizontalpodautoscaler/engine"})},
	{"contested", blocked(decide.Block{Reason: decide.Contested, Left: 6 * time.Minute})},
	{"per total", func(t *target, in *input, _ *state) {
		value(in, 3, 2)
		t.Policy.Triggers[0].Rule = decide.Rule{Kind: decide.Step, ScaleUpAt: 10, ScaleDownAt: 1, Absolute: true}
	}},
	{"target rule, up", func(t *target, in *input, _ *state) { value(in, 4100, 2); scaledBy(t, 1000) }},
	{"target rule, within", func(t *target, in *input, _ *state) { value(in, 4100, 5); scaledBy(t, 1000) }},
	{"target rule, down", func(t *target, in *input, _ *state) { value(in, 1100, 5); scaledBy(t, 1000) }},
	{"three triggers, within", func(t *target, in *input, _ *state) { three(t, in, 2500, 12, 3) }},
	{"three triggers, up", func(t *target, in *input, _ *state) { three(t, in, 9000, 12, 3) }},
	{"three triggers, one without data", func(t *target, in *input, _ *state) {
		three(t, in, 100, 12, 3)
		in.Samples[1] = sample.Result{Outcome: sample.NoData}
	}},
}

func toZero(t *target, in *input, load float64, replicas int32) {
	value(in, load, replicas)
	scaledBy(t, 10)
	in.ByRule, t.Policy.Limits.Min = true, 0
}

func scaledBy(t *target, perReplica float64) {
	t.Policy.Triggers[0].Rule = decide.Rule{Kind: decide.Target, ValuePerReplica: perReplica}
	t.Policy.StepUp, t.Policy.StepDown, t.Policy.Limits.Max = 0, 0, 12
}

func three(t *target, in *input, lag, requests, tasks float64) {
	t.Policy.Triggers = []decide.Trigger{
		{Name: "lag", Rule: decide.Rule{Kind: decide.Target, ValuePerReplica: 1000}},
		{Name: "requests", Rule: decide.Rule{Kind: decide.Step, ScaleUpAt: 30, ScaleDownAt: 5}},
		{Name: "tasks", Optional: true, Rule: decide.Rule{Kind: decide.Step, ScaleUpAt: 20, ScaleDownAt: 2, Absolute: true}},
	}
	s := in.Samples[0]
	in.Samples = nil
	for _, v := range []float64{lag, requests, tasks} {
		s.Value = v
		in.Samples = append(in.Samples, s)
	}
	in.Replicas = 3
}

// decided is the scene's decision.
func (s scene) decided() loop.Decision {
	t := &config.Target{
		Name: "camunda", Workload: workload.Ref{Kind: "Deployment", Namespace: "bpm", Name: "engine"},
		Policy: decide.DefaultPolicy(), Interval: 10 * time.Second,
	}
	t.Policy.Triggers = []decide.Trigger{t.Policy.Triggers[0]}
	now := start.Add(time.Minute)
	in := input{Now: now, Replicas: 2, Limits: t.Policy.Limits, Samples: []sample.Result{{
		Outcome: sample.Value, Value: 121, Timestamp: now.Add(-300 * time.Millisecond), Spacing: 10 * time.Second,
	}}}
	st := decide.NewState(start)
	s.change(t, &in, &st)
	if in.Limits == decide.DefaultLimits() {
		in.Limits = t.Policy.Limits
	}
	d := loop.Decision{Target: t, Before: &st, Scale: &workload.Scale{Replicas: in.Replicas, Ready: in.Ready}}
	d.Decision, _ = t.Policy.Decide(in, st)
	if d.Reason == decide.BusyUnknown {
		d.Err, d.Cause = in.Pods.Err, "result"
	}
	if d.Reason == decide.QueryFailed {
		d.Err, d.Cause = in.Samples[0].Err, "server"
	}
	return d
}

// The sentences, to be read.
func TestGolden(t *testing.T) {
	var text strings.Builder
	for _, s := range scenes {
		d := s.decided()
		_, reason := d.Result()
		if expected, _, ok := strings.Cut(s.name, ","); ok && strings.Contains(expected, "_") && string(reason) != expected {
			t.Errorf("%s: the reason is %s", s.name, reason)
		}
		e := explain.Of(d)
		fmt.Fprintf(&text, "%s\n%s\n\n", s.name, explain.Wrap(e.Did+" "+e.Next, "  ", 80))
	}
	const path = "testdata/sentences.txt"
	if *update {
		if err := os.WriteFile(path, []byte(text.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if text.String() != string(want) {
		t.Errorf("the sentences differ from %s; if they are better, run go test ./explain -update\n%s", path, text.String())
	}
	for line := range strings.Lines(text.String()) {
		if len(strings.TrimRight(line, "\n")) > 80 {
			t.Errorf("a line of %d columns: %s", len(line)-1, line)
		}
	}
}
