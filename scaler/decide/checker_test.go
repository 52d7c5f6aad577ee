package decide

import (
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/sample"
)

// checker holds decisions to what is promised, by its own record of what came.
// It says the promises in the plainest words, and shares no code with Decide.
type checker struct {
	start     time.Time
	used      time.Time // the newest sample of the last step, or the start
	steppedUp time.Time // the last step up, or the start
	awaited   time.Time // since when idle Pods have been awaited; zero if they are not
	log       []entry
}

// entry is what the checker knows of one decision.
type entry struct {
	now, newest time.Time            // newest is zero without data
	wants       Action               // what the load wants
	again       bool                 // what the load wants is not known: its samples were used
	complete    bool                 // there was data, of every required trigger
	expired     bool                 // nothing was missing but samples that are too old
	gap         bool                 // it was too long since the sample before
	missing     map[string]bool      // triggers without data
	at          map[string]time.Time // of the newest sample of each, usable or too old
	stepped     bool
	used        time.Time // after the step
}

func newChecker(start time.Time) *checker {
	return &checker{start: start, used: start, steppedUp: start}
}

func good(s sample.Result) bool {
	return s.Outcome == sample.Value && !math.IsNaN(s.Value) && !math.IsInf(s.Value, 0)
}

// wish is what a rule wants with n replicas, without any limits.
func wish(r Rule, number float64, n int32) Action {
	per := number / float64(n)
	if r.Absolute {
		per = number
	}
	switch {
	case n == 0 && r.Kind == Target: // which is as good as many of them at no load
		if number > 0 {
			return Up
		}
		return Down
	case n == 1 && r.Kind == Target && number <= 0:
		return Down
	case r.Kind == Target && per > r.ValuePerReplica, r.Kind == Step && per >= r.ScaleUpAt:
		return Up
	case r.Kind == Target && n > 1 && number/float64(n-1) <= r.ValuePerReplica, r.Kind == Step && per <= r.ScaleDownAt:
		return Down
	}
	return None
}

// bounds are the limits, of which the ceiling holds. The minimum may be 0 only if
// no rule divides by the replicas.
func bounds(p Policy, l Limits) (least, most int32) {
	for _, t := range p.Triggers {
		if t.Rule.Kind == Step && !t.Rule.Absolute {
			l.Min = max(1, l.Min)
		}
	}
	if l.Ceiling > 0 {
		return min(l.Min, l.Ceiling), min(l.Max, l.Ceiling)
	}
	return l.Min, l.Max
}

// off reports whether a person switched the workload off.
func off(in Input) bool { return in.Replicas == 0 && !in.ByRule }

// record notes what came, before the decision is looked at.
func (c *checker) record(p Policy, in Input) entry {
	e := entry{now: in.Now, complete: true, missing: map[string]bool{}, at: map[string]time.Time{}, wants: None}
	up, down, again := false, true, false
	spacing := time.Duration(0)
	broken := false // data of a required trigger is missing for another reason than its age
	for i, s := range in.Samples {
		t := p.Triggers[i]
		if s.Outcome == sample.Stale {
			e.at[t.Name] = s.Timestamp
		}
		if !good(s) {
			e.missing[t.Name] = true
			e.complete = e.complete && t.Optional
			broken = broken || !t.Optional && s.Outcome != sample.Stale
			continue
		}
		e.at[t.Name] = s.Timestamp
		spacing = max(spacing, s.Spacing)
		if last := c.lastOf(t.Name); !t.Optional && !last.IsZero() && s.Timestamp.Sub(last) > tooFar(p, s.Spacing) {
			e.gap = true
		}
		if s.Timestamp.After(e.newest) {
			e.newest = s.Timestamp
		}
		a, fresh := wish(t.Rule, s.Value, in.Replicas), !in.Used && s.Timestamp.After(c.used)
		up = up || a == Up && fresh
		down = down && a == Down && fresh
		again = again || a != None && !fresh
	}
	e.expired = !broken && !(e.complete && !e.newest.IsZero())
	e.complete = e.complete && !e.newest.IsZero()
	var last time.Time // of the newest sample before
	for _, before := range c.log {
		if before.newest.After(last) {
			last = before.newest
		}
	}
	if !last.IsZero() && !e.newest.IsZero() && e.newest.Sub(last) > tooFar(p, spacing) {
		e.gap = true
	}
	least, most := bounds(p, in.Limits)
	switch {
	case in.Block.Reason != "" || off(in):
	case up && in.Replicas < most && !in.Limits.MaxUnknown:
		e.wants = Up
	case down && e.complete && in.Replicas > least:
		e.wants = Down
	default:
		e.again = again && e.complete
	}
	return e
}

// tooFar is how far apart samples are when some between them were lost: more
// than they may be old, and more than three times as far as usual.
func tooFar(p Policy, spacing time.Duration) time.Duration {
	return max(oldest(p, spacing), 3*spacing)
}

// oldest is how old a sample may be.
func oldest(p Policy, spacing time.Duration) time.Duration {
	if p.MaxSampleAge == 0 {
		return min(max(30*time.Second, 3*spacing), 15*time.Minute)
	}
	return p.MaxSampleAge
}

// lastOf returns the time of the trigger's last usable sample.
func (c *checker) lastOf(trigger string) time.Time {
	for _, e := range slices.Backward(c.log) {
		if at, ok := e.at[trigger]; ok && !e.missing[trigger] {
			return at
		}
	}
	return time.Time{}
}

// covered reports whether samples have come for so long without a gap.
func (c *checker) covered(d time.Duration) bool {
	newest := c.log[len(c.log)-1].newest
	for _, e := range slices.Backward(c.log) {
		switch {
		case e.expired:
		case !e.complete:
			return false
		case newest.Sub(e.newest) >= d:
			return true
		case e.gap:
			return false
		}
	}
	return false
}

// asked reports whether the load has wanted that for so long without a break,
// and without a step before this one.
func (c *checker) asked(a Action, d time.Duration) bool {
	last := len(c.log) - 1
	newest := c.log[last].newest
	for i, e := range slices.Backward(c.log) {
		switch {
		case e.expired && e.wants == None && i < last && e.stepped:
			return newest.Sub(e.used) >= d
		case e.expired && e.wants == None:
		case e.wants != a && !e.again:
			return false
		case i < last && e.stepped:
			return newest.Sub(e.used) >= d
		case e.wants == a && newest.Sub(e.newest) >= d:
			return true
		case e.gap:
			return false
		}
	}
	return false
}

// without reports whether the trigger has had no data for so long: since its
// last sample, or since it was first missing if there was none.
func (c *checker) without(trigger string, d time.Duration) bool {
	now := c.log[len(c.log)-1].now
	for _, e := range slices.Backward(c.log) {
		at, known := e.at[trigger]
		switch {
		case !e.missing[trigger]:
			return now.Sub(at) >= d
		case now.Sub(e.now) >= d, known && now.Sub(at) >= d:
			return true
		}
	}
	return false
}

// decision returns an error if the decision breaks a promise.
func (c *checker) decision(p Policy, in Input, d Decision) error {
	e := c.record(p, in)
	e.stepped = d.Action != None
	c.log = append(c.log, e)
	why := wellFormed(in, d)
	if why == "" && d.Action == Up {
		why = c.up(p, in, d)
	}
	if why == "" && d.Action == Down {
		why = c.down(p, in, d)
	}
	switch {
	case d.Reason == WaitForIdle && c.awaited.IsZero():
		c.awaited = in.Now
	case d.Reason == WaitForIdle && p.BusyPods != nil && in.Now.Sub(c.awaited) >= p.BusyPods.WaitForIdle:
		why = "waits too long for idle Pods"
	case e.stepped, !d.Reason.Holds() && d.Reason != SampleUsed && d.Reason != WaitForIdle:
		c.awaited = time.Time{}
	}
	if why != "" {
		return fmt.Errorf("%s: %+v\nof %+v\nby %+v", why, d, in, p)
	}
	if d.Action == Up {
		c.steppedUp = in.Now
	}
	if e.stepped && e.newest.After(c.used) {
		c.used = e.newest
	}
	c.log[len(c.log)-1].used = c.used
	return nil
}

// wellFormed returns what no decision may do, by whatever policy; "" if it
// does nothing of that.
func wellFormed(in Input, d Decision) string {
	step := d.Action != None
	switch {
	case !slices.Contains(Reasons(), d.Reason):
		return "not a known reason"
	case d.From != in.Replicas:
		return "from other replicas"
	case (d.Action == Up) != (d.To > d.From) || (d.Action == Down) != (d.To < d.From):
		return "goes not where it says"
	case step && in.Block.Reason != "":
		return "a step while blocked"
	case d.Action == Up && in.NoUp != "", d.Action == Down && in.NoDown != "":
		return "a step in a direction that is paused"
	case step && off(in):
		return "a step from where a person switched it off"
	case d.Action == Down && d.To < 1 && d.From != 1:
		return "down to 0, and not from 1"
	case step != slices.Contains([]Reason{LoadHigh, LoadLow, BelowMin, Fallback, AboveMax}, d.Reason):
		return "a step by a reason for none, or none by one for a step"
	}
	return ""
}

func (c *checker) up(p Policy, in Input, d Decision) string {
	least, most := bounds(p, in.Limits)
	t := p.Triggers[d.Trigger]
	switch {
	case d.To > most:
		return "above the maximum"
	case p.StepUp > 0 && d.To-d.From > p.StepUp:
		return "more than step_up"
	case in.Now.Sub(c.start) < p.HoldAfterStart:
		return "hold_after_start is not kept"
	case d.Reason == LoadHigh && p.WaitForReady && in.Ready != nil && *in.Ready < in.Replicas && in.Now.Sub(c.steppedUp) < 10*time.Minute:
		return "wait_for_ready is not kept"
	}
	switch d.Reason {
	case LoadHigh:
		switch {
		case c.log[len(c.log)-1].wants != Up:
			return "no fresh sample wants up"
		case d.From > 0 && !c.asked(Up, p.ScaleUpDelay):
			return "scale_up_delay is not kept"
		}
	case BelowMin:
		if d.To > least {
			return "above the minimum for the minimum"
		}
	case Fallback:
		if t.OnNoData != FallbackOnNoData || d.To > t.FallbackReplicas || !c.without(t.Name, oldest(p, in.Samples[d.Trigger].Spacing)) {
			return "no fallback"
		}
	default:
		return "no reason to go up"
	}
	return ""
}

func (c *checker) down(p Policy, in Input, d Decision) string {
	least, _ := bounds(p, in.Limits)
	e := c.log[len(c.log)-1]
	switch {
	case d.To < least:
		return "below the minimum"
	case p.StepDown > 0 && d.From-d.To > p.StepDown:
		return "more than step_down"
	case in.Now.Sub(c.start) < p.HoldAfterStart:
		return "hold_after_start is not kept"
	case p.BusyPods != nil && in.Pods.Err != nil && !p.BusyPods.StepUnknown:
		return "down without knowing which Pods work"
	case p.BusyPods != nil && in.Pods.Err == nil && in.Pods.Idle < d.From-d.To && (p.BusyPods.WaitForIdle > 0) && (c.awaited.IsZero() || in.Now.Sub(c.awaited) < p.BusyPods.WaitForIdle):
		return "does not wait for idle Pods"
	case !e.complete:
		return "down without every required trigger"
	case d.To == 0 && slices.ContainsFunc(in.Samples, func(s sample.Result) bool { return !good(s) || s.Empty }):
		return "down to 0 without data"
	case in.Used || !e.newest.After(c.used):
		return "down on a used sample"
	case !c.covered(p.ScaleDownCoverage):
		return "scale_down_coverage is not kept"
	}
	switch d.Reason {
	case LoadLow:
		switch {
		case e.wants != Down:
			return "not all want down by fresh samples"
		case !c.asked(Down, p.ScaleDownDelay):
			return "scale_down_delay is not kept"
		case d.To == 0 && !c.asked(Down, p.ScaleToZeroDelay):
			return "scale_to_zero_delay is not kept"
		}
	case AboveMax:
		if d.To == 0 {
			return "down to 0 for a maximum"
		}
		if in.Limits.Ceiling == 0 || d.To < in.Limits.Ceiling {
			return "not above the calendar's maximum"
		}
	default:
		return "no reason to go down"
	}
	return ""
}
