package loop

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"time"

	"github.com/go-kit/log"

	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/calendar"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/decide"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/event"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/metrics"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/sample"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/workload"
)

// Scaler reads and writes a workload's replicas.
type Scaler interface {
	Get(ctx context.Context) (workload.Scale, error)
	Set(ctx context.Context, read workload.Scale, replicas int32) error
	// ScaledByHPA returns the name of a HorizontalPodAutoscaler of the
	// workload, "" if there is none.
	ScaledByHPA(ctx context.Context) (string, error)
}

// Target is what a loop works on, and by which rule.
type Target struct {
	Name     string
	Workload workload.Ref
	Policy   decide.Policy
	Calendar calendar.Calendar
	Interval time.Duration     // between two decisions
	DryRun   bool              // never write; say what would be done
	Paused   bool              // never write
	Event    func(event.Event) // is told of every write; nil if nobody is
}

// Loop runs one target.
type Loop struct {
	target  Target
	sources []source // one for each trigger
	max     Evaluator
	scaler  Scaler
	metrics *metrics.Target
	logger  log.Logger
	once    bool // decide on what there is, be it from before the start

	clock     clock
	schedule  Schedule     // anew when Prometheus's clock becomes known or jumps
	state     decide.State // what the last decision remembers; anew as well
	decidedAt time.Time    // when the last decision was tried
	ownership ownership
	owner     owner

	retry      retry // of a cycle that failed for the workload
	reported   report
	reportedAt time.Time
	health     *Health
}

// New returns a loop that has not started.
func New(t Target, from Sources, s Scaler, m *metrics.Target, logger log.Logger) *Loop {
	m.SetInfo(metrics.Info{Workload: t.Workload, DryRun: t.DryRun, Interval: t.Interval})
	m.SetPaused(t.Paused)
	m.SetTriggers(t.Policy.Triggers)
	l := &Loop{target: t, max: from.Max, scaler: s, metrics: m, logger: logger, schedule: Schedule{Interval: t.Interval}, owner: owner{due: true}}
	for _, r := range from.Triggers {
		l.sources = append(l.sources, source{Reader: r})
	}
	l.health = NewHealth(t.Name, t.Interval, t.Policy.MaxAge(0))
	return l
}

// Continue takes over from a loop of the same workload that has ended: what it
// knew of the time, of its decisions and of who writes the replicas.
func (l *Loop) Continue(old *Loop) {
	l.clock, l.schedule, l.state, l.decidedAt = old.clock, old.schedule, old.state, old.decidedAt
	l.ownership, l.owner = old.ownership, old.owner
	l.schedule.Interval = l.target.Interval
}

// Run works until ctx ends. A write that is under way then is finished. What
// fails is tried again; Run itself does not fail.
func (l *Loop) Run(ctx context.Context) {
	for ctx.Err() == nil {
		_, next := l.cycle(ctx)
		sleep(ctx, next)
	}
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
		sleep(ctx, next)
	}
	return fmt.Errorf("target %s: no decision: %s: %w", l.target.Name, l.reported.decision.Reason, cmp.Or(l.reported.err, ctx.Err()))
}

// Worked returns an error unless a cycle worked recently, that is, Prometheus
// answered and, if it was needed, the API server as well.
func (l *Loop) Worked() error { return l.health.Worked() }

// Alive returns an error if the loop is stuck.
func (l *Loop) Alive() error { return l.health.Alive() }

func sleep(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}

// cycle looks for a new sample and, if one is due, decides on it. It returns
// whether it decided, and when to look again.
func (l *Loop) cycle(ctx context.Context) (decided bool, next time.Duration) {
	l.begin(ctx)
	found := l.newest(ctx)
	if ctx.Err() != nil {
		return false, 0
	}
	switch newest := latest(found, found); {
	case newest.IsZero():
		l.blind(ctx, found)
		return false, l.end(found, l.schedule.pollEvery())
	case !l.schedule.Due(newest):
		return false, l.end(found, l.schedule.Wait(l.clock.now()))
	}

	samples := l.at(ctx, found)
	newest := latest(found, samples)
	if newest.IsZero() || !l.schedule.Due(newest) { // it could not be read
		l.blind(ctx, samples)
		return false, l.end(samples, l.schedule.pollEvery())
	}
	limits := l.limits(ctx, true)
	scale, err := l.get(ctx)
	if ctx.Err() != nil {
		return false, 0
	}
	if err != nil {
		l.unreadable(samples, err)
		return false, l.retry.left()
	}
	l.outdate(samples) // it may have taken long to get here
	// From here on the samples are used up, whatever becomes of the write: one
	// whose answer is lost may have happened.
	l.schedule = l.schedule.Use(newest)
	l.decide(ctx, samples, scale, limits)
	l.metrics.SetLag(l.clock.now().Sub(newest))
	return !latest(samples, samples).IsZero(), l.end(samples, l.schedule.Wait(l.clock.now()))
}

// latest is the time of the newest sample that was found and could be read,
// zero if there is none.
func latest(found, read []sample.Result) time.Time {
	var at time.Time
	for i, s := range found {
		if s.Outcome == sample.Value && read[i].Outcome != sample.Failed && s.Timestamp.After(at) {
			at = s.Timestamp
		}
	}
	return at
}

// begin begins a cycle.
func (l *Loop) begin(ctx context.Context) {
	l.health.Begins()
	if l.decidedAt.IsZero() {
		l.decidedAt = time.Now()
		l.metrics.Started()
		if !l.once {
			l.state.Start = l.clock.now()
			_, _ = l.get(ctx) // so that whatever another writer does from now on is noticed
		}
	}
}

// end ends a cycle that did all it could, and returns how long to wait: as long
// as that, unless no query works.
func (l *Loop) end(samples []sample.Result, wait time.Duration) time.Duration {
	worked, none := true, true
	left := time.Duration(math.MaxInt64)
	for i, s := range samples {
		if s.Outcome == sample.Failed {
			worked = worked && l.target.Policy.Triggers[i].Optional
			left = min(left, l.sources[i].retry.left())
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
