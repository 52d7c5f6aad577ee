// Package flap tells whether a constant load can make a policy flap: scale up
// and down without end.
package flap

import (
	"fmt"
	"math"

	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/decide"
)

// Flap says how a constant load makes a policy flap.
type Flap struct {
	Trigger   string  // whose load it is, "" if it is the only one; the loads of the others are low
	From, To  int32   // replicas: in one step up from From to To, and by steps down again
	Max       int32   // only while the query that caps the replicas returns this; 0 for whatever it returns
	Low, High float64 // the loads that do it, about; exactly those that Decide says
	Below     float64 // with a scale_down_at below this, about, the trigger would not flap
}

// String says so in words.
func (f Flap) String() string {
	of, when := "", ""
	if f.Trigger != "" {
		of = fmt.Sprintf(" of trigger %q, with low loads of the others,", f.Trigger)
	}
	if f.Max > 0 {
		when = fmt.Sprintf("while max_replicas_query returns %d, ", f.Max)
	}
	return fmt.Sprintf("%sa constant load of %v%s makes the target flap between %d and %d replicas", when, f.Low, of, f.From, f.To)
}

// Find reports whether there are constant loads under which a valid policy flaps
// within the limits. Capped says that a query may lower the maximum at any time.
// The answer is exact both ways, in constant time; docs/flapping.md has the proof.
func Find(p decide.Policy, limits decide.Limits, capped bool) (Flap, bool) {
	swings := swingsOf(limits, p.StepUp, p.StepDown, capped)
	for i := range p.Triggers {
		t := &p.Triggers[i]
		if t.Rule.Kind == decide.Target || t.Rule.Absolute {
			continue // at a constant load these go one way
		}
		for _, s := range swings {
			low, ok := s.lowest(t.Rule)
			if !ok {
				continue
			}
			f := Flap{Trigger: t.Name, From: s.from, To: s.to, Low: low, High: max(low, t.Rule.ScaleDownAt*float64(s.last)), Below: flapsFrom(t.Rule, swings)}
			if s.capped {
				f.Max = s.to
			}
			return f, true
		}
	}
	return Flap{}, false
}

// flapsFrom is about the lowest scale_down_at with which the rule would flap if
// it were the only one.
func flapsFrom(r decide.Rule, swings []swing) float64 {
	lowest := math.Inf(1)
	for _, s := range swings {
		lowest = min(lowest, r.ScaleUpAt*float64(s.from)/float64(s.last))
	}
	return lowest
}

// swing is a way to go up in one step and down again by steps, without end.
type swing struct {
	from, to int32
	last     int32 // from where the last step down comes back
	capped   bool  // takes a lower maximum than the limits have
}

// swingsOf returns swings of which one must be possible if any is: the steps
// down are never longer, and the replicas never fewer, than in another.
func swingsOf(limits decide.Limits, up, down int32, capped bool) []swing {
	bottom, width := limits.Min, limits.Max-limits.Min
	if width < 1 {
		return nil
	}
	if up <= 0 || up > width {
		up = width
	}
	if down <= 0 || down > width {
		down = width
	}
	if capped {
		to := bottom + min(up, down)
		return []swing{{bottom, to, to, up > down}}
	}
	top := bottom + up
	all := []swing{{from: bottom, to: top, last: top - (up-1)/down*down}}
	if steps := up / down; steps > 0 {
		from := limits.Max - steps*down
		all = append(all, swing{from: from, to: limits.Max, last: from + down})
	}
	return all
}

// lowest returns the lowest load at which the rule goes up where the swing does,
// and whether it comes back down. It is about scale_up_at * from; a division
// rounds, so the rule's own division decides.
func (s swing) lowest(r decide.Rule) (load float64, flaps bool) {
	up := func(load float64) bool { return load/float64(s.from) >= r.ScaleUpAt }
	load = r.ScaleUpAt * float64(s.from)
	const off = 4 // more than a product and a division can be, in units of the last place
	for range off {
		load = math.Nextafter(load, math.Inf(-1))
	}
	for range 2 * off {
		if up(load) {
			break
		}
		load = math.Nextafter(load, math.Inf(1))
	}
	return load, !math.IsInf(load, 0) && up(load) && load/float64(s.last) <= r.ScaleDownAt
}
