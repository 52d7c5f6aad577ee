package decide

import (
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

// What the rule says. For a target rule, high is above the value per replica
// and low is where fewer replicas would do.
const (
	LoadHigh      Reason = "load_high"        // per_instance >= scale_up_at
	LoadHighAtMax Reason = "load_high_at_max" // the same, but there are max_replicas already
	LoadLow       Reason = "load_low"         // per_instance <= scale_down_at
	LoadLowAtMin  Reason = "load_low_at_min"  // the same, but there are only min_replicas
	WithinBounds  Reason = "within_bounds"    // scale_down_at < per_instance < scale_up_at
	BelowMin      Reason = "below_min"        // fewer than min_replicas, or than the calendar's minimum
	AboveMax      Reason = "above_max"        // more than the calendar's maximum
	Fallback      Reason = "fallback"         // no data for max_sample_age, and fewer than fallback_replicas
)

// What a step waits for. Each has the name of its option but one: a sample from
// before the last step moves nothing again.
const (
	ScaleUpDelay     Reason = "scale_up_delay"
	ScaleDownDelay   Reason = "scale_down_delay"
	ScaleToZeroDelay Reason = "scale_to_zero_delay"
	Coverage         Reason = "scale_down_coverage"
	AfterStart       Reason = "hold_after_start"
	WaitForReady     Reason = "wait_for_ready"
	WaitForIdle      Reason = "wait_for_idle"
	SampleUsed       Reason = "sample_used"
)

// Holds: something is missing or wrong, so nothing may be done. The first are
// the outcomes of a query.
const (
	NoData                    = Reason(sample.NoData)
	Stale                     = Reason(sample.Stale)
	FromFuture                = Reason(sample.Future)
	NotANumber                = Reason(sample.NotANumber)
	ManySeries                = Reason(sample.ManySeries)
	QueryFailed               = Reason(sample.Failed)
	MaxUnknown         Reason = "max_unknown"         // max_replicas_query gives no number
	BusyUnknown        Reason = "busy_unknown"        // busy_pods.query or the Pods do not tell which Pods work
	SwitchedOff        Reason = "switched_off"        // spec.replicas is 0, and not by a rule
	WorkloadUnreadable Reason = "workload_unreadable" // the replicas could not be read
	WriteFailed        Reason = "write_failed"        // the replicas could not be written
	Paused             Reason = "paused"              // by the file or the annotation: no write, or no step in that direction
	OwnedByOther       Reason = "owned_by_other"      // another autoscaler writes the replicas
	Contested          Reason = "contested"           // another writer keeps reverting the steps
)

// Reasons lists every reason.
func Reasons() []Reason {
	return []Reason{
		LoadHigh, LoadHighAtMax, LoadLow, LoadLowAtMin, WithinBounds, BelowMin, AboveMax, Fallback,
		ScaleUpDelay, ScaleDownDelay, ScaleToZeroDelay, Coverage, AfterStart, WaitForReady, WaitForIdle, SampleUsed,
		NoData, Stale, FromFuture, NotANumber, ManySeries, QueryFailed, MaxUnknown, BusyUnknown,
		SwitchedOff, WorkloadUnreadable, WriteFailed, Paused, OwnedByOther, Contested,
	}
}

// Holds reports whether the reason is a hold: something that is missing or
// wrong keeps the rule from being applied.
func (r Reason) Holds() bool {
	switch r {
	case NoData, Stale, FromFuture, NotANumber, ManySeries, QueryFailed, MaxUnknown, BusyUnknown,
		SwitchedOff, WorkloadUnreadable, WriteFailed, Paused, OwnedByOther, Contested:
		return true
	}
	return false
}

// Waits reports whether the rule asks for a step that has to wait.
func (r Reason) Waits() bool {
	switch r {
	case ScaleUpDelay, ScaleDownDelay, ScaleToZeroDelay, Coverage, AfterStart, WaitForReady, WaitForIdle, SampleUsed:
		return true
	}
	return false
}

// load is what a rule's reason asks for, before limits.
func (r Reason) load() Action {
	switch r {
	case LoadHigh, LoadHighAtMax:
		return Up
	case LoadLow, LoadLowAtMin:
		return Down
	}
	return None
}

// Hold returns why nothing may be decided on the sample, or "" if it is one
// finite number.
func Hold(s sample.Result) Reason { return Reason(s.Missing()) }
