package loop

import (
	"context"
	"math"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/util/wait"

	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/calendar"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/decide"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/query"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/sample"
)

// Reader reads a trigger's samples: first when the newest was scraped, then, if
// it is due, the sample itself.
type Reader interface {
	Newest(ctx context.Context) sample.Result
	At(ctx context.Context, newest sample.Result) sample.Result
}

// Evaluator evaluates a query as of now.
type Evaluator interface {
	Now(ctx context.Context) sample.Result
}

// Sources are what a target's numbers come from.
type Sources struct {
	Triggers []Reader  // one for each of the policy's triggers, in their order
	Max      Evaluator // of a bound for steps up; nil for none
}

// source is one trigger's query.
type source struct {
	Reader
	retry retry
	down  sample.Result // with a retry under way: how it failed
}

// retry spaces the attempts at what fails: after 0.5 s, and up to 10 s.
type retry struct {
	backoff *wait.Backoff // nil unless the last attempt failed
	at      time.Time     // of the next one
}

func (r *retry) failed() {
	if r.backoff == nil {
		r.backoff = &wait.Backoff{Duration: 500 * time.Millisecond, Factor: 2, Jitter: 0.1, Steps: 100, Cap: 10 * time.Second}
	}
	r.at = time.Now().Add(r.backoff.Step())
}

func (r *retry) left() time.Duration { return max(0, time.Until(r.at)) }

// clock is Prometheus's, as far as it is known: its last answer, and what has
// passed since.
type clock struct{ prometheus, local time.Time }

func (c clock) known() bool { return !c.prometheus.IsZero() }

func (c clock) now() time.Time {
	if !c.known() {
		return time.Now()
	}
	return c.prometheus.Add(time.Since(c.local))
}

// newest asks when each trigger's newest sample was scraped, and sets the
// clock. A sample that is too old is Stale.
func (l *Loop) newest(ctx context.Context) []sample.Result {
	samples := make([]sample.Result, len(l.sources))
	clocks := make([]clock, len(l.sources))
	each(len(l.sources), func(i int) {
		s := &l.sources[i]
		if s.retry.left() > 0 {
			samples[i] = s.down
			return
		}
		samples[i] = l.ask(ctx, s, s.Newest)
		clocks[i] = clock{samples[i].Now, time.Now()}
	})
	if ctx.Err() == nil {
		l.setClock(clocks)
		l.outdate(samples)
		l.tellAges(samples)
	}
	return samples
}

// at reads those samples that newest found.
func (l *Loop) at(ctx context.Context, newest []sample.Result) []sample.Result {
	samples := make([]sample.Result, len(newest))
	each(len(newest), func(i int) {
		samples[i] = newest[i]
		if newest[i].Outcome == sample.Value {
			s := &l.sources[i]
			samples[i] = l.ask(ctx, s, func(ctx context.Context) sample.Result { return s.At(ctx, newest[i]) })
		}
	})
	return samples
}

// each calls f for every i below n, at once if there are several.
func each(n int, f func(i int)) {
	if n == 1 {
		f(0)
		return
	}
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() { f(i) })
	}
	wg.Wait()
}

// ask makes one query.
func (l *Loop) ask(ctx context.Context, s *source, do func(context.Context) sample.Result) sample.Result {
	res := do(ctx)
	if res.Outcome == sample.Failed && ctx.Err() == nil {
		l.metrics.QueryFailed(query.CauseOf(res.Err))
		s.retry.failed()
		s.down = res
	}
	return res
}

// setClock takes the latest of the answers, and starts anew what goes by
// Prometheus's clock when that becomes known or jumps.
func (l *Loop) setClock(answers []clock) {
	was, known := l.clock.now(), l.clock.known()
	answered := false
	for _, c := range answers {
		if c.known() && (!answered || c.now().After(l.clock.now())) {
			l.clock, answered = c, true
		}
	}
	now := l.clock.now()
	jumped := l.schedule.Broken(now) || now.Sub(was) > l.target.Policy.MaxAge(0)+query.Timeout
	if answered && (!known && !l.once || known && jumped) {
		// The newest sample may have been acted on before a restart, so only
		// one that is scraped from now on is fresh.
		l.schedule, l.state = NewSchedule(l.target.Interval, now), decide.NewState(now)
	}
}

// outdate says Stale of what has grown too old.
func (l *Loop) outdate(samples []sample.Result) {
	for i, s := range samples {
		if s.Outcome == sample.Value && l.age(s) > l.target.Policy.MaxAge(0) {
			samples[i].Outcome = sample.Stale
		}
	}
}

// age is how old the sample is now.
func (l *Loop) age(s sample.Result) time.Duration {
	if s.Timestamp.IsZero() {
		return 0
	}
	return l.clock.now().Sub(s.Timestamp)
}

func (l *Loop) tellAges(samples []sample.Result) {
	for i, s := range samples {
		name := l.target.Policy.Triggers[i].Name
		switch {
		case s.Outcome == sample.Failed: // it only grows older
		case s.Timestamp.IsZero():
			l.metrics.SetSampled(name, time.Time{})
		default:
			l.metrics.SetSampled(name, time.Now().Add(-l.age(s)))
		}
	}
}

// limits are those in force now.
type limits struct {
	decide.Limits
	floor, ceiling string // the calendar's entries that decided them, "" for none
}

// limits asks the calendar and, unless Prometheus is known to be down, the
// query that bounds the steps up.
func (l *Loop) limits(ctx context.Context, prometheus bool) limits {
	rule := l.target.Policy.Limits
	now := l.target.Calendar.Limits(calendar.Limits{Min: rule.Min, Max: rule.Max}, l.clock.now())
	in := limits{decide.Limits{Min: now.Min, Max: now.Max}, now.Floor, now.Ceiling}
	if now.Ceiling != "" {
		in.Ceiling = now.Max
	}
	if l.max == nil {
		return in
	}
	in.MaxUnknown = true
	if !prometheus {
		return in
	}
	bound := l.max.Now(ctx)
	switch {
	case ctx.Err() != nil:
	case bound.Outcome == sample.Failed:
		l.metrics.QueryFailed(query.CauseOf(bound.Err))
	case decide.Hold(bound) == "":
		in.MaxUnknown = false
		in.Max = int32(min(float64(in.Max), max(0, math.Floor(bound.Value))))
	}
	return in
}
