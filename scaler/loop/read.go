package loop

import (
	"context"
	"math"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/util/wait"

	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/decide"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/promapi"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/sample"
)

// Reader reads the newest sample of one query: its value and its time.
type Reader interface {
	Read(ctx context.Context) sample.Result
}

// Evaluator evaluates a query as of now.
type Evaluator interface {
	Now(ctx context.Context) sample.Result
}

// Sources are what a target's numbers come from.
type Sources struct {
	Triggers []Reader  // one for each of the policy's triggers, in their order
	Max      Evaluator // of an upper bound for steps up; nil for none
	Pods     Pods      // that steps down have regard to; nil for none
}

// source is one trigger's query.
type source struct {
	Reader
	aim   aim
	retry retry
	down  sample.Result // while a retry is waited for: how it failed
}

// retry spaces the attempts at what fails: after 0.5 s, and up to 10 s.
type retry struct {
	backoff *wait.Backoff // nil unless the last attempt failed
	at      time.Time     // of the next one
}

func (r *retry) failed(now time.Time) {
	if r.backoff == nil {
		r.backoff = &wait.Backoff{Duration: 500 * time.Millisecond, Factor: 2, Jitter: 0.1, Steps: 100, Cap: 10 * time.Second}
	}
	r.at = now.Add(r.backoff.Step())
}

func (r *retry) left(now time.Time) time.Duration { return max(0, r.at.Sub(now)) }

// clock is Prometheus's, as far as it is known: its last answer, and what has
// passed since.
type clock struct{ prometheus, local time.Time }

func (c clock) known() bool { return !c.prometheus.IsZero() }

// at returns what it shows when this machine's clock shows local.
func (c clock) at(local time.Time) time.Time {
	if !c.known() {
		return local
	}
	return c.prometheus.Add(local.Sub(c.local))
}

// now is the time by Prometheus's clock.
func (l *Loop) now() time.Time { return l.clock.at(l.local()) }

// read reads each trigger's newest sample, and sets the clock. A sample that is
// too old is Stale.
func (l *Loop) read(ctx context.Context) []sample.Result {
	samples := make([]sample.Result, len(l.sources))
	clocks := make([]clock, len(l.sources))
	each(len(l.sources), func(i int) {
		s := &l.sources[i]
		if s.retry.left(l.local()) > 0 {
			samples[i] = s.down
			return
		}
		res := s.Read(ctx)
		if res.Outcome == sample.Failed && ctx.Err() == nil {
			s.retry.failed(l.local())
			s.down = res
		}
		s.aim = s.aim.saw(res)
		res.Spacing = s.aim.cadence.Spacing()
		samples[i], clocks[i] = res, clock{res.Now, l.local()}
	})
	if ctx.Err() == nil {
		l.setClock(clocks)
		l.target.Policy.Expire(samples, l.now())
	}
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

// setClock takes the latest of the answers, and starts what goes by Prometheus's
// clock again when that becomes known or jumps.
func (l *Loop) setClock(answers []clock) {
	local := l.local()
	was, known := l.clock.at(local), l.clock.known()
	answered := false
	for _, c := range answers {
		if c.known() && (!answered || c.at(local).After(l.clock.at(local))) {
			l.clock, answered = c, true
		}
	}
	now := l.clock.at(local)
	jumped := l.schedule.Broken(now) || now.Sub(was) > l.target.Policy.MaxAge(0)+promapi.Timeout
	if answered && (!known && !l.once || known && jumped) {
		// The newest sample may have been acted on before a restart, so only
		// one that is scraped from now on is fresh.
		l.schedule, l.state = NewSchedule(l.target.Interval, now), decide.NewState(now)
		if l.shadow != nil {
			*l.shadow = l.shadow.restarted(now)
		}
	}
}

// limits returns those in force now: of the calendar and, unless Prometheus is
// known to be down, of the query that bounds steps up.
func (l *Loop) limits(ctx context.Context, prometheus bool) decide.Limits {
	in := l.target.Calendar.Limits(l.target.Policy.Limits, l.now())
	if l.max == nil {
		return in
	}
	in.MaxUnknown = true
	if !prometheus {
		return in
	}
	if bound := l.max.Now(ctx); decide.Hold(bound) == "" {
		in.MaxUnknown = false
		in.Max = int32(min(float64(in.Max), max(0, math.Floor(bound.Value))))
	}
	return in
}
