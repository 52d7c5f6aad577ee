package decide

import (
	"errors"
	"math"
	"testing"
	"testing/quick"

	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/sample"
)

// decide1 asks a policy of one rule, without a past.
func decide1(s sample.Result, replicas int32, r Rule, l Limits) Decision {
	p := DefaultPolicy()
	p.Triggers[0].Rule, p.Limits = r, l
	d, _ := p.Decide(Input{Samples: []sample.Result{s}, Replicas: replicas, Limits: l}, State{})
	return d
}

func value(v float64) sample.Result { return sample.Result{Outcome: sample.Value, Value: v} }

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

func TestBelowMin(t *testing.T) {
	limits := Limits{Min: 3, Max: 4}
	if d := decide1(value(0), 1, DefaultRule(), limits); d.Action != Up || d.To != 2 || d.Reason != BelowMin {
		t.Errorf("got %+v, want up", d)
	}
	if d := decide1(value(100), 2, DefaultRule(), limits); d.Action != Up || d.Reason != LoadHigh {
		t.Errorf("got %+v, want up", d)
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
		{sample.Result{Outcome: 99}, 2, QueryFailed},
		{value(math.NaN()), 2, NotANumber},
		{value(math.Inf(1)), 2, NotANumber},
		{value(math.Inf(-1)), 2, NotANumber},
		{value(500), 0, SwitchedOff},
		{value(0), 0, SwitchedOff},
		{value(500), -1, SwitchedOff},
	} {
		d := decide1(c.sample, c.replicas, DefaultRule(), DefaultLimits())
		if d.Action != None || d.Reason != c.want || d.To != c.replicas || !math.IsNaN(d.PerInstance) || d.Bound != nil {
			t.Errorf("%+v at %d replicas: got %+v, want none, %s", c.sample, c.replicas, d, c.want)
		}
	}
}

// TestConstantLoadNeverFlaps: under the default rule a constant load goes one
// way and then stays, from wherever it starts.
func TestConstantLoadNeverFlaps(t *testing.T) {
	settles := func(load float64, start int32) bool {
		seen := map[Action]bool{}
		replicas := start
		for range 20 {
			d := decide1(value(load), replicas, DefaultRule(), DefaultLimits())
			seen[d.Action], replicas = true, d.To
		}
		last := decide1(value(load), replicas, DefaultRule(), DefaultLimits())
		return (!seen[Up] || !seen[Down]) && last.Action == None
	}
	for start := int32(1); start <= 8; start++ {
		for load := 0.0; load <= 500; load += 0.25 { // every bound times every number of replicas is among them
			if !settles(load, start) {
				t.Fatalf("a constant load of %v flaps from %d replicas", load, start)
			}
		}
	}
	any := func(load float64, start uint8) bool { return settles(load, int32(start%8)+1) }
	if err := quick.Check(any, &quick.Config{MaxCount: 10_000}); err != nil {
		t.Error(err)
	}
}

// FuzzDecide: whatever comes in, the decision is one of the closed set, moves
// by at most one step in the direction that it says, and never leaves the
// bounds from inside.
func FuzzDecide(f *testing.F) {
	f.Add(1, 120.0, int32(1), 50.0, 20.0, int32(1), int32(4))
	f.Add(1, math.NaN(), int32(0), 50.0, 20.0, int32(1), int32(4))
	f.Add(0, 0.0, int32(math.MaxInt32), math.Inf(1), math.NaN(), int32(math.MinInt32), int32(math.MaxInt32))
	known := map[Reason]bool{}
	for _, r := range Reasons() {
		known[r] = true
	}
	f.Fuzz(func(t *testing.T, outcome int, v float64, replicas int32, up, down float64, least, most int32) {
		rule, limits := Rule{Kind: Step, ScaleUpAt: up, ScaleDownAt: down}, Limits{Min: least, Max: most}
		d := decide1(sample.Result{Outcome: sample.Outcome(outcome), Value: v}, replicas, rule, limits)
		if !known[d.Reason] {
			t.Errorf("reason %q is not among the known", d.Reason)
		}
		step, ok := map[Action]int32{Up: 1, Down: -1, None: 0}[d.Action]
		if !ok || d.From != replicas || d.To != replicas+step {
			t.Errorf("%+v does not fit %d replicas", d, replicas)
		}
		if d.Action != None && d.Reason != BelowMin && (sample.Outcome(outcome) != sample.Value || math.IsNaN(v) || math.IsInf(v, 0)) {
			t.Errorf("%+v without a finite number", d)
		}
		valid := len(rule.Problems()) == 0 && len(limits.Problems()) == 0
		if valid && d.Action != None && (d.To < 1 || d.Action == Up && d.To > most || d.Action == Down && d.To < least) {
			t.Errorf("%+v leaves %d to %d", d, least, most)
		}
	})
}

func TestProblems(t *testing.T) {
	if p := append(DefaultRule().Problems(), DefaultLimits().Problems()...); len(p) != 0 {
		t.Errorf("the default rule has problems: %v", p)
	}
	for _, c := range []struct {
		rule   Rule
		limits Limits
		field  string
	}{
		{Rule{Kind: Step, ScaleUpAt: 20, ScaleDownAt: 20}, Limits{Min: 1, Max: 4}, "scale_up_at"},
		{Rule{Kind: Step, ScaleUpAt: 10, ScaleDownAt: 20}, Limits{Min: 1, Max: 4}, "scale_up_at"},
		{Rule{Kind: Step, ScaleUpAt: math.NaN(), ScaleDownAt: 20}, Limits{Min: 1, Max: 4}, "scale_up_at"},
		{Rule{Kind: Step, ScaleUpAt: 50, ScaleDownAt: math.Inf(-1)}, Limits{Min: 1, Max: 4}, "scale_down_at"},
		{Rule{Kind: Step, ScaleUpAt: 50, ScaleDownAt: 20}, Limits{Min: 0, Max: 4}, "min_replicas"},
		{Rule{Kind: Step, ScaleUpAt: 50, ScaleDownAt: 20}, Limits{Min: 5, Max: 4}, "min_replicas"},
	} {
		if p := append(c.rule.Problems(), c.limits.Problems()...); len(p) != 1 || p[0].Field != c.field {
			t.Errorf("%+v: got %v, want a problem of %s", c, p, c.field)
		}
	}
}

func BenchmarkDecide(b *testing.B) {
	p, st := DefaultPolicy(), State{}
	in := Input{Samples: []sample.Result{value(120)}, Replicas: 2, Limits: p.Limits}
	b.ReportAllocs()
	for b.Loop() {
		p.Decide(in, st)
	}
}
