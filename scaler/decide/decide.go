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
	in.Limits = in.Limits.valid()
	if len(in.Samples) != len(p.Triggers) {
		all := make([]sample.Result, len(p.Triggers))
		copy(all, in.Samples)
		in.Samples = all
	}
	newest := Newest(in.Samples)
	d, complete := p.combine(in, st)
	d = in.hold(d)
	st = p.observe(in, st, newest, complete, d)
	if in.Replicas <= 0 || in.Block != "" {
		return d, st
	}
	d = p.delay(st, d, newest)
	d = p.bound(in, st, d, newest, complete)
	if d.Action == None {
		return d, st
	}
	if why := p.wait(in, st, d); why != "" {
		return d.stay(why), st
	}
	return d, st.step(newest)
}

// combine asks all triggers: up if any of them wants it, down only if all of
// them do that have to be heard. It returns whether all of those were.
func (p Policy) combine(in Input, st State) (d Decision, complete bool) {
	d = Decision{Action: None, From: in.Replicas, To: in.Replicas, PerInstance: math.NaN()}
	best := -1 // who asks for the most
	var most verdict
	heard, deaf := false, -1 // whether any has data; who has none and should
	for i, s := range in.Samples {
		t := &p.Triggers[i]
		switch {
		case Hold(s) == "":
			heard = true
		case deaf < 0 && !t.Optional:
			deaf = i
			continue
		default:
			continue
		}
		if in.Replicas <= 0 {
			continue // there is nothing to divide by
		}
		v := t.Rule.verdict(s.Value, in.Replicas, in.Limits, p.StepUp, p.StepDown)
		if st.used(s) {
			v.to = in.Replicas
		}
		if best < 0 || v.to > most.to || v.to == most.to && rank(v.reason) > rank(most.reason) {
			best, most = i, v
		}
	}
	if !heard && deaf < 0 {
		deaf = 0 // all are optional, and none has data
	}
	switch {
	case deaf >= 0 && (best < 0 || most.to <= in.Replicas && most.reason != LoadHighAtMax):
		d.Trigger, d.Reason = deaf, Hold(in.Samples[deaf])
	case best >= 0:
		d.Trigger, d.To, d.PerInstance, d.Bound, d.Reason = best, most.to, most.per, most.bound, most.reason
	}
	switch {
	case d.To > d.From:
		d.Action = Up
	case d.To < d.From:
		d.Action = Down
	case d.Reason == LoadHigh || d.Reason == LoadLow:
		d.Reason = SampleUsed
	}
	return d, deaf < 0
}

// used reports whether the sample is from before the last step or the start, so
// that it may have been acted on.
func (st State) used(s sample.Result) bool {
	return !st.Since.IsZero() && !s.Timestamp.After(st.Since)
}

// rank orders the reasons for which nothing is done: the one nearest to a step
// up is told.
func rank(r Reason) int {
	return slices.Index([]Reason{LoadLow, LoadLowAtMin, WithinBounds, LoadHighAtMax, LoadHigh}, r)
}

// hold keeps the load from moving anything where nothing may be written, or
// nothing is known to bound it.
func (in Input) hold(d Decision) Decision {
	switch {
	case d.Reason.Holds():
	case in.Replicas <= 0:
		return d.stay(SwitchedOff)
	case in.Block != "":
		d.Bound = nil
		return d.stay(in.Block)
	case d.Action == Up && in.Limits.MaxUnknown:
		return d.stay(MaxUnknown)
	}
	return d
}

// delay keeps the load from moving anything before its time.
func (p Policy) delay(st State, d Decision, newest time.Time) Decision {
	asked := newest.Sub(st.asked)
	switch {
	case d.Action == Up && asked < p.ScaleUpDelay:
		return d.stay(ScaleUpDelay)
	case d.Action == Down && max(0, newest.Sub(st.covered)) < p.ScaleDownCoverage:
		return d.stay(Coverage)
	case d.Action == Down && asked < p.ScaleDownDelay:
		return d.stay(ScaleDownDelay)
	}
	return d
}

// bound keeps to the floor, and goes up to it, or down to the ceiling.
func (p Policy) bound(in Input, st State, d Decision, newest time.Time, complete bool) Decision {
	n, ceiling := in.Replicas, in.Limits.Ceiling
	floor, why, trigger := p.floor(in, st)
	if d.Action == Down && d.To < floor {
		d.To = min(n, floor)
		if d.To == n {
			d = d.stay(LoadLowAtMin)
		}
	}
	switch {
	case n < floor:
		if to := stepUp(n, floor, p.StepUp); to > d.To {
			d = d.move(Up, to, why)
			if why == Fallback {
				d.Trigger = trigger
			}
		}
	case ceiling > 0 && n > ceiling && complete:
		to := stepDown(n, ceiling, p.StepDown)
		switch {
		case to >= d.To: // the load goes as far
		case !st.Since.IsZero() && !newest.After(st.Since):
			return d.stay(SampleUsed)
		case max(0, newest.Sub(st.covered)) < p.ScaleDownCoverage:
			return d.stay(Coverage)
		default:
			return d.move(Down, to, AboveMax)
		}
	}
	return d
}

// floor is what is gone up to whatever the load is, and which trigger says so
// if it is for want of data.
func (p Policy) floor(in Input, st State) (floor int32, why Reason, trigger int) {
	floor, why = in.Limits.Min, BelowMin
	for i, t := range p.Triggers {
		since, missing := st.missing[t.Name]
		if missing && t.OnNoData == FallbackOnNoData && in.Now.Sub(since) >= p.MaxAge(0) && t.FallbackReplicas > floor {
			floor, why, trigger = t.FallbackReplicas, Fallback, i
		}
	}
	return min(floor, in.Limits.Max), why, trigger
}

// wait is why no step may be taken now, or "".
func (p Policy) wait(in Input, st State, d Decision) Reason {
	switch {
	case in.Now.Sub(st.Start) < p.HoldAfterStart:
		return AfterStart
	case d.Action == Up && p.WaitForReady && (in.Ready == nil || *in.Ready < in.Replicas):
		return WaitForReady
	}
	return ""
}
