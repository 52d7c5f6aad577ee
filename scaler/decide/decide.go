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

// Unknown is the decision to do nothing because not even the replicas are
// known: they could not be read.
func (p Policy) Unknown(in Input) Decision {
	d := p.observed(in)
	d.Reason = WorkloadUnreadable
	for i, s := range d.Samples {
		if s.Timestamp.After(d.Sample().Timestamp) {
			d.Trigger = i
		}
	}
	return d
}

// Missing is the decision to do nothing because there is no sample to decide
// on. It says which trigger lacks one: the first required trigger without data,
// or else the first without data.
func (p Policy) Missing(in Input) Decision {
	d := p.observed(in)
	d.Trigger, d.Reason = p.missing(d.Samples)
	return d
}

// observed is a decision that says nothing but what it was made on.
func (p Policy) observed(in Input) Decision {
	in.Limits = in.Limits.valid(p.FromZero())
	if len(in.Samples) != len(p.Triggers) {
		all := make([]sample.Result, len(p.Triggers))
		copy(all, in.Samples)
		in.Samples = all
	}
	return Decision{Input: in, Action: None, From: in.Replicas, To: in.Replicas, PerInstance: math.NaN()}
}

// missing returns the trigger whose data is missing, and why; the reason is ""
// if no trigger's data is.
func (p Policy) missing(samples []sample.Result) (trigger int, why Reason) {
	for i, s := range samples {
		required := !p.Triggers[i].Optional
		if hold := Hold(s); hold != "" && (why == "" || required) {
			trigger, why = i, hold
			if required {
				break
			}
		}
	}
	return trigger, why
}

// Decide applies the policy, and returns what to remember. A step never goes
// further than StepUp or StepDown, and without a usable sample it only ever goes
// up to a floor.
func (p Policy) Decide(in Input, st State) (Decision, State) {
	d := p.observed(in)
	newest := Newest(d.Samples)
	d, complete := p.combine(d, st)
	d = d.hold()
	st = p.observe(d, st, newest, complete)
	if d.Off() || d.Block.Reason != "" {
		return d, st
	}
	d = p.delay(st, d, newest)
	d = p.bound(st, d, newest, complete)
	if d.paused(d.Action) != "" {
		d = d.stay(Paused)
	}
	if d.Action != Down && d.Reason != SampleUsed && !d.Reason.Holds() {
		st.idle = time.Time{}
	}
	if d.Action == None {
		return d, st
	}
	if why, left := p.wait(st, d); why != "" {
		if why == WaitForIdle && st.idle.IsZero() {
			st.idle = d.Now
		}
		d = d.stay(why)
		d.Left = left
		return d, st
	}
	return d, st.step(d, newest)
}

// combine lets all triggers have a say: up if any of them asks for it, down only
// if all do whose data is required. It returns whether no required data is
// missing.
func (p Policy) combine(d Decision, st State) (_ Decision, complete bool) {
	best := -1 // the trigger that asks for the most replicas
	var most verdict
	known := false // whether any trigger has data
	for i, s := range d.Samples {
		if Hold(s) != "" {
			continue
		}
		known = true
		if d.Off() {
			continue
		}
		v := p.Triggers[i].Rule.verdict(s.Value, d.Replicas, d.Limits, p.StepUp, p.StepDown)
		if d.Used || st.used(s) {
			v.to = d.Replicas
		}
		if best < 0 || v.to > most.to || v.to == most.to && rank(v.reason) > rank(most.reason) {
			best, most = i, v
		}
	}
	trigger, why := p.missing(d.Samples)
	complete = why == "" || p.Triggers[trigger].Optional && known
	switch {
	case !complete && (best < 0 || most.to <= d.Replicas && most.reason != LoadHighAtMax):
		d.Trigger, d.Reason = trigger, why
	case best >= 0:
		d.Trigger, d.To, d.PerInstance, d.Bound, d.Reason = best, most.to, most.per, most.bound, most.reason
		d.Load = most.reason.load()
	}
	switch {
	case d.To > d.From:
		d.Action = Up
	case d.To < d.From:
		d.Action = Down
	case d.Reason == LoadHigh || d.Reason == LoadLow:
		d.Reason = SampleUsed
	}
	return d, complete
}

// used reports whether the sample is from before the last step or the start, so
// that it may have been acted on.
func (st State) used(s sample.Result) bool {
	return !st.Since.IsZero() && !s.Timestamp.After(st.Since)
}

// rank orders the reasons for which nothing is done: the one nearest to a step
// up is the one to report.
func rank(r Reason) int {
	return slices.Index([]Reason{LoadLow, LoadLowAtMin, WithinBounds, LoadHighAtMax, LoadHigh}, r)
}

// hold keeps the load from moving anything where nothing may be written, or
// what bounds it is unknown.
func (d Decision) hold() Decision {
	switch {
	case d.Reason.Holds():
	case d.Off():
		return d.stay(SwitchedOff)
	case d.Block.Reason != "":
		d.Bound, d.Left = nil, d.Block.Left
		return d.stay(d.Block.Reason)
	case d.Action == Up && d.Limits.MaxUnknown:
		return d.stay(MaxUnknown)
	case d.Action == Down && d.To == 0:
		return d.needAll()
	}
	return d
}

// needAll keeps the last replica while data is missing that is optional else; the
// rest of the load is known, so this is no hold. An empty answer that counts as 0
// may be the end of what is counted by.
func (d Decision) needAll() Decision {
	if d.KeptBy() >= 0 {
		return d.stay(LoadLowAtMin)
	}
	return d
}

// delay keeps the load from moving anything before its time. From 0 replicas it
// moves up at once, because nothing is there to bear the load.
func (p Policy) delay(st State, d Decision, newest time.Time) Decision {
	asked := newest.Sub(st.asked)
	waits := func(why Reason, left time.Duration) Decision {
		d = d.stay(why)
		d.Left = left
		return d
	}
	switch {
	case d.Action == Up && d.From > 0 && asked < p.ScaleUpDelay:
		return waits(ScaleUpDelay, p.ScaleUpDelay-asked)
	case d.Action == Down && st.coverage(newest) < p.ScaleDownCoverage:
		return waits(Coverage, p.ScaleDownCoverage-st.coverage(newest))
	case d.Action == Down && asked < p.ScaleDownDelay:
		return waits(ScaleDownDelay, p.ScaleDownDelay-asked)
	case d.Action == Down && d.To == 0 && asked < p.ScaleToZeroDelay:
		return waits(ScaleToZeroDelay, p.ScaleToZeroDelay-asked)
	}
	return d
}

// coverage is for how long samples have come without a gap.
func (st State) coverage(newest time.Time) time.Duration { return max(0, newest.Sub(st.covered)) }

// bound keeps to the floor, and moves up to it, or down to the ceiling.
func (p Policy) bound(st State, d Decision, newest time.Time, complete bool) Decision {
	n, ceiling := d.Replicas, d.Limits.Ceiling
	floor, why, trigger := p.floor(d, st)
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
		case to >= d.To: // the load already moves it as far
		case d.Used, !st.Since.IsZero() && !newest.After(st.Since):
			return d.stay(SampleUsed)
		case st.coverage(newest) < p.ScaleDownCoverage:
			d = d.stay(Coverage)
			d.Left = p.ScaleDownCoverage - st.coverage(newest)
			return d
		default:
			return d.move(Down, to, AboveMax)
		}
	}
	return d
}

// floor is the minimum to scale up to regardless of load, and which trigger
// sets it if that is because its data is missing.
func (p Policy) floor(d Decision, st State) (floor int32, why Reason, trigger int) {
	floor, why = d.Limits.Min, BelowMin
	for i, t := range p.Triggers {
		missing := st.triggers[i].missing
		if t.OnNoData == FallbackOnNoData && !missing.IsZero() && d.Now.Sub(missing) >= p.MaxAge(d.Samples[i].Spacing) && t.FallbackReplicas > floor {
			floor, why, trigger = t.FallbackReplicas, Fallback, i
		}
	}
	return min(floor, d.Limits.Max), why, trigger
}

// ReadyWait bounds how long a step up waits for the Pods of the last one.
const ReadyWait = 10 * time.Minute

// wait returns why no step may be taken now, "" if it may, and for how long at
// most. Only load waits for Pods: a floor is a promise.
func (p Policy) wait(st State, d Decision) (why Reason, left time.Duration) {
	if left := p.HoldAfterStart - d.Now.Sub(st.Start); left > 0 {
		return AfterStart, left
	}
	left = ReadyWait - d.Now.Sub(st.steppedUp)
	if d.Reason == LoadHigh && p.WaitForReady && d.Ready != nil && *d.Ready < d.Replicas && left > 0 {
		return WaitForReady, left
	}
	if d.Action == Down && p.BusyPods != nil && d.Pods != nil {
		return p.BusyPods.wait(st, d)
	}
	return "", 0
}

// wait returns why a step down does not come now, "" if it does, and for how long
// at most.
func (b BusyPods) wait(st State, d Decision) (why Reason, left time.Duration) {
	left = b.WaitForIdle
	if !st.idle.IsZero() {
		left -= d.Now.Sub(st.idle)
	}
	switch {
	case d.Pods.Err != nil && !b.StepUnknown:
		return BusyUnknown, 0
	case d.Pods.Err == nil && d.Pods.Idle < d.From-d.To && left > 0:
		return WaitForIdle, left
	}
	return "", 0
}
