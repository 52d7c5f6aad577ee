// Package loop runs one target: it looks for a new sample, has it decided on,
// and has the decision carried out.
package loop

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/config"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/decide"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/promapi"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/sample"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/workload"
	"github.com/camunda-autoscaler/camunda-autoscaler/service/sleep"
)

// Scaler reads and writes a workload's replicas.
type Scaler interface {
	Get(ctx context.Context) (workload.Scale, error)
	Set(ctx context.Context, read workload.Scale, replicas int32) error
	// ScaledByHPA returns the name of a HorizontalPodAutoscaler of the
	// workload, "" if there is none.
	ScaledByHPA(ctx context.Context) (string, error)
}

// Loop runs one target.
type Loop struct {
	target   *config.Target // never changed
	sources  []source       // one for each trigger
	max      Evaluator
	pods     Pods // nil unless steps down have regard to Pods that work
	scaler   Scaler
	observer Observer
	local    func() time.Time // this machine's clock
	once     bool             // decide on what there is, even if it is from before the start

	clock     clock
	schedule  Schedule     // new when Prometheus's clock becomes known or jumps
	state     decide.State // what the last decision remembers; new then, too
	shadow    *shadow      // nil unless it is a dry run
	decidedAt time.Time    // when a decision was last tried, by this machine's clock
	actedAt   time.Time    // when the last write ended, by this machine's clock
	ownership ownership
	owner     owner

	retry      retry // of a cycle that failed for the workload
	reported   gist  // of the last report
	reportedAt time.Time
	health     *Health
}

// New returns a loop that has not started. The target must not change any more:
// decisions point to it.
func New(t *config.Target, from Sources, s Scaler, o Observer) *Loop {
	l := &Loop{target: t, max: from.Max, pods: from.Pods, scaler: s, observer: o, local: time.Now, schedule: Schedule{Interval: t.Interval}, owner: owner{due: true}}
	for _, r := range from.Triggers {
		l.sources = append(l.sources, source{Reader: r})
	}
	if t.DryRun {
		l.shadow = &shadow{}
	}
	l.health = NewHealth(t.Name, t.Interval, t.Policy.MaxAge(0))
	return l
}

// Continue takes over from a loop of the same workload that has ended: what it
// knew of the time, of its decisions and of other writers.
func (l *Loop) Continue(old *Loop) {
	l.clock, l.schedule, l.state = old.clock, old.schedule, old.state
	switch {
	case l.shadow == nil:
	case old.shadow != nil:
		*l.shadow = *old.shadow
	default:
		l.shadow.state = old.state
	}
	l.decidedAt, l.actedAt = old.decidedAt, old.actedAt
	l.ownership, l.owner = old.ownership, old.owner
	l.schedule.Interval = l.target.Interval
}

// GoBy makes a loop that has not started go by another clock than this machine's.
func (l *Loop) GoBy(local func() time.Time) { l.local = local }

// Step runs one cycle, and returns when to run the next. When ctx ends, a write that
// is under way is finished. What fails is tried again; Step itself does not fail.
func (l *Loop) Step(ctx context.Context) (next time.Duration) {
	_, next = l.cycle(ctx)
	return next
}

// Once decides on the newest sample if it is fresh, or else on the next one,
// and returns. It returns an error if ctx ends first or if the decision cannot
// be carried out.
func (l *Loop) Once(ctx context.Context) error {
	l.once = true
	for ctx.Err() == nil {
		decided, next := l.cycle(ctx)
		switch {
		case decided && l.reported.err != nil:
			return fmt.Errorf("target %s: %w", l.target.Name, l.reported.err)
		case decided:
			return nil
		}
		_ = sleep.For(ctx, next)
	}
	return fmt.Errorf("target %s: no decision: %s: %w", l.target.Name, l.reported.reason, cmp.Or(l.reported.err, ctx.Err()))
}

// Worked returns an error unless a cycle worked recently, that is, Prometheus
// answered and, if it was needed, the API server as well.
func (l *Loop) Worked() error { return l.health.Worked() }

// Alive returns an error if the loop is stuck.
func (l *Loop) Alive() error { return l.health.Alive() }

// cycle looks for a new sample, and decides if one is due or if there has been
// none for an interval. It returns whether it decided on a sample, and when to
// look again.
func (l *Loop) cycle(ctx context.Context) (decided bool, next time.Duration) {
	l.start(ctx)
	samples := l.read(ctx)
	if ctx.Err() != nil {
		return false, 0
	}
	newest := decide.Newest(samples)
	fresh := !newest.IsZero() && (l.once || l.schedule.Due(newest))
	if left := l.schedule.Shortest() - l.local().Sub(l.actedAt); fresh && left > 0 && !l.once {
		return false, l.end(samples, left) // the last cycle was slow
	}
	switch {
	case fresh:
	case l.once || !l.overdue(newest):
		if newest.IsZero() {
			l.tellMissing(ctx, samples)
		}
		return false, l.end(samples, l.wait())
	default:
		l.decidedAt = l.local() // also if it fails
	}
	limits := l.limits(ctx, answered(samples))
	scale, change, err := l.get(ctx)
	if ctx.Err() != nil {
		return false, 0
	}
	if err != nil {
		l.unreadable(samples, limits, err)
		return false, l.retry.left(l.local())
	}
	l.target.Policy.Expire(samples, l.now()) // it may have taken long to get here
	d := Decision{Target: l.target, Scale: &scale, Change: change}
	l.decide(ctx, samples, fresh, limits, &d)
	l.report(&d)
	return fresh && !decide.Newest(samples).IsZero(), l.end(samples, l.wait())
}

// overdue reports whether to decide without a new sample: floors and blocks do
// not depend on one. A sample that is only a little late is waited for.
func (l *Loop) overdue(newest time.Time) bool {
	patience := l.target.Interval
	if !newest.IsZero() {
		patience += l.target.Interval / 2
	}
	return l.local().Sub(l.decidedAt) >= patience
}

// wait returns how long to wait until the next look.
func (l *Loop) wait() time.Duration {
	now := l.now()
	next := now.Add(l.target.Interval)
	for _, s := range l.sources {
		if at := s.aim.next(l.schedule.Opens(), now); at.Before(next) {
			next = at
		}
	}
	wait := next.Sub(now)
	if left := l.target.Interval - l.local().Sub(l.decidedAt); left > 0 {
		wait = min(wait, left)
	}
	return wait
}

// start starts a cycle.
func (l *Loop) start(ctx context.Context) {
	l.health.Begins()
	if l.decidedAt.IsZero() {
		l.decidedAt = l.local()
		if !l.once {
			l.state.Start = l.now()
			if l.shadow != nil {
				l.shadow.state.Start = l.state.Start
			}
			_, _, _ = l.get(ctx) // so that whatever another writer does from now on is noticed
		}
	}
}

// end ends a cycle that did all it could, and returns how long to wait: that
// long, unless no query works.
func (l *Loop) end(samples []sample.Result, wait time.Duration) time.Duration {
	worked, none := true, true
	var left time.Duration
	for i, s := range samples {
		if s.Outcome == sample.Failed {
			worked = worked && l.target.Policy.Triggers[i].Optional
			if again := l.sources[i].retry.left(l.local()); left == 0 || again < left {
				left = again
			}
			continue
		}
		none = false
		l.sources[i].retry = retry{}
	}
	if none {
		return left
	}
	if worked {
		l.retry = retry{}
		l.health.Works()
	}
	return wait
}

// decide has the samples decided on, and acts. The report comes after it and not
// within, as either takes much stack, and there is one for each workload.
func (l *Loop) decide(ctx context.Context, samples []sample.Result, fresh bool, limits decide.Limits, d *Decision) {
	now := l.now()
	newest := decide.Newest(samples)
	l.decidedAt = l.local()
	if fresh {
		// From here on the samples are used up, whatever becomes of the write:
		// one whose answer is lost may have happened.
		l.schedule = l.schedule.Use(later(newest, l.schedule.last))
	}
	before := l.state
	d.Before = &before
	if !d.Scale.Known {
		limits.Min = max(1, limits.Min) // else it could not be told later who set 0
	}
	in := decide.Input{
		Now: now, Samples: samples, Used: !fresh, Replicas: d.Scale.Replicas, ByRule: d.Scale.Writer.Scaler(), Ready: d.Scale.Ready, Limits: limits,
	}
	in.NoUp, in.NoDown = l.paused(*d.Scale, now)
	in.Block = l.block(ctx, *d.Scale, in)
	decided, state := l.target.Policy.Decide(in, l.state)
	d.Decision = decided
	l.state = l.gently(ctx, in, d, state)
	if l.target.DryRun {
		l.decideShadow(d, &in)
	}
	l.explain(d)
	l.act(ctx, d)
	if d.Action != decide.None {
		l.state = l.state.Acted(l.now())
	}
	if d.stepped() && !fresh {
		l.schedule = l.schedule.Use(l.now()) // the next step comes an interval later, data or not
	}
	if fresh && !newest.IsZero() {
		d.Lag = l.now().Sub(newest)
	}
}

// decideShadow adds what is decided on a dry run's shadow.
func (l *Loop) decideShadow(d *Decision, in *decide.Input) {
	*l.shadow, d.Shadow = l.shadow.decide(l.target.Policy, *in, *d.Scale)
	if d.stepped() {
		l.actedAt = l.local()
	}
}

// explain adds what failed, if that is the reason.
func (l *Loop) explain(d *Decision) {
	switch {
	case d.Reason == decide.QueryFailed:
		err := d.Sample().Err
		d.fail(err, string(promapi.CauseOf(err)))
	case d.Reason == d.Block.Reason && d.Block.Err != nil:
		d.fail(d.Block.Err, string(workload.CauseOf(d.Block.Err)))
	}
}

// tellMissing reports what is missing as soon as it is news. It is decided on
// only once an interval has passed.
func (l *Loop) tellMissing(ctx context.Context, samples []sample.Result) {
	d := Decision{Target: l.target}
	d.Decision = l.target.Policy.Missing(decide.Input{Now: l.now(), Samples: samples})
	l.explain(&d)
	if d.gist().repeats(l.reported) && l.local().Sub(l.reportedAt) < l.target.Interval {
		return
	}
	if scale, change, err := l.get(ctx); err == nil {
		d.Scale, d.Change = &scale, change
		d.Replicas, d.From, d.To = scale.Replicas, scale.Replicas, scale.Replicas
	}
	if ctx.Err() == nil {
		l.report(&d)
	}
}

// unreadable reports that the workload could not be read. The samples are not
// used up.
func (l *Loop) unreadable(samples []sample.Result, limits decide.Limits, err error) {
	l.retry.failed(l.local())
	d := Decision{Target: l.target}
	in := decide.Input{Now: l.now(), Samples: samples, Limits: limits}
	if decide.Newest(samples).IsZero() { // there is nothing to decide on anyway
		d.Decision = l.target.Policy.Missing(in)
		l.explain(&d)
	} else {
		d.Decision = l.target.Policy.Unknown(in)
		d.fail(err, string(workload.CauseOf(err)))
	}
	if !d.gist().repeats(l.reported) || l.local().Sub(l.reportedAt) >= l.target.Interval {
		l.report(&d)
	}
}

func (l *Loop) report(d *Decision) {
	now := d.gist()
	d.Repeat = now.repeats(l.reported)
	l.reported, l.reportedAt = now, l.local()
	l.observer.Observe(*d)
}

func answered(samples []sample.Result) bool {
	for _, s := range samples {
		if s.Outcome != sample.Failed {
			return true
		}
	}
	return false
}
