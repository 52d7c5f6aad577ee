package loop

import (
	"context"
	"time"

	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/decide"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/query"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/sample"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/workload"
)

// decide has the samples decided on, acts, and says so.
func (l *Loop) decide(ctx context.Context, samples []sample.Result, scale workload.Scale, in limits) {
	l.decidedAt = time.Now()
	l.metrics.SetLimits(in.Limits)
	now := l.clock.now()
	r := report{samples: samples, scale: &scale, limits: in}
	block := l.block(ctx, scale, &r)
	r.decision, l.state = l.target.Policy.Decide(decide.Input{
		Now: now, Samples: samples, Replicas: scale.Replicas, Ready: scale.Ready, Limits: in.Limits, Block: block,
	}, l.state)
	r.age = l.age(r.sample())
	switch reason := r.decision.Reason; {
	case reason == decide.QueryFailed:
		r.fail(r.sample().Err, string(query.CauseOf(r.sample().Err)))
	case reason != block: // what blocks is not what holds
		r.pausedBy, r.owner, r.err, r.cause = "", "", nil, ""
	}
	l.act(ctx, scale, &r)
	l.report(r)
}

// blind decides without a usable sample, once per interval: on floors, for
// nothing else can be. In between it says what is missing if that is news.
func (l *Loop) blind(ctx context.Context, samples []sample.Result) {
	r := report{samples: samples, decision: l.missing(samples)}
	r.age = l.age(r.sample())
	if s := r.sample(); s.Outcome == sample.Failed {
		r.fail(s.Err, string(query.CauseOf(s.Err)))
	}
	due := !l.once && time.Since(l.decidedAt) >= l.target.Interval
	if ctx.Err() != nil || !due && r.sameAs(l.reported) && time.Since(l.reportedAt) < l.target.Interval {
		return
	}
	if due {
		l.decidedAt = time.Now() // also if it fails
		r.limits = l.limits(ctx, answered(samples))
	}
	scale, err := l.get(ctx)
	switch {
	case ctx.Err() != nil:
		return
	case err == nil && due:
		l.decide(ctx, samples, scale, r.limits)
		if l.reported.decision.Action != decide.None {
			l.schedule = l.schedule.Use(l.clock.now()) // the next step comes an interval later, data or not
		}
		return
	case err == nil:
		r.scale = &scale
	}
	l.report(r)
}

// missing says which trigger has no data: the first that has to be heard, or
// else the first. Another may well have a sample that was decided on before.
func (l *Loop) missing(samples []sample.Result) decide.Decision {
	which, why := 0, decide.Reason("")
	for i, s := range samples {
		required := !l.target.Policy.Triggers[i].Optional
		if hold := decide.Hold(s); hold != "" && (why == "" || required) {
			which, why = i, hold
			if required {
				break
			}
		}
	}
	d := decide.Unknown(why)
	d.Trigger = which
	return d
}

func answered(samples []sample.Result) bool {
	for _, s := range samples {
		if s.Outcome != sample.Failed {
			return true
		}
	}
	return false
}

// unreadable says that the workload could not be read. The samples are not
// used up.
func (l *Loop) unreadable(samples []sample.Result, err error) {
	l.retry.failed()
	r := report{samples: samples, decision: decide.Unknown(decide.WorkloadUnreadable)}
	for i, s := range samples {
		if s.Timestamp.After(r.sample().Timestamp) {
			r.decision.Trigger = i
		}
	}
	r.age = l.age(r.sample())
	r.fail(err, string(workload.CauseOf(err)))
	if !r.sameAs(l.reported) || time.Since(l.reportedAt) >= l.target.Interval {
		l.report(r)
	}
}
