package decide

import (
	"math"
	"testing"
)

// flapsAt tries a constant load from every number of replicas, by the decision
// code alone.
func flapsAt(rule Rule, load float64) bool {
	for start := int32(1); start <= rule.MaxReplicas+2; start++ {
		replicas, up, down := start, 0, 0
		for range 4 * rule.MaxReplicas {
			d := Decide(Input{Sample: value(load), Replicas: replicas, Rule: rule})
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
						rule := Rule{ScaleUpAt: float64(up) * unit, ScaleDownAt: float64(down) * unit, MinReplicas: least, MaxReplicas: most}
						found := false
						for n := int32(1); n <= most+2 && !found; n++ {
							for _, bound := range []float64{rule.ScaleUpAt, rule.ScaleDownAt} {
								load := bound * float64(n)
								found = found || flapsAt(rule, load) || flapsAt(rule, math.Nextafter(load, math.Inf(1))) || flapsAt(rule, math.Nextafter(load, math.Inf(-1)))
							}
						}
						flap, ok := rule.Flaps()
						if ok != found {
							t.Fatalf("%+v: the proof says %v (%+v), trying says %v", rule, ok, flap, found)
						}
						if ok {
							flapping++
							if !flapsAt(rule, flap.Low) {
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
	if flap, ok := DefaultRule().Flaps(); ok {
		t.Error(flap)
	}
	edge := Rule{ScaleUpAt: 50, ScaleDownAt: 25, MinReplicas: 1, MaxReplicas: 4}
	if flap, ok := edge.Flaps(); !ok || flap != (Flap{1, 50, 50}) || edge.FlapsFrom() != 25 {
		t.Errorf("got %+v, %v", flap, ok)
	}
	edge.ScaleDownAt = math.Nextafter(25, 0)
	if flap, ok := edge.Flaps(); ok {
		t.Error(flap)
	}
}
