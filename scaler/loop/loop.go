package loop

import (
	"cmp"
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/go-kit/log"
	"k8s.io/apimachinery/pkg/util/wait"

	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/decide"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/event"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/metrics"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/query"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/sample"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/workload"
)

// Reader reads a target's samples: first when the newest was scraped, then, if
// it is due, the sample itself.
type Reader interface {
	Newest(ctx context.Context) sample.Result
	At(ctx context.Context, newest sample.Result) sample.Result
}

// Scaler reads and writes a workload's replicas.
type Scaler interface {
	Get(ctx context.Context) (workload.Scale, error)
	Set(ctx context.Context, read workload.Scale, replicas int32) error
}

// Target is what a loop works on, and by which rule.
type Target struct {
	Name     string
	Workload workload.Ref
	Policy   decide.Policy
	Interval time.Duration     // between two decisions
	DryRun   bool              // never write; say what would be done
	Paused   bool              // never write
	Event    func(event.Event) // is told of every write; nil if nobody is
}

// Loop runs one target.
type Loop struct {
	target  Target
	reader  Reader
	scaler  Scaler
	metrics *metrics.Target
	logger  log.Logger

	schedule   Schedule
	scheduled  bool          // the schedule has its start
	backoff    *wait.Backoff // nil unless the last cycle failed
	state      decide.State  // what the last decision remembers
	reported   report        // the last one
	reportedAt time.Time
	worked     atomic.Int64 // when a cycle last worked, in Unix nanoseconds
}

// New returns a loop that has not started.
func New(t Target, r Reader, s Scaler, m *metrics.Target, logger log.Logger) *Loop {
	m.SetPaused(t.Paused)
	return &Loop{target: t, reader: r, scaler: s, metrics: m, logger: logger, schedule: Schedule{Interval: t.Interval}}
}

// Continue takes over from a loop of the same workload that has ended: which
// sample was used up last, and when the next one is due.
func (l *Loop) Continue(old *Loop) {
	l.schedule, l.scheduled, l.state = old.schedule, old.scheduled, old.state
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
	l.schedule, l.scheduled = NewSchedule(l.target.Interval, time.Time{}), true
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

func sleep(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}

// Worked returns an error unless a cycle worked recently, that is, Prometheus
// answered and, if it was needed, the API server as well.
func (l *Loop) Worked() error {
	limit := max(3*l.target.Interval, l.target.Policy.MaxSampleAge)
	last := l.worked.Load()
	switch {
	case last == 0:
		return fmt.Errorf("target %s: no cycle has worked yet", l.target.Name)
	case time.Since(time.Unix(0, last)) > limit:
		return fmt.Errorf("target %s: no cycle has worked for %s", l.target.Name, time.Since(time.Unix(0, last)).Round(time.Second))
	}
	return nil
}

// cycle looks for a new sample and, if one is due, decides on it. It returns
// whether it decided, and when to look again.
func (l *Loop) cycle(ctx context.Context) (decided bool, next time.Duration) {
	asked := time.Now()
	newest := l.reader.Newest(ctx)
	answered := time.Now()
	l.metrics.Took(metrics.Query, answered.Sub(asked))
	if ctx.Err() != nil {
		return false, 0
	}
	if newest.Outcome == sample.Failed {
		return false, l.failed(ctx, l.queryFailed(newest))
	}
	sinceScrape := func() time.Duration { return newest.Age() + time.Since(answered) }
	now := func() time.Time { return newest.Now.Add(time.Since(answered)) }
	if newest.Timestamp.IsZero() {
		l.metrics.SetSampled(time.Time{})
	} else {
		l.metrics.SetSampled(answered.Add(-newest.Age()))
	}
	if !l.scheduled || !newest.Now.IsZero() && l.schedule.Broken(newest.Now) {
		// The newest sample may have been acted on before a restart, so only
		// one that is scraped from now on is fresh. Without any sample
		// there is no clock either, and whatever comes next is fresh.
		l.schedule, l.scheduled = NewSchedule(l.target.Interval, newest.Now), true
	}
	if newest.Outcome == sample.Value && sinceScrape() > l.target.Policy.MaxSampleAge {
		newest.Outcome = sample.Stale
	}
	if newest.Outcome != sample.Value {
		l.hold(ctx, report{sample: newest, age: sinceScrape(), decision: decide.Unknown(decide.Hold(newest))})
		l.succeeded()
		return false, l.schedule.pollEvery()
	}
	if !l.schedule.Due(newest.Timestamp) {
		l.succeeded()
		return false, l.schedule.Wait(now())
	}

	asked = time.Now()
	s := l.reader.At(ctx, newest)
	l.metrics.Took(metrics.Query, time.Since(asked))
	if s.Outcome == sample.Failed {
		return false, l.failed(ctx, l.queryFailed(s))
	}
	scale, err := l.get(ctx)
	if err != nil {
		if ctx.Err() != nil {
			return false, 0
		}
		l.metrics.WorkloadFailed(metrics.Read, workload.CauseOf(err))
		cause := string(workload.CauseOf(err))
		return false, l.failed(ctx, report{sample: s, age: sinceScrape(), err: err, cause: cause, decision: decide.Unknown(decide.WorkloadUnreadable)})
	}
	if s.Outcome == sample.Value && sinceScrape() > l.target.Policy.MaxSampleAge {
		s.Outcome = sample.Stale // it took too long to get here
	}
	// From here on the sample is used up, whatever becomes of the write: one
	// whose answer is lost may have happened.
	l.schedule = l.schedule.Use(newest.Timestamp)
	in := decide.Input{Now: now(), Samples: []sample.Result{s}, Replicas: scale.Replicas, Limits: l.target.Policy.Limits}
	if l.target.Paused {
		in.Block = decide.Paused
	}
	r := report{sample: s, age: sinceScrape(), replicas: &scale.Replicas, uid: scale.UID}
	r.decision, l.state = l.target.Policy.Decide(in, l.state)
	if r.decision.Action != decide.None && !l.target.DryRun {
		asked = time.Now()
		err := l.scaler.Set(context.WithoutCancel(ctx), scale, r.decision.To)
		l.metrics.Took(metrics.Write, time.Since(asked))
		if err != nil {
			l.metrics.WorkloadFailed(metrics.Write, workload.CauseOf(err))
			r.err, r.cause = err, string(workload.CauseOf(err))
		}
	}
	l.metrics.SetLag(sinceScrape())
	l.report(r)
	l.succeeded()
	return s.Outcome == sample.Value, l.schedule.Wait(now())
}

func (l *Loop) get(ctx context.Context) (workload.Scale, error) {
	asked := time.Now()
	defer func() { l.metrics.Took(metrics.Read, time.Since(asked)) }()
	return l.scaler.Get(ctx)
}

func (l *Loop) queryFailed(s sample.Result) report {
	cause := query.CauseOf(s.Err)
	l.metrics.QueryFailed(cause)
	return report{sample: s, err: s.Err, cause: string(cause), decision: decide.Unknown(decide.QueryFailed)}
}

func (l *Loop) succeeded() {
	l.backoff = nil
	l.worked.Store(time.Now().UnixNano())
}

// failed holds, and returns how long to wait before the next attempt.
func (l *Loop) failed(ctx context.Context, r report) time.Duration {
	l.hold(ctx, r)
	if l.backoff == nil {
		l.backoff = &wait.Backoff{Duration: 500 * time.Millisecond, Factor: 2, Jitter: 0.1, Steps: 100, Cap: 10 * time.Second}
	}
	return l.backoff.Step()
}
