package flap

import (
	"math"
	"math/rand/v2"
	"testing"
	"testing/quick"

	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/decide"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/sample"
)

// step1 is a policy of one step rule.
func step1(up, down float64, low, high, stepUp, stepDown int32) decide.Policy {
	return decide.Policy{
		Triggers: []decide.Trigger{{Rule: decide.Rule{Kind: decide.Step, ScaleUpAt: up, ScaleDownAt: down}}},
		Limits:   decide.Limits{Min: low, Max: high}, StepUp: stepUp, StepDown: stepDown,
	}
}

// find is Find with the policy's own limits.
func find(p decide.Policy) (Flap, bool) { return Find(p, p.Limits, false) }

// flapsAt tries constant loads from every number of replicas, by the decision
// code alone.
func flapsAt(p decide.Policy, loads ...float64) bool {
	samples := make([]sample.Result, len(loads))
	for i, load := range loads {
		samples[i] = sample.Result{Outcome: sample.Value, Value: load}
	}
	next := make([]int32, p.Limits.Max+3)
	for n := min(1, p.Limits.Min); n < int32(len(next)); n++ {
		d, _ := p.Decide(decide.Input{Samples: samples, Replicas: n, ByRule: true, Limits: p.Limits}, decide.State{})
		next[n] = d.To
	}
	return cycles(next)
}

// cycles reports whether a walk never ends, from any start.
func cycles(next []int32) bool {
	for start := range next {
		n := int32(start)
		for range next { // more steps than there are places: it has been somewhere twice
			n = next[n]
		}
		if next[n] != n {
			return true
		}
	}
	return false
}

// loads are those at the rule's bounds with any number of replicas, and those
// just beside them: what the rule does changes nowhere else.
func loads(r decide.Rule, high int32) []float64 {
	var all []float64
	seen := map[float64]bool{}
	for n := int32(1); n <= high; n++ {
		for _, bound := range []float64{r.ScaleUpAt, r.ScaleDownAt} {
			at := bound * float64(n)
			for _, load := range []float64{at, math.Nextafter(at, math.Inf(1)), math.Nextafter(at, math.Inf(-1))} {
				if !seen[load] {
					seen[load] = true
					all = append(all, load)
				}
			}
		}
	}
	return all
}

func flapsAtAny(p decide.Policy) bool {
	for _, load := range loads(p.Triggers[0].Rule, p.Limits.Max) {
		if flapsAt(p, load) {
			return true
		}
	}
	return false
}

// checkFlap compares the proof with what was found by trying.
func checkFlap(t *testing.T, p decide.Policy, found bool) bool {
	t.Helper()
	flap, ok := find(p)
	if ok != found {
		t.Fatalf("%+v: the proof says %v (%v), trying says %v", p, ok, flap, found)
	}
	if ok && (!flapsAt(p, flap.Low) || flap.High < flap.Low) {
		t.Fatalf("%+v does not flap as predicted: %v", p, flap)
	}
	return ok
}

// tally sees to it that a test of both kinds has both.
type tally struct{ flapping, steady int }

func (c *tally) add(flaps bool) {
	if flaps {
		c.flapping++
	} else {
		c.steady++
	}
}

func (c *tally) check(t *testing.T) {
	t.Helper()
	t.Logf("%d flap, %d do not", c.flapping, c.steady)
	if c.flapping < 100 || c.steady < 100 {
		t.Error("too few of one kind to prove anything")
	}
}

// For every rule of a grid, with numbers that a binary fraction can and cannot
// hold, and steps of one, the proof says the same as trying every load that
// could matter.
func TestFlapsIsWhatDecideDoes(t *testing.T) {
	var c tally
	for _, unit := range []float64{1, 0.1, 1.0 / 3} {
		for up := -1; up <= 8; up++ {
			for down := -2; down < up; down++ {
				for low := int32(1); low <= 3; low++ {
					for high := low; high <= 5; high++ {
						p := step1(float64(up)*unit, float64(down)*unit, low, high, 1, 1)
						c.add(checkFlap(t, p, flapsAtAny(p)))
					}
				}
			}
		}
	}
	c.check(t)
}

// The same for steps of any size, with every ratio of the bounds at which the
// answer can change, and those just beside it.
func TestFlapsIsWhatDecideDoesWithAnySteps(t *testing.T) {
	var c tally
	for low := int32(1); low <= 3; low++ {
		for high := low + 1; high <= 6; high++ {
			for steps := range int32(25) {
				for up := 2; up <= 6; up++ {
					for down := 1; down < up; down++ {
						for _, beside := range []float64{0, math.Inf(-1)} {
							p := step1(float64(up), float64(down), low, high, steps/5, steps%5)
							if beside != 0 {
								p.Triggers[0].Rule.ScaleDownAt = math.Nextafter(float64(down), beside)
							}
							c.add(checkFlap(t, p, flapsAtAny(p)))
						}
					}
				}
			}
		}
	}
	c.check(t)
}

// Several triggers flap if and only if one of them would do so alone; a target
// or an absolute rule never does, and keeps none from it.
func TestFlapsWithSeveralTriggers(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	var c tally
	for range 400 {
		p := step1(0, 0, 1+r.Int32N(2), 0, r.Int32N(4), r.Int32N(4))
		p.Limits.Max = p.Limits.Min + 1 + r.Int32N(3)
		p.Triggers = make([]decide.Trigger, 2)
		var all [2][]float64
		for i := range p.Triggers {
			down := float64(r.IntN(5) - 1)
			rule := decide.Rule{Kind: decide.Step, ScaleDownAt: down, ScaleUpAt: down + 1 + float64(r.IntN(3)), Absolute: r.IntN(4) == 0}
			if r.IntN(4) == 0 {
				rule = decide.Rule{Kind: decide.Target, ValuePerReplica: 1}
			}
			p.Triggers[i] = decide.Trigger{Name: string(rune('a' + i)), Rule: rule}
			all[i] = append(loads(rule, p.Limits.Max), -1e9, 0, 1, 2, 3, 4, 5)
		}
		found := false
		for _, a := range all[0] {
			for _, b := range all[1] {
				found = found || flapsAt(p, a, b)
			}
		}
		flap, ok := find(p)
		if ok != found {
			t.Fatalf("%+v: the proof says %v (%v), trying says %v", p, ok, flap, found)
		}
		c.add(ok)
		if !ok {
			continue
		}
		at := []float64{-1e9, -1e9} // the other one is low
		at[flap.Trigger[0]-'a'] = flap.Low
		if !flapsAt(p, at...) {
			t.Fatalf("%+v does not flap as predicted: %v", p, flap)
		}
	}
	c.check(t)
}

// To 0 and back no constant load goes, from any number of replicas, 0 included,
// under the rules for which there may be 0.
func TestZeroDoesNotFlap(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for range 2000 {
		p := step1(0, 0, 0, 1+r.Int32N(5), r.Int32N(4), r.Int32N(4))
		p.Triggers = nil
		var all []float64
		for i := range 1 + r.IntN(2) {
			down := float64(r.IntN(7) - 2)
			rule := decide.Rule{Kind: decide.Step, ScaleDownAt: down, ScaleUpAt: down + 1 + float64(r.IntN(3)), Absolute: true}
			if r.IntN(2) == 0 {
				rule = decide.Rule{Kind: decide.Target, ValuePerReplica: float64(1+r.IntN(9)) / 3}
			}
			p.Triggers = append(p.Triggers, decide.Trigger{Name: string(rune('a' + i)), Rule: rule})
			all = append(all, loads(rule, p.Limits.Max)...)
		}
		all = append(all, math.SmallestNonzeroFloat64, -1, 0, 1, 2, 3, rule0(p))
		if flap, ok := find(p); ok {
			t.Fatalf("%+v: %v", p, flap)
		}
		for range 50 {
			samples := make([]float64, len(p.Triggers))
			for i := range samples {
				samples[i] = all[r.IntN(len(all))]
			}
			if flapsAt(p, samples...) {
				t.Fatalf("%+v flaps at %v", p, samples)
			}
		}
	}
}

// rule0 is a load at a bound of the first target rule.
func rule0(p decide.Policy) float64 { return p.Triggers[0].Rule.ValuePerReplica }

// Under the default rule a constant load goes one way and then stays, from
// wherever it starts.
func TestConstantLoadNeverFlaps(t *testing.T) {
	p := decide.DefaultPolicy()
	for load := 0.0; load <= 500; load += 0.25 { // every bound times every number of replicas is among them
		if flapsAt(p, load) {
			t.Fatalf("a constant load of %v flaps", load)
		}
	}
	holds := func(load float64) bool { return math.IsNaN(load) || !flapsAt(p, load) }
	if err := quick.Check(holds, &quick.Config{MaxCount: 10_000}); err != nil {
		t.Error(err)
	}
}

func TestTheDefaultRuleCannotFlap(t *testing.T) {
	if flap, ok := find(decide.DefaultPolicy()); ok {
		t.Error(flap)
	}
	edge := decide.DefaultPolicy()
	edge.Triggers[0].Rule.ScaleDownAt = 25
	if flap, ok := find(edge); !ok || flap != (Flap{From: 1, To: 2, Low: 50, High: 50, Below: 25}) {
		t.Errorf("got %+v, %v", flap, ok)
	}
	edge.Triggers[0].Rule.ScaleDownAt = math.Nextafter(25, 0)
	if flap, ok := find(edge); ok {
		t.Error(flap)
	}
}

func TestFlapNamesLoadAndReplicas(t *testing.T) {
	several := step1(100, 50, 1, 10, 1, 1)
	several.Triggers = append([]decide.Trigger{{Name: "lag", Rule: decide.Rule{Kind: decide.Target, ValuePerReplica: 1}}}, several.Triggers...)
	several.Triggers[1].Name = "requests"
	for _, c := range []struct {
		name   string
		policy decide.Policy
		capped bool
		want   string
		below  float64
	}{
		{"steps of one", step1(50, 25, 1, 4, 1, 1), false, "a constant load of 50 makes the target flap between 1 and 2 replicas", 25},
		{"any steps", step1(50, 20, 1, 4, 0, 0), false, "a constant load of 50 makes the target flap between 1 and 4 replicas", 12.5},
		// With steps of 3 from 1 replica it comes back over the 2 that would do.
		{"comes to rest", step1(60, 20, 1, 1e9, 3, 2), false, "", 0},
		{"passes the rest", step1(60, 30, 1, 1e9, 3, 2), false, "a constant load of 60 makes the target flap between 1 and 4 replicas", 30},
		{"a trigger", several, false, `a constant load of 100 of trigger "requests", with low loads of the others, makes the target flap between 1 and 2 replicas`, 50},
		{"no cap", step1(60, 26, 2, 9, 5, 3), false, "", 0},
		{"a cap", step1(60, 26, 2, 9, 5, 3), true, "while max_replicas_query returns 5, a constant load of 120 makes the target flap between 2 and 5 replicas", 24},
		{"nowhere to go", step1(50, 25, 4, 4, 1, 1), false, "", 0},
		{"the highest load", step1(math.MaxFloat64, 1e308, 1, 2, 1, 1), false, "a constant load of 1.7976931348623157e+308 makes the target flap between 1 and 2 replicas", math.MaxFloat64 / 2},
		{"no load is that high", step1(math.MaxFloat64, 1e308, 2, 3, 1, 1), false, "", 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			flap, ok := Find(c.policy, c.policy.Limits, c.capped)
			if ok != (c.want != "") || ok && (flap.String() != c.want || flap.Below != c.below) {
				t.Errorf("got %v, below %v, want %q, below %v", flap, flap.Below, c.want, c.below)
			}
		})
	}
}

// However many replicas there may be, it takes no longer.
func BenchmarkFlaps(b *testing.B) {
	p := step1(60, 20, 1, math.MaxInt32, 300_001, 200_000)
	b.ReportAllocs()
	for b.Loop() {
		find(p)
	}
}
