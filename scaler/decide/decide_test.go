package decide

import (
	"errors"
	"math"
	"testing"

	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/sample"
)

func TestDefaultRule(t *testing.T) {
	for _, c := range []struct {
		per      float64 // per instance
		replicas int32
		action   Action
		reason   Reason
		bound    float64 // 0 is none
	}{
		{50, 1, Up, LoadHigh, 50},
		{49.99, 1, None, WithinBounds, 0},
		{20.01, 1, None, WithinBounds, 0},
		{20, 1, None, LoadLowAtMin, 20},
		{0, 1, None, LoadLowAtMin, 20},
		{50, 3, Up, LoadHigh, 50},
		{50, 4, None, LoadHighAtMax, 50},
		{1e9, 4, None, LoadHighAtMax, 50},
		{49.99, 4, None, WithinBounds, 0},
		{20.01, 4, None, WithinBounds, 0},
		{20, 4, Down, LoadLow, 20},
		{0, 4, Down, LoadLow, 20},
		{-5, 4, Down, LoadLow, 20},
		{20, 2, Down, LoadLow, 20},
		// Outside of min and max the rule holds to the letter: no jump back.
		{50, 9, None, LoadHighAtMax, 50},
		{20, 9, Down, LoadLow, 20},
	} {
		d := decide1(value(c.per*float64(c.replicas)), c.replicas, DefaultRule(), DefaultLimits())
		want := c.replicas + map[Action]int32{Up: 1, Down: -1}[c.action]
		if d.Action != c.action || d.Reason != c.reason || d.From != c.replicas || d.To != want || math.Abs(d.PerInstance-c.per) > 1e-6*math.Abs(c.per) {
			t.Errorf("%v per instance at %d replicas: got %+v, want %s to %d, %s", c.per, c.replicas, d, c.action, want, c.reason)
		}
		if got := d.Bound; (got == nil) != (c.bound == 0) || got != nil && *got != c.bound {
			t.Errorf("%v per instance at %d replicas: got bound %v, want %v", c.per, c.replicas, got, c.bound)
		}
	}
}

// The division is real: with an integer one, 149 starts on 3 replicas would be
// 49 as well as 50 minus something.
func TestTheDivisionIsReal(t *testing.T) {
	for started, want := range map[float64]Action{149: None, 150: Up, 61: None, 60: Down} {
		if d := decide1(value(started), 3, DefaultRule(), DefaultLimits()); d.Action != want {
			t.Errorf("%v started on 3 replicas: got %+v, want %s", started, d, want)
		}
	}
}

// Whatever is missing or broken must never move anything.
func TestHolds(t *testing.T) {
	for _, c := range []struct {
		sample   sample.Result
		replicas int32
		want     Reason
	}{
		{sample.Result{}, 2, QueryFailed},
		{sample.Result{Outcome: sample.Failed, Err: errors.New("x")}, 2, QueryFailed},
		{sample.Result{Outcome: sample.NoData}, 2, NoData},
		{sample.Result{Outcome: sample.Stale, Value: 500}, 2, Stale},
		{sample.Result{Outcome: sample.Future, Value: 500}, 2, FromFuture},
		{sample.Result{Outcome: sample.NotANumber, Value: math.NaN()}, 2, NotANumber},
		{sample.Result{Outcome: sample.ManySeries, Series: 2}, 2, ManySeries},
		{sample.Result{Outcome: "nonsense"}, 2, QueryFailed},
		{value(math.NaN()), 2, NotANumber},
		{value(math.Inf(1)), 2, NotANumber},
		{value(math.Inf(-1)), 2, NotANumber},
		{value(500), 0, SwitchedOff},
		{value(0), 0, SwitchedOff},
		{value(500), -1, SwitchedOff},
	} {
		t.Run(string(c.want), func(t *testing.T) {
			d := decide1(c.sample, c.replicas, DefaultRule(), DefaultLimits())
			if d.Action != None || d.Reason != c.want || d.To != c.replicas || !math.IsNaN(d.PerInstance) || d.Bound != nil {
				t.Errorf("%+v at %d replicas: got %+v, want none, %s", c.sample, c.replicas, d, c.want)
			}
		})
	}
}

func BenchmarkDecide(b *testing.B) { benchmark(b, DefaultPolicy()) }

func benchmark(b *testing.B, p Policy) {
	st := State{}
	in := Input{Samples: []sample.Result{value(120)}, Replicas: 2, Limits: p.Limits}
	b.ReportAllocs()
	for b.Loop() {
		p.Decide(in, st)
	}
}

// The set of reasons is closed, and each is a hold, a wait, or neither.
func TestReasons(t *testing.T) {
	seen := map[Reason]bool{}
	holds, waits := 0, 0
	for _, r := range Reasons() {
		if seen[r] || r == "" {
			t.Errorf("%q is there twice, or empty", r)
		}
		seen[r] = true
		if r.Holds() {
			holds++
		}
		if r.Waits() {
			waits++
		}
		if r.Holds() && r.Waits() {
			t.Errorf("%s is both", r)
		}
	}
	if len(seen) != 30 || holds != 14 || waits != 8 {
		t.Errorf("%d reasons, of them %d holds and %d waits", len(seen), holds, waits)
	}
}
