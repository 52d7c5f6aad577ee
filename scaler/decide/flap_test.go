package decide

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/sample"
)

// step1 is a policy of one step rule.
func step1(up, down float64, least, most, stepUp, stepDown int32) Policy {
	return Policy{
		Triggers: []Trigger{{Rule: Rule{Kind: Step, ScaleUpAt: up, ScaleDownAt: down}}},
		Limits:   Limits{Min: least, Max: most}, StepUp: stepUp, StepDown: stepDown,
	}
}

// flapsAt tries constant loads from every number of replicas, by the decision
// code alone.
func flapsAt(p Policy, loads ...float64) bool {
	samples := make([]sample.Result, len(loads))
	for i, load := range loads {
		samples[i] = value(load)
	}
	next := make([]int32, p.Limits.Max+3)
	for n := int32(1); n < int32(len(next)); n++ {
		d, _ := p.Decide(Input{Samples: samples, Replicas: n, Limits: p.Limits}, State{})
		next[n] = d.To
	}
	return cycles(next)
}

// cycles reports whether a walk goes on for ever from any start.
func cycles(next []int32) bool {
	for start := 1; start < len(next); start++ {
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
func loads(r Rule, most int32) []float64 {
	var all []float64
	seen := map[float64]bool{}
	for n := int32(1); n <= most; n++ {
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

func flapsAtAny(p Policy) bool {
	for _, load := range loads(p.Triggers[0].Rule, p.Limits.Max) {
		if flapsAt(p, load) {
			return true
		}
	}
	return false
}

// checkFlap compares the proof with what was found by trying.
func checkFlap(t *testing.T, p Policy, found bool) bool {
	t.Helper()
	flap, ok := p.Flaps()
	if ok != found {
		t.Fatalf("%+v: the proof says %v (%v), trying says %v", p, ok, flap, found)
	}
	if ok && (!flapsAt(p, flap.Low) || flap.High < flap.Low) {
		t.Fatalf("%+v does not do what it is said to: %v", p, flap)
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
				for least := int32(1); least <= 3; least++ {
					for most := least; most <= 5; most++ {
						p := step1(float64(up)*unit, float64(down)*unit, least, most, 1, 1)
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
	for least := int32(1); least <= 3; least++ {
		for most := least + 1; most <= 6; most++ {
			for steps := range int32(25) {
				for up := 2; up <= 6; up++ {
					for down := 1; down < up; down++ {
						for _, beside := range []float64{0, math.Inf(-1)} {
							p := step1(float64(up), float64(down), least, most, steps/5, steps%5)
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
		p.Triggers = make([]Trigger, 2)
		var all [2][]float64
		for i := range p.Triggers {
			down := float64(r.IntN(5) - 1)
			rule := Rule{Kind: Step, ScaleDownAt: down, ScaleUpAt: down + 1 + float64(r.IntN(3)), Absolute: r.IntN(4) == 0}
			if r.IntN(4) == 0 {
				rule = Rule{Kind: Target, ValuePerReplica: 1}
			}
			p.Triggers[i] = Trigger{Name: string(rune('a' + i)), Rule: rule}
			all[i] = append(loads(rule, p.Limits.Max), -1e9, 0, 1, 2, 3, 4, 5)
		}
		found := false
		for _, a := range all[0] {
			for _, b := range all[1] {
				found = found || flapsAt(p, a, b)
			}
		}
		flap, ok := p.Flaps()
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
			t.Fatalf("%+v does not do what it is said to: %v", p, flap)
		}
	}
	c.check(t)
}

func TestTheMissionsRuleCannotFlap(t *testing.T) {
	if flap, ok := DefaultPolicy().Flaps(); ok {
		t.Error(flap)
	}
	edge := DefaultPolicy()
	edge.Triggers[0].Rule.ScaleDownAt = 25
	if flap, ok := edge.Flaps(); !ok || flap != (Flap{From: 1, To: 2, Low: 50, High: 50, Below: 25}) || edge.flapsFrom(&edge.Triggers[0].Rule) != 25 {
		t.Errorf("got %+v, %v", flap, ok)
	}
	edge.Triggers[0].Rule.ScaleDownAt = math.Nextafter(25, 0)
	if flap, ok := edge.Flaps(); ok {
		t.Error(flap)
	}
}

func TestFlapSaysBetweenWhat(t *testing.T) {
	several := step1(100, 50, 1, 10, 1, 1)
	several.Triggers = append([]Trigger{{Name: "lag", Rule: Rule{Kind: Target, ValuePerReplica: 1}}}, several.Triggers...)
	several.Triggers[1].Name = "requests"
	query := step1(60, 26, 2, 9, 5, 3)
	query.MaxFromQuery = true
	for _, c := range []struct {
		policy Policy
		want   string
		below  float64
	}{
		{step1(50, 25, 1, 4, 1, 1), "a constant load of 50 would go up from 1 to 2 replicas and down again, for ever", 25},
		{step1(50, 20, 1, 4, 0, 0), "a constant load of 50 would go up from 1 to 4 replicas and down again, for ever", 12.5},
		// With 3 of at least 1 replicas it comes back over the 2 that would do.
		{step1(60, 20, 1, 1e9, 3, 2), "", 30},
		{step1(60, 30, 1, 1e9, 3, 2), "a constant load of 60 would go up from 1 to 4 replicas and down again, for ever", 30},
		{several, `a constant load of 100 of trigger "requests", with low ones of the others, would go up from 1 to 2 replicas and down again, for ever`, 50},
		{step1(60, 26, 2, 9, 5, 3), "", 30},
		{query, "while max_replicas_query gives 5, a constant load of 120 would go up from 2 to 5 replicas and down again, for ever", 24},
		{step1(50, 25, 4, 4, 1, 1), "", math.Inf(1)}, // it goes nowhere
		{step1(math.MaxFloat64, 1e308, 1, 2, 1, 1), "a constant load of 1.7976931348623157e+308 would go up from 1 to 2 replicas and down again, for ever", math.MaxFloat64 / 2},
		{step1(math.MaxFloat64, 1e308, 2, 3, 1, 1), "", math.Inf(1)}, // no load is that high
	} {
		flap, ok := c.policy.Flaps()
		if ok != (c.want != "") || ok && (flap.String() != c.want || flap.Below != c.below) {
			t.Errorf("%+v: got %v, below %v, want %q, below %v", c.policy, flap, flap.Below, c.want, c.below)
		}
		if from := c.policy.flapsFrom(&c.policy.Triggers[0].Rule); c.policy.Triggers[0].Name == "" && from != c.below {
			t.Errorf("%+v: flaps from %v, want %v", c.policy, from, c.below)
		}
	}
}

// However many replicas there may be, it takes no longer.
func BenchmarkFlaps(b *testing.B) {
	p := step1(60, 20, 1, math.MaxInt32, 300_001, 200_000)
	b.ReportAllocs()
	for b.Loop() {
		p.Flaps()
	}
}
