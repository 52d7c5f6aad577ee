package decide

import (
	"fmt"
	"math"
)

// Flap says how a constant load makes a rule go up and down for ever.
type Flap struct {
	Replicas  int32   // the least at which it does: up from here, and down again
	Low, High float64 // the loads that do it, about; exactly those that Decide says
}

// String says so in words.
func (f Flap) String() string {
	return fmt.Sprintf("a constant load of %v would go up from %d to %d replicas and down again, for ever", f.Low, f.Replicas, f.Replicas+1)
}

// Flaps reports whether there is a constant load under which a valid policy goes
// up and down for ever. docs/flapping.md has the proof: a step changes the
// replicas by one, so it must go up from some n and down from n+1, and if it
// does for any n, it does for min_replicas.
func (p Policy) Flaps() (Flap, bool) {
	r, n := p.Triggers[0].Rule, p.Limits.Min
	if n < 1 || n >= p.Limits.Max || r.Kind == Target || r.Absolute {
		return Flap{}, false
	}
	up := func(load float64) bool { return load/float64(n) >= r.ScaleUpAt }
	down := func(load float64) bool { return load/float64(n+1) <= r.ScaleDownAt }
	// The lowest load that goes up is about scale_up_at * n; a division rounds,
	// so ask the rule's own.
	load := r.ScaleUpAt * float64(n)
	if math.IsNaN(load) || math.IsInf(load, 0) {
		return Flap{}, false
	}
	for !up(load) {
		load = math.Nextafter(load, math.Inf(1))
	}
	for below := math.Nextafter(load, math.Inf(-1)); up(below); below = math.Nextafter(load, math.Inf(-1)) {
		load = below
	}
	if math.IsInf(load, 0) || !down(load) {
		return Flap{}, false
	}
	return Flap{Replicas: n, Low: load, High: max(load, r.ScaleDownAt*float64(n+1))}, true
}

// FlapsFrom is the least scale_down_at with which the policy would flap.
func (p Policy) FlapsFrom() float64 {
	r, n := p.Triggers[0].Rule, float64(p.Limits.Min)
	return r.ScaleUpAt * n / (n + 1)
}
