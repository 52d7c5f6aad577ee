package decide

import (
	"cmp"
	"slices"
	"time"

	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/sample"
)

// NoDataPolicy says what a trigger asks for while there is no data.
type NoDataPolicy string

// The policies. (That an empty answer is 0 is for whoever reads the sample.)
const (
	HoldOnNoData     NoDataPolicy = "hold"
	ZeroOnNoData     NoDataPolicy = "zero"
	FallbackOnNoData NoDataPolicy = "fallback"
)

// Trigger is one number that can ask for a step.
type Trigger struct {
	Name             string // "" if it is the only one
	Rule             Rule
	Optional         bool // without data it is left out
	OnNoData         NoDataPolicy
	FallbackReplicas int32 // with FallbackOnNoData: go up to as many while there is no data
}

// Policy is all that a target was told about its replicas.
type Policy struct {
	Triggers []Trigger // at least one
	Limits   Limits    // when the calendar says nothing else

	StepUp, StepDown int32 // replicas at most in one step, on every path; 0 for any number

	ScaleUpDelay      time.Duration // the rule must have asked for so long, without a break
	ScaleDownDelay    time.Duration
	ScaleToZeroDelay  time.Duration // the rule must have asked for 0 for so long, with 1 replica
	ScaleDownCoverage time.Duration // samples must have come for so long, without a gap
	HoldAfterStart    time.Duration // no step for so long
	WaitForReady      bool          // no step up while not all replicas are ready
	BusyPods          *BusyPods     // how a step down goes about Pods that work; nil for not at all

	// MaxSampleAge is how old a sample may be, and longer without one is a
	// gap; 0 follows the spacing of the samples. See MaxAge.
	MaxSampleAge time.Duration
}

// BusyPods says how a step down goes about Pods that work.
type BusyPods struct {
	WaitForIdle time.Duration // for at most so long, until as many are idle as go
	StepUnknown bool          // also step if it is not known which Pods work
}

// FromZero reports whether the policy may scale down to 0 replicas: each of its
// rules can scale up from there.
func (p Policy) FromZero() bool {
	for i := range p.Triggers {
		if !p.Triggers[i].Rule.FromZero() {
			return false
		}
	}
	return true
}

// DefaultPolicy is the job that the scaler was made for.
func DefaultPolicy() Policy {
	return Policy{
		Triggers: []Trigger{{Rule: DefaultRule(), OnNoData: HoldOnNoData}}, Limits: DefaultLimits(),
		StepUp: 1, StepDown: 1, ScaleToZeroDelay: 5 * time.Minute,
	}
}

// Without a configured MaxSampleAge a sample may be as old as three samples are
// apart, within these bounds: two scrapes may fail before a sample is stale.
const (
	leastMaxAge = 30 * time.Second
	mostMaxAge  = 15 * time.Minute
)

// MaxAge returns how old a sample may be: exactly what was configured or, if
// nothing was, three times the spacing of the samples, from 30 s to 15 min. The
// spacing is 0 until it is known.
func (p Policy) MaxAge(spacing time.Duration) time.Duration {
	if p.MaxSampleAge > 0 {
		return p.MaxSampleAge
	}
	return max(leastMaxAge, min(3*spacing, mostMaxAge))
}

// gapAfter returns how far apart two samples may be before something between
// them counts as missing.
func (p Policy) gapAfter(spacing time.Duration) time.Duration {
	return max(p.MaxAge(spacing), 3*spacing)
}

// Expire marks the samples that are too old at now as Stale, in place. Only
// usable samples can expire.
func (p Policy) Expire(samples []sample.Result, now time.Time) {
	for i, s := range samples {
		if s.Outcome == sample.Value && !s.Timestamp.IsZero() && now.Sub(s.Timestamp) > p.MaxAge(s.Spacing) {
			samples[i].Outcome = sample.Stale
		}
	}
}

// Input is all that a decision depends on, beside State.
type Input struct {
	Now      time.Time       // by Prometheus's clock
	Samples  []sample.Result // one for each trigger, in their order; one that is left out has failed
	Used     bool            // no sample is new: the load moves nothing
	Replicas int32           // spec.replicas, never status: surge Pods of a roll-out do not count
	ByRule   bool            // that it is 0 was decided here; else the workload was switched off
	Ready    *int32          // Pods that are ready; nil if unknown
	Limits   Limits          // in force now
	Block    Block

	NoUp, NoDown string // who paused that direction: file or annotation; "" if it is not paused
	Pods         *Pods  // looked at just before a step down; nil if they were not
}

// Pods is what is known of a workload's Pods.
type Pods struct {
	Idle int32 // how many have nothing to do
	Err  error // why that is not known, or cannot be acted on
}

// PausedBy returns who paused what was to be done: file or annotation.
func (d Decision) PausedBy() string {
	if d.Block.Reason == Paused {
		return d.Block.By
	}
	return cmp.Or(d.NoUp, d.NoDown) // both would be a block
}

// paused returns who paused steps in that direction, "" if they are not paused.
func (in Input) paused(a Action) string {
	switch a {
	case Up:
		return in.NoUp
	case Down:
		return in.NoDown
	}
	return ""
}

// Block is why nothing may be written to the workload, whatever the load.
type Block struct {
	Reason Reason        // Paused, OwnedByOther or Contested; "" for none
	By     string        // of a pause: file or annotation; else the other writer, if it is known
	Err    error         // why it is not known whether the other writer still exists
	Left   time.Duration // until it ends if nothing happens; 0 if that is unknown
}

// Off reports whether the workload was switched off by hand.
func (in Input) Off() bool { return in.Replicas < 0 || in.Replicas == 0 && !in.ByRule }

// Decision is what to do, and everything that there is to say about it.
type Decision struct {
	Input

	Action      Action
	From, To    int32         // replicas; equal if Action is None
	Reason      Reason        // why this action was chosen
	Load        Action        // what the load asks for, before limits, waits and holds; "" if it is unknown
	Left        time.Duration // of what Reason waits for; 0 if that is unknown
	Trigger     int           // the index of the trigger that decided
	PerInstance float64       // its number / replicas, or the number if the rule is absolute; NaN if unknown
	Bound       *float64      // the policy's number that decided; nil if none did
}

// Sample returns the sample of the trigger that decided.
func (d Decision) Sample() sample.Result {
	if d.Trigger < len(d.Samples) {
		return d.Samples[d.Trigger]
	}
	return sample.Result{}
}

// Age returns how old that sample is at the decision, and whether its time is
// known.
func (d Decision) Age() (age time.Duration, known bool) {
	at := d.Sample().Timestamp
	return d.Now.Sub(at), !at.IsZero()
}

// KeptBy returns the trigger without data that keeps the last replica, -1 if none
// does.
func (d Decision) KeptBy() int {
	if d.From != 1 || d.Limits.Min > 0 {
		return -1
	}
	return slices.IndexFunc(d.Samples, func(s sample.Result) bool { return s.Empty || Hold(s) != "" })
}

// stay is the decision not to move after all.
func (d Decision) stay(why Reason) Decision {
	d.Action, d.To, d.Reason = None, d.From, why
	return d
}

// move is the decision to move elsewhere than the load asked for.
func (d Decision) move(a Action, to int32, why Reason) Decision {
	d.Action, d.To, d.Reason, d.Bound = a, to, why, nil
	return d
}
