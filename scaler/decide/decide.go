// Package decide turns a sample and a number of replicas into a step. It is
// pure: it knows no clock, no network and no log, so what it returns depends
// on its arguments alone.
package decide

import (
	"math"

	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/sample"
)

// Action is what to do with the replicas.
type Action string

// The actions.
const (
	Up   Action = "up"
	Down Action = "down"
	None Action = "none"
)

// Reason says why an action was chosen. The set is closed: it is a metric's
// label and a key of the log.
type Reason string

// The reasons. The first five come from the rule, the others are holds:
// something is missing or wrong, so nothing may be done.
const (
	LoadHigh      Reason = "load_high"        // per_instance >= scale_up_at
	LoadHighAtMax Reason = "load_high_at_max" // the same, but there are max_replicas already
	LoadLow       Reason = "load_low"         // per_instance <= scale_down_at
	LoadLowAtMin  Reason = "load_low_at_min"  // the same, but there are only min_replicas
	WithinBounds  Reason = "within_bounds"    // scale_down_at < per_instance < scale_up_at

	NoData             Reason = "no_data"
	Stale              Reason = "stale"
	FromFuture         Reason = "sample_from_future"
	NotANumber         Reason = "not_a_number"
	ManySeries         Reason = "many_series"
	QueryFailed        Reason = "query_failed"
	SwitchedOff        Reason = "switched_off"        // spec.replicas is 0: somebody turned the workload off
	WorkloadUnreadable Reason = "workload_unreadable" // the replicas could not be read
	WriteFailed        Reason = "write_failed"        // the replicas could not be written
	Paused             Reason = "paused"              // somebody said so: no write at all
)

// Reasons lists every reason.
func Reasons() []Reason {
	return []Reason{
		LoadHigh, LoadHighAtMax, LoadLow, LoadLowAtMin, WithinBounds,
		NoData, Stale, FromFuture, NotANumber, ManySeries, QueryFailed,
		SwitchedOff, WorkloadUnreadable, WriteFailed, Paused,
	}
}

// Holds reports whether the reason is a hold: not the rule says to do nothing,
// but something keeps it from being applied.
func (r Reason) Holds() bool {
	switch r {
	case LoadHigh, LoadHighAtMax, LoadLow, LoadLowAtMin, WithinBounds:
		return false
	default:
		return true
	}
}

// Input is all that a decision depends on.
type Input struct {
	Sample   sample.Result
	Replicas int32 // spec.replicas, never status: surge Pods of a roll-out do not count
	Rule     Rule
	Paused   bool // do nothing, whatever the rule says
}

// Decision is what to do, and why.
type Decision struct {
	Action      Action
	From, To    int32    // replicas; equal if Action is None
	PerInstance float64  // value / replicas; NaN if unknown
	Bound       *float64 // the rule's number that decided; nil if none did
	Reason      Reason
}

// Decide applies the rule. It never moves by more than one step, and holds
// whenever the sample is no finite number or there is nothing to divide by.
func Decide(in Input) Decision {
	d := Decision{Action: None, From: in.Replicas, To: in.Replicas, PerInstance: math.NaN()}
	if r := Hold(in.Sample); r != "" {
		d.Reason = r
		return d
	}
	if in.Replicas <= 0 {
		d.Reason = SwitchedOff
		return d
	}
	rule := in.Rule
	d.PerInstance = in.Sample.Value / float64(in.Replicas)
	switch {
	case in.Paused:
		d.Reason = Paused
	case d.PerInstance >= rule.ScaleUpAt && in.Replicas < rule.MaxReplicas:
		d.Action, d.To, d.Bound, d.Reason = Up, in.Replicas+1, &rule.ScaleUpAt, LoadHigh
	case d.PerInstance <= rule.ScaleDownAt && in.Replicas > rule.MinReplicas:
		d.Action, d.To, d.Bound, d.Reason = Down, in.Replicas-1, &rule.ScaleDownAt, LoadLow
	case d.PerInstance >= rule.ScaleUpAt:
		d.Bound, d.Reason = &rule.ScaleUpAt, LoadHighAtMax
	case d.PerInstance <= rule.ScaleDownAt:
		d.Bound, d.Reason = &rule.ScaleDownAt, LoadLowAtMin
	default:
		d.Reason = WithinBounds
	}
	return d
}

// Unknown is the decision to do nothing when not even the replicas are known.
func Unknown(r Reason) Decision {
	return Decision{Action: None, PerInstance: math.NaN(), Reason: r}
}

// Hold returns why nothing may be decided on the sample, or "" if it is one
// finite number.
func Hold(s sample.Result) Reason {
	switch s.Outcome {
	case sample.Value:
		if math.IsNaN(s.Value) || math.IsInf(s.Value, 0) {
			return NotANumber
		}
		return ""
	case sample.NoData:
		return NoData
	case sample.Stale:
		return Stale
	case sample.Future:
		return FromFuture
	case sample.NotANumber:
		return NotANumber
	case sample.ManySeries:
		return ManySeries
	default:
		return QueryFailed
	}
}
