package explain_test

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
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

var start = time.UnixMilli(1_700_000_000_000)

// world makes decisions on a target of any configuration.
type world struct {
	*rand.Rand
	target config.Target
	state  decide.State
	now    time.Time
	n      int32
}

func newWorld(seed uint64) *world {
	w := &world{Rand: rand.New(rand.NewPCG(seed, 7)), now: start, state: decide.NewState(start)}
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
	p.Limits.Max = p.Limits.Min + int32(w.IntN(6))
	duration := func() time.Duration { return time.Duration(w.IntN(2)*(1+w.IntN(90_000))) * time.Millisecond }
	p.ScaleUpDelay, p.ScaleDownDelay, p.ScaleDownCoverage, p.HoldAfterStart = duration(), duration(), duration(), duration()
	p.WaitForReady = w.one(3)
	if w.one(4) {
		p.MaxSampleAge = time.Duration(5+w.IntN(60)) * time.Second
	}
	w.target = config.Target{
		Name: "camunda", Workload: workload.Ref{Kind: "Deployment", Namespace: "bpm", Name: "web"}, Policy: p,
		Interval: 10 * time.Second, DryRun: w.one(8),
	}
	w.n = int32(1 + w.IntN(8))
	return w
}

// one in n.
func (w *world) one(n int) bool { return w.IntN(n) == 0 }

func (w *world) rule() decide.Rule {
	number := func() float64 {
		return []float64{0, 1, 20, 50, 33.3, 0.001, 1e6, w.ExpFloat64() * 40}[w.IntN(8)]
	}
	if w.one(3) {
		return decide.Rule{Kind: decide.Target, ValuePerReplica: number() + 0.5}
	}
	down := number()
	return decide.Rule{Kind: decide.Step, ScaleDownAt: down, ScaleUpAt: down + 1 + number(), Absolute: w.one(3)}
}

func (w *world) sample(spacing time.Duration) sample.Result {
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
		s.Value, s.Empty = 0, true
	}
	return s
}

func (w *world) next() loop.Decision {
	w.now = w.now.Add(10 * time.Second)
	d := loop.Decision{Target: &w.target}
	in := decide.Input{Now: w.now, Limits: w.target.Policy.Limits, Used: w.one(6), Replicas: w.n}
	for range w.target.Policy.Triggers {
		in.Samples = append(in.Samples, w.sample([]time.Duration{0, 10 * time.Second, time.Minute}[w.IntN(3)]))
	}
	switch w.IntN(14) {
	case 0:
		in.Limits.MaxUnknown = true
	case 1:
		in.Limits.Ceiling, in.Limits.MaxBy = int32(1+w.IntN(4)), "night"
	case 2:
		in.Block = []decide.Block{
			{Reason: decide.Paused, By: "file"}, {Reason: decide.Paused, By: "annotation"}, {Reason: decide.Contested, Left: 3 * time.Minute},
			{Reason: decide.OwnedByOther, By: "horizontalpodautoscaler/web"}, {Reason: decide.OwnedByOther, By: "another camunda-scaler", Left: time.Minute},
		}[w.IntN(5)]
	case 3:
		in.Replicas = 0
	case 4:
		in.Replicas = int32(1 + w.IntN(9)) // by hand
	}
	if w.one(2) {
		in.Ready = new(w.Int32N(in.Replicas + 1))
	}
	if w.one(30) { // not readable, or nothing to decide on
		in.Replicas = 0
		d.Decision = w.target.Policy.Again(in, nil)
		d.Err, d.Cause = errors.New("forbidden"), "forbidden"
		return d
	}
	before := w.state
	d.Before, d.Scale = &before, &workload.Scale{Replicas: in.Replicas}
	d.Decision, w.state = w.target.Policy.Decide(in, w.state)
	if d.Reason == decide.QueryFailed {
		d.Cause = "server"
	}
	if d.Action != decide.None {
		w.state = w.state.Acted(w.now)
		if w.one(10) {
			d.Err, d.Cause = errors.New("conflict"), "conflict"
			return d
		}
	}
	if !w.target.DryRun {
		w.n = max(1, d.To)
	}
	return d
}

// trial plays a decision again with other inputs, for a while.
type trial struct {
	policy decide.Policy
	in     decide.Input
	state  decide.State
}

// trialOf is the decision or, after a step, the one on the next sample.
func trialOf(d loop.Decision) *trial {
	r := &trial{policy: d.Target.Policy, in: d.Input, state: *d.Before}
	r.in.Samples = slices.Clone(d.Samples)
	if d.Action != decide.None {
		_, r.state = r.policy.Decide(r.in, r.state)
		r.state = r.state.Acted(r.in.Now)
		if !d.Target.DryRun {
			r.in.Replicas = d.To
		}
		r.pass(d.Target.Interval)
	}
	return r
}

// pass lets time pass, with new samples of the same values.
func (r *trial) pass(by time.Duration) {
	r.in.Now = r.in.Now.Add(by)
	for i, s := range r.in.Samples {
		if s.Missing() == "" {
			r.in.Samples[i].Timestamp = s.Timestamp.Add(by)
		}
	}
	r.fresh()
}

// fresh makes the samples new ones.
func (r *trial) fresh() {
	r.in.Used = false
	for i, s := range r.in.Samples {
		if s.Missing() == "" && !s.Timestamp.After(r.state.Since) {
			r.in.Samples[i].Timestamp = r.in.Now
		}
	}
}

// apply changes what the change names, but for the time.
func (r *trial) apply(c explain.Change) {
	if c.Unblocked {
		r.in.Block = decide.Block{}
	}
	for _, v := range c.Values {
		s := &r.in.Samples[v.Trigger]
		at, spacing := s.Timestamp, s.Spacing
		if s.Missing() != "" {
			at = r.in.Now
		}
		*s = sample.Result{Outcome: sample.Value, Value: v.Bound, Timestamp: at, Spacing: spacing}
	}
	if c.Replicas > 0 {
		r.in.Replicas = c.Replicas
	}
	if c.Max > 0 {
		r.in.Limits.Max = c.Max
		if r.in.Limits.Ceiling > 0 {
			r.in.Limits.Ceiling = max(r.in.Limits.Ceiling, c.Max)
		}
	}
	if c.MaxKnown {
		r.in.Limits.MaxUnknown = false
	}
	for i, s := range r.in.Samples {
		if c.Data && s.Missing() != "" {
			r.in.Samples[i] = sample.Result{Outcome: sample.Value, Value: 1e12, Timestamp: r.in.Now, Spacing: s.Spacing}
		}
	}
	if c.Min > 0 {
		r.in.Limits.Min = c.Min
	}
	if c.NewSample || len(c.Values) > 0 || c.Replicas > 0 || c.Max > 0 || c.Min > 0 {
		r.fresh()
	}
}

// after plays for a while, and returns what is decided at its end.
func (r *trial) after(while time.Duration, noData bool) decide.Decision {
	for step := r.policy.MaxAge(0); while > 0; while -= step {
		for _, s := range r.in.Samples {
			step = min(step, r.policy.MaxAge(s.Spacing))
		}
		if noData {
			r.in.Now = r.in.Now.Add(min(step, while))
			continue
		}
		_, r.state = r.policy.Decide(r.in, r.state)
		r.pass(min(step, while))
	}
	d, _ := r.policy.Decide(r.in, r.state)
	return d
}

// play returns what the change leads to.
func play(d loop.Decision, c explain.Change) decide.Decision {
	r := trialOf(d)
	r.apply(c)
	return r.after(c.After, c.NoData)
}

// lesser are the next smaller changes.
func lesser(d loop.Decision, c explain.Change) (all []explain.Change) {
	for i, v := range c.Values {
		less := c
		less.Values = slices.Clone(c.Values)
		bound := v.Bound + math.Pow10(-v.Decimals)
		if c.Action == decide.Up {
			bound = v.Bound - math.Pow10(-v.Decimals)
		}
		bound, _ = strconv.ParseFloat(strconv.FormatFloat(bound, 'f', v.Decimals, 64), 64)
		if bound != v.Bound { // it is too large for decimals
			less.Values[i].Bound = bound
			all = append(all, less)
		}
	}
	add := func(change func(*explain.Change)) {
		less := c
		change(&less)
		all = append(all, less)
	}
	n := trialOf(d).in.Replicas
	switch {
	case c.Replicas > n:
		add(func(c *explain.Change) { c.Replicas-- })
	case c.Replicas > 0:
		add(func(c *explain.Change) { c.Replicas++ })
	}
	if c.Max > 0 {
		add(func(c *explain.Change) { c.Max-- })
	}
	if c.Min > 0 {
		add(func(c *explain.Change) { c.Min++ })
	}
	if c.Data {
		add(func(c *explain.Change) { c.Data = false })
	}
	if c.MaxKnown {
		add(func(c *explain.Change) { c.MaxKnown = false })
	}
	if c.After > 0 {
		add(func(c *explain.Change) { c.After -= time.Millisecond })
	}
	if c.Unblocked {
		add(func(c *explain.Change) { c.Unblocked = false })
	}
	if c.NewSample && d.Action == decide.None && c.After == 0 {
		add(func(c *explain.Change) { c.NewSample = false })
	}
	return all
}

// Every change that is named leads to the step that is named, and the next
// smaller one does not.
func TestChangesAreTrueAndLeast(t *testing.T) {
	reasons, kinds := map[decide.Reason]int{}, map[string]int{}
	for seed := range uint64(1500) {
		w := newWorld(seed)
		for range 12 {
			d := w.next()
			e := explain.Of(d)
			_, reason := d.Result()
			reasons[reason]++
			for _, c := range e.Changes {
				kinds[kind(c)]++
				fail := func(what string, c explain.Change) {
					t.Fatalf("seed %d: %s\n%s\n%s\n%+v\ndecision %+v\npolicy %+v\nbefore %+v", seed, what, e.Did, e.Next, c, d.Input, w.target.Policy, d.Before)
				}
				step := play(d, c)
				if step.Action != c.Action || step.To != c.To {
					fail(fmt.Sprintf("the change leads to %s to %d (%s)", step.Action, step.To, step.Reason), c)
				}
				if c.Ready {
					r := trialOf(d)
					r.apply(c)
					r.in.Ready = &r.in.Replicas
					if got := r.after(0, false); got.Reason == decide.WaitForReady {
						fail("it waits for Pods that are ready", c)
					}
				}
				for _, less := range lesser(d, c) {
					if got := play(d, less); got.Action == step.Action && got.Reason == step.Reason {
						fail(fmt.Sprintf("the smaller change leads to %s to %d (%s)", got.Action, got.To, got.Reason), less)
					}
				}
			}
		}
	}
	for _, r := range decide.Reasons() {
		if reasons[r] == 0 {
			t.Errorf("no decision had the reason %s", r)
		}
	}
	t.Log(reasons, kinds)
	for _, k := range []string{"value", "values", "replicas", "min", "max", "max known", "no data", "data", "unblocked", "new sample", "ready", "after"} {
		if kinds[k] == 0 {
			t.Errorf("no change was of the kind %s", k)
		}
	}
}

func kind(c explain.Change) string {
	switch {
	case len(c.Values) > 1:
		return "values"
	case len(c.Values) > 0:
		return "value"
	case c.Replicas > 0:
		return "replicas"
	case c.MaxKnown:
		return "max known"
	case c.Max > 0:
		return "max"
	case c.Min > 0:
		return "min"
	case c.NoData:
		return "no data"
	case c.Data:
		return "data"
	case c.Unblocked:
		return "unblocked"
	case c.NewSample:
		return "new sample"
	case c.Ready:
		return "ready"
	case c.After > 0:
		return "after"
	}
	return "nothing"
}

// No way is left out: if another value of one trigger led to a step at once, a
// change says so.
func TestNoValueIsLeftOut(t *testing.T) {
	tried := 0
	for seed := range uint64(400) {
		w := newWorld(seed)
		for range 12 {
			d := w.next()
			if d.Before == nil || d.Failed() || d.Replicas <= 0 {
				continue
			}
			e := explain.Of(d)
			for i := range d.Samples {
				for _, value := range []float64{-1, 0, 10, 100, 1e9, w.ExpFloat64() * 100} {
					r := trialOf(d)
					r.apply(explain.Change{Unblocked: true, Values: []explain.Value{{Trigger: i, Bound: value}}})
					got := r.after(0, false)
					if got.Reason != decide.LoadHigh && got.Reason != decide.LoadLow {
						continue
					}
					tried++
					if !slices.ContainsFunc(e.Changes, func(c explain.Change) bool {
						if c.Action != got.Action || c.After > 0 {
							return false
						}
						for _, v := range c.Values {
							if c.Action == decide.Up && (v.Trigger != i || value < v.Bound) || c.Action == decide.Down && (v.Trigger != i || value > v.Bound) {
								return false
							}
						}
						return len(c.Values) > 0 || c.NewSample || c.Unblocked || d.Used || got.Action == c.Action
					}) {
						t.Fatalf("seed %d: %v of trigger %d leads to %s\n%s\n%s\n%+v\ndecision %+v\npolicy %+v", seed, value, i, got.Action, e.Did, e.Next, e.Changes, d.Input, w.target.Policy)
					}
				}
			}
		}
	}
	if tried < 1000 {
		t.Errorf("only %d values led to a step", tried)
	}
}

// Sentences fit three lines of a terminal, name no NaN or placeholder, and end.
func TestSentences(t *testing.T) {
	for seed := range uint64(1500) {
		w := newWorld(seed)
		for range 12 {
			d := w.next()
			e := explain.Of(d)
			for _, s := range []string{e.Did, e.Next} {
				if s == "" || !strings.HasSuffix(s, ".") || strings.Contains(s, "%!") || strings.Contains(s, "  ") || strings.Contains(s, "<nil>") || len(s) > 200+40*(len(d.Samples)-1) {
					t.Fatalf("%q", s)
				}
			}
		}
	}
}
