package loop

import (
	"fmt"
	"math"
	"strconv"
	"time"

	"github.com/go-kit/log"
	"github.com/go-kit/log/level"

	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/decide"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/event"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/metrics"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/sample"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/workload"
)

// report is all that is said of one decision.
type report struct {
	samples  []sample.Result // one for each trigger
	age      time.Duration   // of the sample when it was decided on
	scale    *workload.Scale // nil if unknown
	limits   limits
	decision decide.Decision
	pausedBy string // file or annotation, if that is the reason
	owner    string // the autoscaler that is the reason
	err      error  // what failed, if anything
	cause    string // of err
}

func (r *report) fail(err error, cause string) { r.err, r.cause = err, cause }

// sample is that of the trigger that decided.
func (r report) sample() sample.Result { return r.samples[r.decision.Trigger] }

// sameAs reports whether nothing has changed that would be news.
func (r report) sameAs(other report) bool {
	return r.decision.Action == other.decision.Action && r.decision.Reason == other.decision.Reason && r.cause == other.cause
}

// report counts and logs a decision.
func (l *Loop) report(r report) {
	d := r.decision
	action, reason, message := d.Action, d.Reason, "nothing to do"
	switch {
	case r.err != nil && d.Action != decide.None:
		action, reason, message = decide.None, decide.WriteFailed, "scaling failed"
	case d.Action != decide.None && l.target.DryRun:
		message = "would scale"
	case d.Action != decide.None:
		message = "scaled"
	case d.Reason.Holds():
		message = "holding"
	case d.Reason.Waits():
		message = "waiting"
	}
	l.metrics.Decided(action, reason)
	state := r.state(l.target.Policy.Triggers)
	if reason.Holds() {
		state.Holding = reason
	}
	l.metrics.SetState(state)

	logger := level.Debug(l.logger)
	switch {
	case reason == decide.WriteFailed:
		logger = level.Error(l.logger)
	case action != decide.None || !r.sameAs(l.reported):
		logger = level.Info(l.logger)
	}
	l.event(r, reason)
	l.reported, l.reportedAt = r, time.Now()
	r.write(logger, l.target, message, action, reason)
}

// event puts an Event on the workload for every write that was done, and for
// one that failed if that is news.
func (l *Loop) event(r report, reason decide.Reason) {
	d := r.decision
	if l.target.Event == nil || d.Action == decide.None || l.target.DryRun {
		return
	}
	e := event.Event{Workload: l.target.Workload, UID: r.scale.UID, Reason: "ScaledUp"}
	verb := "Scaled"
	switch {
	case reason == decide.WriteFailed && r.sameAs(l.reported):
		return
	case reason == decide.WriteFailed:
		e.Warning, e.Reason, verb = true, "ScalingFailed", "Could not scale"
	case d.Action == decide.Down:
		e.Reason = "ScaledDown"
	}
	e.Message = fmt.Sprintf("%s from %d to %d replicas: %s", verb, d.From, d.To, r.why(l.target.Policy))
	if r.err != nil {
		e.Message += fmt.Sprintf(" (%s: %v)", r.cause, r.err)
	}
	l.target.Event(e)
}

// why says in words what a step was taken for.
func (r report) why(p decide.Policy) string {
	d := r.decision
	switch d.Reason {
	case decide.BelowMin:
		return fmt.Sprintf("the minimum is %d%s", r.limits.Min, by(r.limits.floor))
	case decide.AboveMax:
		return fmt.Sprintf("the maximum is %d%s", r.limits.Max, by(r.limits.ceiling))
	case decide.Fallback:
		return fmt.Sprintf("there has been no data for more than %s, and the fallback is more replicas", p.MaxAge(0))
	}
	trigger, name := p.Triggers[d.Trigger], ""
	if trigger.Name != "" {
		name = trigger.Name + ", "
	}
	if trigger.Rule.Absolute {
		return fmt.Sprintf("%s%v, and the bound is %v", name, r.sample().Value, *d.Bound)
	}
	return fmt.Sprintf("%s%v on %d is %v per replica, and the bound is %v", name, r.sample().Value, d.From, d.PerInstance, *d.Bound)
}

func by(entry string) string {
	if entry == "" {
		return ""
	}
	return " by the calendar's " + strconv.Quote(entry)
}

// write writes the line. Every line has the same keys, in the same order; what
// is unknown is null. Keys that say more of some come last.
func (r report) write(logger log.Logger, t Target, message string, action decide.Action, reason decide.Reason) {
	d, s := r.decision, r.sample()
	line := append(make([]any, 0, 40), "msg", message, "target", t.Name, "namespace", t.Workload.Namespace, "workload", t.Workload, "action", action)
	if r.scale != nil {
		to := r.scale.Replicas
		if action != decide.None {
			to = d.To
		}
		line = append(line, "from", r.scale.Replicas, "to", to)
	} else {
		line = append(line, "from", nil, "to", nil)
	}
	var started, per any
	if s.Outcome == sample.Value {
		started = s.Value
	}
	if !math.IsNaN(d.PerInstance) {
		per = d.PerInstance
	}
	line = append(line, "started", started, "per_instance", per, "bound", orNull(d.Bound), "reason", reason)
	if s.Timestamp.IsZero() {
		line = append(line, "sample_age", nil)
	} else {
		line = append(line, "sample_age", r.age.Round(time.Millisecond))
	}
	more := func(key string, value any, ok bool) {
		if ok {
			line = append(line, key, value)
		}
	}
	name := t.Policy.Triggers[d.Trigger].Name
	more("trigger", name, name != "")
	more("series", s.Series, s.Outcome == sample.ManySeries)
	switch d.Reason {
	case decide.BelowMin, decide.LoadLowAtMin:
		more("calendar", r.limits.floor, r.limits.floor != "")
	case decide.AboveMax, decide.LoadHighAtMax:
		more("calendar", r.limits.ceiling, r.limits.ceiling != "")
	case decide.WaitForReady:
		more("ready", orNull(r.scale.Ready), true)
	}
	more("paused_by", r.pausedBy, r.pausedBy != "")
	more("owner", r.owner, r.owner != "")
	more("dry_run", true, t.DryRun)
	if r.err != nil {
		line = append(line, "cause", r.cause, "err", r.err)
	}
	logger.Log(line...)
}

// orNull unwraps a number, for the log would print its address.
func orNull[T any](v *T) any {
	if v == nil {
		return nil
	}
	return *v
}

// state is what the report says in numbers.
func (r report) state(triggers []decide.Trigger) metrics.State {
	var state metrics.State
	if r.scale != nil {
		state.Replicas, state.ReadyReplicas = &r.scale.Replicas, r.scale.Ready
	}
	for i, s := range r.samples {
		if s.Outcome != sample.Value {
			continue
		}
		known := metrics.Sample{Trigger: triggers[i].Name, Value: s.Value}
		if r.scale != nil && r.scale.Replicas > 0 {
			per := triggers[i].Rule.PerInstance(s.Value, r.scale.Replicas)
			known.PerInstance = &per
		}
		state.Samples = append(state.Samples, known)
	}
	if r.scale != nil && (len(state.Samples) > 0 || r.decision.Action != decide.None) {
		state.DesiredReplicas = &r.decision.To
	}
	return state
}
