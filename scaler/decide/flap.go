package decide

import (
	"fmt"
	"math"
)

// Flap says how a constant load makes a policy go up and down for ever.
type Flap struct {
	Trigger   string  // whose load it is, "" if it is the only one; those of the others are low
	From, To  int32   // replicas: in one step up from the one to the other, and by steps down again
	Max       int32   // only while max_replicas_query gives so many; 0 for whatever it gives
	Low, High float64 // the loads that do it, about; exactly those that Decide says
	Below     float64 // below it, about, the trigger's scale_down_at would be low enough
}

// String says so in words.
func (f Flap) String() string {
	of, when := "", ""
	if f.Trigger != "" {
		of = fmt.Sprintf(" of trigger %q, with low ones of the others,", f.Trigger)
	}
	if f.Max > 0 {
		when = fmt.Sprintf("while max_replicas_query gives %d, ", f.Max)
	}
	return fmt.Sprintf("%sa constant load of %v%s would go up from %d to %d replicas and down again, for ever", when, f.Low, of, f.From, f.To)
}

// Flaps reports whether there are constant loads under which a valid policy
// goes up and down for ever with its Limits; ask for each Limits that may be in
// force. The answer is exact both ways, and takes no longer for many replicas.
// docs/flapping.md has the proof.
func (p Policy) Flaps() (Flap, bool) {
	for i := range p.Triggers {
		t := &p.Triggers[i]
		if t.Rule.Kind == Target || t.Rule.Absolute {
			continue // at a constant load these go one way
		}
		for _, s := range p.swings() {
			low, ok := t.Rule.lowest(s)
			if !ok {
				continue
			}
			f := Flap{Trigger: t.Name, From: s.from, To: s.to, Low: low, High: max(low, t.Rule.ScaleDownAt*float64(s.last))}
			if s.capped {
				f.Max = s.to
			}
			f.Below = p.flapsFrom(&t.Rule)
			return f, true
		}
	}
	return Flap{}, false
}

// flapsFrom is about the least scale_down_at with which the policy would flap
// by the rule if that were its only one.
func (p Policy) flapsFrom(r *Rule) float64 {
	least := math.Inf(1)
	for _, s := range p.swings() {
		least = min(least, r.ScaleUpAt*float64(s.from)/float64(s.last))
	}
	return least
}

// swing is a way to go up in one step and down again by steps, for ever.
type swing struct {
	from, to int32
	last     int32 // from where the last step down comes back
	capped   bool  // takes a lower maximum than Limits has
}

// swings are those of which one must be possible if any is: the steps down are
// never longer, and the replicas never fewer, than in another.
func (p Policy) swings() []swing {
	limits := p.Limits.valid()
	least, width := limits.Min, limits.Max-limits.Min
	if width < 1 {
		return nil
	}
	up, down := p.StepUp, p.StepDown
	if up <= 0 || up > width {
		up = width
	}
	if down <= 0 || down > width {
		down = width
	}
	if p.MaxFromQuery {
		to := least + min(up, down)
		return []swing{{least, to, to, up > down}}
	}
	top := least + up
	all := []swing{{from: least, to: top, last: top - (up-1)/down*down}}
	if steps := up / down; steps > 0 {
		from := limits.Max - steps*down
		all = append(all, swing{from: from, to: limits.Max, last: from + down})
	}
	return all
}

// lowest returns the lowest load that goes up where the swing does, and whether
// it comes back down. It is about scale_up_at * from; a division rounds, so it
// asks the rule's own.
func (r *Rule) lowest(s swing) (load float64, flaps bool) {
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
