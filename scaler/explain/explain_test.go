package explain_test

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/decide"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/explain"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/loop"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/loop/looptest"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/sample"
)

var start = time.UnixMilli(1_700_000_000_000)

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
			r.in.Replicas, r.in.ByRule, r.in.Pods = d.To, true, nil
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
		r.in.Block, r.in.NoUp, r.in.NoDown = decide.Block{}, "", ""
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
	if c.NewSample || c.Data || len(c.Values) > 0 || c.Replicas > 0 || c.Max > 0 || c.Min > 0 {
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
	if c.Max > 1 {
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
	for seed := range uint64(600) {
		w := looptest.New(seed)
		for range 12 {
			d := w.Next()
			e := explain.Of(d)
			_, reason := d.Result()
			reasons[reason]++
			for _, c := range e.Changes {
				kinds[kind(c)]++
				fail := func(what string, c explain.Change) {
					t.Fatalf("seed %d: %s\n%s\n%s\n%+v\ndecision %+v\npolicy %+v\nbefore %+v", seed, what, e.Did, e.Next, c, d.Input, w.Target.Policy, d.Before)
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
	for seed := range uint64(150) {
		w := looptest.New(seed)
		for range 12 {
			d := w.Next()
			if d.Before == nil || d.Failed() || d.Off() {
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
						if c.Action != got.Action || len(c.Values) > 0 && c.After > 0 {
							return false
						}
						for _, v := range c.Values {
							if c.Action == decide.Up && (v.Trigger != i || value < v.Bound) || c.Action == decide.Down && (v.Trigger != i || value > v.Bound) {
								return false
							}
						}
						return true
					}) {
						t.Fatalf("seed %d: %v of trigger %d leads to %s\n%s\n%s\n%+v\ndecision %+v\npolicy %+v", seed, value, i, got.Action, e.Did, e.Next, e.Changes, d.Input, w.Target.Policy)
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
	for seed := range uint64(300) {
		w := looptest.New(seed)
		for range 12 {
			d := w.Next()
			e := explain.Of(d)
			for _, s := range []string{e.Did, e.Next} {
				if s == "" || !strings.HasSuffix(s, ".") || strings.Contains(s, "%!") || strings.Contains(s, "  ") || strings.Contains(s, "<nil>") || len(s) > 200+40*(len(d.Samples)-1) {
					t.Fatalf("%q", s)
				}
			}
		}
	}
}

// BenchmarkOf is one explanation, of all kinds of decisions.
func BenchmarkOf(b *testing.B) {
	var all []loop.Decision
	for seed := range uint64(50) {
		w := looptest.New(seed)
		for range 12 {
			all = append(all, w.Next())
		}
	}
	b.ReportAllocs()
	n := 0
	for b.Loop() {
		explain.Of(all[n%len(all)])
		n++
	}
}
