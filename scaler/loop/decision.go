package loop

import (
	"math"
	"time"

	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/config"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/decide"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/workload"
)

// Decision is one decision on a target, and what became of it. All that is told
// of a decision (metrics, log, Events) is told from one such value, at once.
type Decision struct {
	decide.Decision

	Target *config.Target  // that was decided on; not to be changed
	Scale  *workload.Scale // that was read; nil if it could not be
	Change Change          // what has happened to the workload since the last decision
	Before *decide.State   // what was remembered before it; nil if there was nothing to decide on
	Shadow *Shadow         // of a dry run; nil if nothing was decided
	Lag    time.Duration   // from the sample's time to the end of all; 0 if no new sample was decided on
	Err    error           // what failed, if anything did: a query, a read or the write
	Cause  string          // of Err, for a label
	Repeat bool            // action, reason and cause are those of the decision before
}

// Result returns the action that was carried out, and why: a step whose write
// failed is none.
func (d Decision) Result() (decide.Action, decide.Reason) {
	if d.Failed() {
		return decide.None, decide.WriteFailed
	}
	return d.Action, d.Reason
}

// Failed reports whether a step could not be written.
func (d Decision) Failed() bool { return d.Err != nil && d.Action != decide.None }

// urgency orders the writes of many targets that cannot all be made at once: by
// how many times its bound a value is, steps up before steps down. A floor or a
// ceiling is no load, and counts as just at its bound.
func (d *Decision) urgency() float64 {
	if d.From == 0 {
		return math.Inf(1) // nothing is there to bear the load
	}
	times := 1.0
	if d.Bound != nil && *d.Bound > 0 && d.PerInstance >= 0 { // else it is NaN
		times = d.PerInstance / *d.Bound
	}
	if d.Action == decide.Down {
		return -times // the lower the value, the further beyond its bound
	}
	return times
}

// stepped reports whether a step was tried; in a dry run, by the shadow, which
// steps when a real run would.
func (d *Decision) stepped() bool {
	if d.Shadow != nil {
		return d.Shadow.Action != decide.None
	}
	return d.Action != decide.None
}

// gist is what is kept of a decision, to tell whether the next says anything new
// to a person. All of it would keep 1 KiB for each workload.
type gist struct {
	action decide.Action
	reason decide.Reason
	cause  string
	err    error
}

func (d *Decision) gist() gist {
	action, reason := d.Result()
	return gist{action, reason, d.Cause, d.Err}
}

// repeats reports whether it says nothing that is not known from other.
func (g gist) repeats(other gist) bool {
	g.err, other.err = nil, nil
	return g == other
}

// fail notes what failed.
func (d *Decision) fail(err error, cause string) { d.Err, d.Cause = err, cause }

// Observer is told of every decision, in their order. It returns soon, and
// keeps nothing of the decision's slices and pointers that it would change.
type Observer interface {
	Observe(d Decision)
}

// Observers are told one after the other.
type Observers []Observer

// Observe implements Observer.
func (o Observers) Observe(d Decision) {
	for _, observer := range o {
		observer.Observe(d)
	}
}
