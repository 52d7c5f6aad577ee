package loop

import (
	"context"
	"fmt"
	"math"
	"time"

	"github.com/go-kit/log"
	"github.com/go-kit/log/level"

	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/decide"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/event"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/metrics"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/sample"
)

// report is all that is said of one decision.
type report struct {
	sample   sample.Result
	age      time.Duration // of the sample when it was decided on
	replicas *int32        // spec.replicas; nil if unknown
	uid      string        // of the workload; "" if unknown
	decision decide.Decision
	err      error  // what failed, if anything
	cause    string // of err
}

// sameAs reports whether nothing has changed that would be news.
func (r report) sameAs(other report) bool {
	return r.decision.Action == other.decision.Action && r.decision.Reason == other.decision.Reason && r.cause == other.cause
}

// hold reports that nothing can be decided: at once if the reason is new, and
// then once per interval.
func (l *Loop) hold(ctx context.Context, r report) {
	if r.sameAs(l.reported) && time.Since(l.reportedAt) < l.target.Interval {
		return
	}
	if r.decision.Reason != decide.WorkloadUnreadable {
		if scale, err := l.get(ctx); err == nil {
			r.replicas = &scale.Replicas
		}
	}
	if ctx.Err() == nil {
		l.report(r)
	}
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
	}
	l.metrics.Decided(action, reason)
	state := r.state()
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
	e := event.Event{Workload: l.target.Workload, UID: r.uid, Reason: "ScaledUp"}
	verb := "Scaled"
	switch {
	case reason == decide.WriteFailed && r.sameAs(l.reported):
		return
	case reason == decide.WriteFailed:
		e.Warning, e.Reason, verb = true, "ScalingFailed", "Could not scale"
	case d.Action == decide.Down:
		e.Reason = "ScaledDown"
	}
	e.Message = fmt.Sprintf("%s from %d to %d replicas: %v on %d is %v per replica, and the bound is %v",
		verb, d.From, d.To, r.sample.Value, d.From, d.PerInstance, *d.Bound)
	if r.err != nil {
		e.Message += fmt.Sprintf(" (%s: %v)", r.cause, r.err)
	}
	l.target.Event(e)
}

// write writes the line. Every line has the same keys, in the same order; what
// is unknown is null.
func (r report) write(logger log.Logger, t Target, message string, action decide.Action, reason decide.Reason) {
	line := []any{"msg", message, "target", t.Name, "namespace", t.Workload.Namespace, "workload", t.Workload, "action", action}
	if r.replicas != nil {
		to := *r.replicas
		if action != decide.None {
			to = r.decision.To
		}
		line = append(line, "from", *r.replicas, "to", to)
	} else {
		line = append(line, "from", nil, "to", nil)
	}
	state := r.state()
	line = append(line,
		"started", orNull(state.SampleValue), "per_instance", orNull(state.PerInstance),
		"bound", orNull(r.decision.Bound), "reason", reason)
	if r.sample.Timestamp.IsZero() {
		line = append(line, "sample_age", nil)
	} else {
		line = append(line, "sample_age", r.age.Round(time.Millisecond))
	}
	if r.sample.Outcome == sample.ManySeries {
		line = append(line, "series", r.sample.Series)
	}
	if t.DryRun {
		line = append(line, "dry_run", true)
	}
	if r.err != nil {
		line = append(line, "cause", r.cause, "err", r.err)
	}
	logger.Log(line...)
}

// orNull unwraps a number, for the log would print its address.
func orNull(v *float64) any {
	if v == nil {
		return nil
	}
	return *v
}

// state is what the report says in numbers.
func (r report) state() metrics.State {
	s := metrics.State{Replicas: r.replicas}
	if r.sample.Outcome == sample.Value {
		s.SampleValue = &r.sample.Value
	}
	if r.replicas != nil && s.SampleValue != nil {
		s.WantedReplicas = &r.decision.To
		if !math.IsNaN(r.decision.PerInstance) {
			s.PerInstance = &r.decision.PerInstance
		}
	}
	return s
}
