// Package decide turns samples and a number of replicas into a step. It is
// pure: it knows no clock, no network and no log, so what it returns depends
// on its arguments alone.
package decide

import (
	"math"
	"slices"
	"time"

	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/sample"
)

// Unknown is the decision to do nothing when not even the replicas are known.
func Unknown(r Reason) Decision {
	return Decision{Action: None, PerInstance: math.NaN(), Reason: r}
}

// Decide applies the policy, and returns what to remember. A step never goes
// further than StepUp or StepDown, and without a usable sample it only ever goes
// up to a floor.
func (p Policy) Decide(in Input, st State) (Decision, State) {
	newest := newest(in.Samples)
	st = p.observe(in, st, newest)
	d := p.combine(in, st)
	if in.Replicas <= 0 {
		if !d.Reason.Holds() {
			d.Reason = SwitchedOff
		}
		return d, st
	}
	st = st.ask(d, newest)
	if in.Block != "" {
		if !d.Reason.Holds() {
			d.Reason = in.Block
		}
		d.Action, d.To, d.Bound = None, d.From, nil
		return d, st
	}
	d = p.bound(in, st, d)
	if d.Action == None {
		return d, st
	}
	if wait := p.wait(in, st, d, newest); wait != "" {
		d.Action, d.To, d.Reason = None, d.From, wait
		return d, st
	}
	if !newest.IsZero() {
		st.Since, st.asked = newest, newest
	}
	return d, st
}

// newest is the time of the newest usable sample; zero if there is none.
func newest(samples []sample.Result) time.Time {
	var at time.Time
	for _, s := range samples {
		if Hold(s) == "" && s.Timestamp.After(at) {
			at = s.Timestamp
		}
	}
	return at
}

// observe remembers which samples came, and whether there was a gap.
func (p Policy) observe(in Input, st State, newest time.Time) State {
	fresh := len(st.usable) != len(p.Triggers)
	usable := make([]time.Time, len(p.Triggers))
	complete := true
	for i, s := range in.Samples {
		switch {
		case Hold(s) == "":
			usable[i] = in.Now
			continue
		case fresh:
			usable[i] = in.Now
		default:
			usable[i] = st.usable[i]
		}
		complete = complete && p.Triggers[i].Optional
	}
	st.usable = usable
	if newest.IsZero() {
		return st // whether that was a gap is seen when the next sample comes
	}
	gap := newest.Sub(st.last) > p.MaxSampleAge
	if gap {
		st.asks = None
	}
	if gap || !complete || st.covered.IsZero() {
		st.covered = newest
	}
	st.last = newest
	return st
}

// ask remembers what the load asks for, and since when.
func (st State) ask(d Decision, newest time.Time) State {
	if newest.IsZero() || st.asks == d.Action {
		return st
	}
	st.asks, st.asked = d.Action, newest
	return st
}

// combine asks all triggers: up if any of them wants it, down only if all of
// them do that have to be heard.
func (p Policy) combine(in Input, st State) Decision {
	d := Decision{Action: None, From: in.Replicas, To: in.Replicas, PerInstance: math.NaN()}
	var missing Reason // of a trigger that has to be heard
	var first Reason   // of any
	missingAt, firstAt := 0, 0
	best := -1 // who asks for the most
	var most verdict
	for i, s := range in.Samples {
		trigger := p.Triggers[i]
		if hold := Hold(s); hold != "" {
			if first == "" {
				first, firstAt = hold, i
			}
			if !trigger.Optional && missing == "" {
				missing, missingAt = hold, i
			}
			continue
		}
		if in.Replicas <= 0 {
			continue
		}
		v := trigger.Rule.verdict(s.Value, in.Replicas, in.Limits, p.StepUp, p.StepDown)
		if !st.Since.IsZero() && !s.Timestamp.After(st.Since) {
			v.to = in.Replicas // it was acted on before
		}
		if best < 0 || v.to > most.to || v.to == most.to && rank(v.reason) > rank(most.reason) {
			best, most = i, v
		}
	}
	if best >= 0 {
		d.Trigger, d.PerInstance, d.Bound, d.Reason = best, most.per, most.bound, most.reason
	}
	switch {
	case best >= 0 && most.to > in.Replicas:
		d.Action, d.To = Up, most.to
	case best >= 0 && most.reason == LoadHighAtMax:
	case missing != "":
		d.Trigger, d.Reason = missingAt, missing
		d.PerInstance, d.Bound = math.NaN(), nil
	case best < 0 && first != "": // optional ones only, and none has data
		d.Trigger, d.Reason = firstAt, first
	case best < 0:
	case most.to == in.Replicas && (most.reason == LoadHigh || most.reason == LoadLow):
		d.Reason = SampleUsed
	case most.to < in.Replicas:
		d.Action, d.To = Down, most.to
	}
	return d
}

// rank orders the reasons for which nothing is done: the one nearest to a step
// up is told.
func rank(r Reason) int {
	return slices.Index([]Reason{LoadLow, LoadLowAtMin, WithinBounds, LoadHighAtMax, LoadHigh}, r)
}

// bound goes up to the floor, or down to the ceiling.
func (p Policy) bound(in Input, st State, d Decision) Decision {
	floor, reason := min(in.Limits.Min, in.Limits.Max), BelowMin
	for i, t := range p.Triggers {
		if t.OnNoData == FallbackOnNoData && in.Now.Sub(st.usable[i]) > p.MaxSampleAge {
			if f := min(t.FallbackReplicas, in.Limits.Max); f > floor {
				floor, reason = f, Fallback
			}
		}
	}
	n := in.Replicas
	switch ceiling := in.Limits.Ceiling; {
	case n < floor:
		if to := stepUp(n, floor, p.StepUp); to > d.To {
			d.Action, d.To, d.Reason, d.Bound = Up, to, reason, nil
		}
	case ceiling > 0 && n > ceiling && d.Action == None && !d.Reason.Holds() && d.Reason != SampleUsed:
		d.Action, d.To, d.Reason, d.Bound = Down, stepDown(n, max(ceiling, floor), p.StepDown), AboveMax, nil
	case d.Action == Down && d.To < floor:
		d.To = floor
		if d.To == n {
			d.Action, d.Reason = None, LoadLowAtMin
		}
	}
	return d
}

// wait returns why the step may not be taken now, or "".
func (p Policy) wait(in Input, st State, d Decision, newest time.Time) Reason {
	byLoad := d.Reason == LoadHigh || d.Reason == LoadLow
	switch asked := newest.Sub(st.asked); {
	case in.Now.Sub(st.Start) < p.HoldAfterStart:
		return AfterStart
	case d.Action == Up && p.WaitForReady && (in.Ready == nil || *in.Ready < in.Replicas):
		return WaitForReady
	case !byLoad:
		return ""
	case d.Action == Up && in.Limits.MaxUnknown:
		return MaxUnknown
	case d.Action == Up && asked < p.ScaleUpDelay:
		return ScaleUpDelay
	case d.Action == Down && newest.Sub(st.covered) < p.ScaleDownCoverage:
		return Coverage
	case d.Action == Down && asked < p.ScaleDownDelay:
		return ScaleDownDelay
	}
	return ""
}
