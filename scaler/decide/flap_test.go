package decide

import (
	"math"
	"testing"

	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/sample"
)

// flapsAt tries a constant load from every number of replicas, by the decision
// code alone.
func flapsAt(policy Policy, load float64) bool {
	for start := int32(1); start <= policy.Limits.Max+2; start++ {
		replicas, up, down := start, 0, 0
		for range 4 * policy.Limits.Max {
			d, _ := policy.Decide(Input{Samples: []sample.Result{value(load)}, Replicas: replicas, Limits: policy.Limits}, State{})
			switch d.Action {
			case Up:
				up++
			case Down:
				down++
			}
			replicas = d.To
		}
		if up > 1 && down > 1 {
			return true
		}
	}
	return false
}

// TestFlapsIsWhatDecideDoes: for every rule of a grid, with numbers that a
// binary fraction can and cannot hold, the proof says the same as trying every
// load that could matter: those at the bounds, and one step beside them.
func TestFlapsIsWhatDecideDoes(t *testing.T) {
	flapping, steady := 0, 0
	for _, unit := range []float64{1, 0.1, 1.0 / 3} {
		for up := -1; up <= 8; up++ {
			for down := -2; down < up; down++ {
				for least := int32(1); least <= 3; least++ {
					for most := least; most <= 5; most++ {
						rule := Rule{Kind: Step, ScaleUpAt: float64(up) * unit, ScaleDownAt: float64(down) * unit}
						policy := Policy{Triggers: []Trigger{{Rule: rule}}, Limits: Limits{Min: least, Max: most}, StepUp: 1, StepDown: 1}
						found := false
						for n := int32(1); n <= most+2 && !found; n++ {
							for _, bound := range []float64{rule.ScaleUpAt, rule.ScaleDownAt} {
								load := bound * float64(n)
								found = found || flapsAt(policy, load) || flapsAt(policy, math.Nextafter(load, math.Inf(1))) || flapsAt(policy, math.Nextafter(load, math.Inf(-1)))
							}
						}
						flap, ok := policy.Flaps()
						if ok != found {
							t.Fatalf("%+v: the proof says %v (%+v), trying says %v", rule, ok, flap, found)
						}
						if ok {
							flapping++
							if !flapsAt(policy, flap.Low) {
								t.Fatalf("%+v does not flap at %v", rule, flap.Low)
							}
							continue
						}
						steady++
					}
				}
			}
		}
	}
	t.Logf("%d rules flap, %d do not", flapping, steady)
	if flapping < 100 || steady < 100 {
		t.Error("too few of one kind to prove anything")
	}
}

func TestTheMissionsRuleCannotFlap(t *testing.T) {
	if flap, ok := DefaultPolicy().Flaps(); ok {
		t.Error(flap)
	}
	edge := DefaultPolicy()
	edge.Triggers[0].Rule, edge.Limits = Rule{Kind: Step, ScaleUpAt: 50, ScaleDownAt: 25}, Limits{Min: 1, Max: 4}
	if flap, ok := edge.Flaps(); !ok || flap != (Flap{1, 50, 50}) || edge.FlapsFrom() != 25 {
		t.Errorf("got %+v, %v", flap, ok)
	}
	edge.Triggers[0].Rule.ScaleDownAt = math.Nextafter(25, 0)
	if flap, ok := edge.Flaps(); ok {
		t.Error(flap)
	}
}
