package collector

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-kit/log"
	"github.com/go-kit/log/level"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/camunda-autoscaler/camunda-autoscaler/exporter/camunda"
	"github.com/camunda-autoscaler/camunda-autoscaler/exporter/instances"
)

// atOnce is how many optional collectors may ask the engine at once.
const atOnce = 3

// Optional is a collector that a flag turns on and off.
type Optional struct {
	Name    string // in flags and labels
	Help    string // what it collects, for its flag
	Default bool   // whether it is on by default

	prepare func(parts) prepared
}

// parts are what collectors are made of.
type parts struct {
	SetOptions
	engine  *camunda.Client
	started *Started
}

// prepared is a collector that is on.
type prepared struct {
	refresh refresh
	lasting func(chan<- prometheus.Metric) // sends what holds even if a refresh fails; may be nil
	// counters are those whose totals have to be completed.
	counters []*instances.Counter
}

// Optionals returns every collector that a set can have.
func Optionals() []Optional {
	return []Optional{finished(), incidents(), jobs(), running(), externalTasks(), userTasks()}
}

// SetOptions say which collectors a set has, and what they do.
type SetOptions struct {
	Collectors []string      // names of the optional collectors that are on
	Interval   time.Duration // how often at most each one asks the engine; at least a second
	Timeout    time.Duration // how long one may take, and how long all may hold up a scrape
	Topics     []string      // topics of external tasks; none: those that are found
	Keys       []string      // process definition keys with series of their own
	Counted    instances.Options
	Begin      time.Time // start of the counters
}

// refresh asks the engine for a collector's metrics. If it returns an error,
// the metrics are not used.
type refresh func(context.Context) (reading, error)

// reading is what a refresh found.
type reading struct {
	metrics  []prometheus.Metric
	requests int // that it took
}

// count adds a gauge that took a request.
func (r *reading) count(d *prometheus.Desc, n uint64, labels ...string) {
	r.requests++
	r.gauge(d, n, labels...)
}

func (r *reading) gauge(d *prometheus.Desc, n uint64, labels ...string) {
	r.metrics = append(r.metrics, prometheus.MustNewConstMetric(d, prometheus.GaugeValue, float64(n), labels...))
}

// Set exports what collectors collect besides the number of recently started
// instances. Each one fails by itself.
type Set struct {
	members []*member
	after   []*member // refreshed after the others, for they continue what those counted
	timeout time.Duration

	success, duration *prometheus.Desc
}

// member is a collector that is on.
type member struct {
	name    string // empty: it has no series about itself
	latest  *Shared[outcome]
	lasting func(chan<- prometheus.Metric) // may be nil
	busy    atomic.Pointer[time.Time]      // when the refresh in progress started; nil: there is none
	failure atomic.Pointer[error]          // of the latest refresh; nil: none
	timeout time.Duration                  // how long a scrape waits for a refresh
}

type outcome struct {
	metrics []prometheus.Metric
	err     error
	took    time.Duration
	asked   bool // whether took is known
}

// NewSet returns a collector of all that is on, and of the totals of the
// started instances. Any number of scrapers cost the engine, for each
// collector, at most one refresh in an interval and, on average, one request a
// second.
func NewSet(engine *camunda.Client, started *Started, o SetOptions, logger log.Logger) *Set {
	s := &Set{
		timeout: o.Timeout,
		success: prometheus.NewDesc("camunda_exporter_collector_success",
			"Whether the collector's latest requests succeeded. Without success its gauges are absent.", []string{"collector"}, nil),
		duration: prometheus.NewDesc("camunda_exporter_collector_duration_seconds",
			"Duration of the collector's latest requests, or how long this scrape has waited for them. Absent while unknown.", []string{"collector"}, nil),
	}
	p := parts{SetOptions: o, engine: engine, started: started}
	counters := []*instances.Counter{started.counter}
	slots := make(chan struct{}, atOnce)
	// Each of those that are before it in the queue ends in time.
	patience := time.Duration(1+len(o.Collectors)) * o.Timeout
	for _, c := range Optionals() {
		if !slices.Contains(o.Collectors, c.Name) {
			continue
		}
		on := c.prepare(p)
		counters = append(counters, on.counters...)
		timed := func(ctx context.Context) (reading, error) {
			ctx, cancel := context.WithTimeout(ctx, o.Timeout)
			defer cancel()
			return on.refresh(ctx)
		}
		s.members = append(s.members, newMember(c.Name, timed, on.lasting, slots, o.Timeout, patience, o.Interval, log.With(logger, "collector", c.Name)))
	}
	d := newDefinitions(p)
	if len(o.Keys) > 0 {
		s.members = append(s.members, newMember(definitionsName, d.refresh, d.send, nil, o.Timeout, o.Counted.Pace()+o.Timeout, time.Second, log.With(logger, "collector", definitionsName)))
	}
	hidden := func(what string, steps func() []step, lasting func(chan<- prometheus.Metric), wait time.Duration) *member {
		return newMember("", inTurn(started, steps), lasting, nil, wait, time.Hour, time.Second, log.With(logger, "collector", what))
	}
	s.after = []*member{
		hidden("totals", catchUp(slices.Concat(counters, d.counters)), started.collectTotals, o.Timeout),
		hidden("recheck", recheck(started, counters, d.counters), nil, recheckWait),
	}
	return s
}

// newMember returns a member whose refreshes wait for one of the slots, unless
// that is nil.
func newMember(name string, refresh refresh, lasting func(chan<- prometheus.Metric), slots chan struct{}, timeout, patience, interval time.Duration, logger log.Logger) *member {
	report := &outcomeReport{logger: logger}
	m := &member{name: name, lasting: lasting, timeout: timeout}
	m.latest = NewShared(patience, func(ctx context.Context) (outcome, int) {
		begin := time.Now()
		m.busy.Store(new(begin))
		defer m.busy.Store(nil)
		if slots != nil {
			slots <- struct{}{}
			defer func() { <-slots }()
			begin = time.Now()
		}
		r, err := refresh(ctx)
		report.outcome(err)
		m.failure.Store(nil)
		if err != nil {
			m.failure.Store(&err)
		}
		o := outcome{metrics: r.metrics, err: err, took: time.Since(begin), asked: true}
		if err != nil {
			o.metrics = nil
		}
		rest := max(interval, time.Duration(r.requests)*time.Second)
		return o, int((rest + time.Second - 1) / time.Second)
	})
	return m
}

// Collect sends the metrics of every collector, which are refreshed if that is
// due. It takes no longer than the timeout, nor than ctx.
func (s *Set) Collect(ctx context.Context, ch chan<- prometheus.Metric) {
	outOfTime := ctx.Err() // the started instances took all the time, so ask for nothing
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	for _, members := range [][]*member{s.members, s.after} {
		var all sync.WaitGroup
		for _, m := range members {
			all.Go(func() {
				if outOfTime != nil {
					s.send(ch, m, outcome{err: outOfTime})
				} else {
					s.send(ch, m, m.get(ctx))
				}
			})
		}
		all.Wait()
	}
}

// Failures returns why collectors fail, by name, without a request.
func (s *Set) Failures() map[string]error {
	failures := map[string]error{}
	for _, m := range s.members {
		if err := m.failure.Load(); err != nil {
			failures[m.name] = *err
		}
	}
	return failures
}

// get returns what the latest refresh found. A refresh that ctx does not wait
// for goes on, and later scrapes do not wait for it again.
func (m *member) get(ctx context.Context) outcome {
	begin := time.Now()
	if busy := m.busy.Load(); busy != nil {
		if begin = *busy; time.Since(begin) >= m.timeout {
			return outcome{err: context.DeadlineExceeded, took: time.Since(begin), asked: true}
		}
	}
	ctx, cancel := context.WithDeadline(ctx, begin.Add(m.timeout))
	defer cancel()
	done := make(chan outcome, 1)
	go func() {
		o, err := m.latest.Get(context.WithoutCancel(ctx))
		o.err = errors.Join(o.err, err)
		done <- o
	}()
	select {
	case o := <-done:
		return o
	case <-ctx.Done():
		return outcome{err: ctx.Err(), took: time.Since(begin), asked: true}
	}
}

func (s *Set) send(ch chan<- prometheus.Metric, m *member, o outcome) {
	if m.lasting != nil {
		m.lasting(ch)
	}
	if m.name == "" {
		return
	}
	success := 0.0
	if o.err == nil {
		success = 1
	}
	for _, metric := range o.metrics {
		ch <- metric
	}
	ch <- prometheus.MustNewConstMetric(s.success, prometheus.GaugeValue, success, m.name)
	if o.asked {
		ch <- prometheus.MustNewConstMetric(s.duration, prometheus.GaugeValue, o.took.Seconds(), m.name)
	}
}

// outcomeReport logs when a collector starts to fail, fails for another cause
// or works again.
type outcomeReport struct {
	logger log.Logger
	failed bool
	cause  camunda.Cause
}

func (r *outcomeReport) outcome(err error) {
	cause, _ := camunda.CauseOf(err)
	changed := r.failed != (err != nil) || r.cause != cause
	r.failed, r.cause = err != nil, cause
	switch {
	case changed && err != nil:
		level.Warn(r.logger).Log("msg", "collector fails", "cause", cause, "err", err)
	case changed:
		level.Info(r.logger).Log("msg", "collector works again")
	case err != nil:
		level.Debug(r.logger).Log("msg", "collector still fails", "cause", cause, "err", err)
	}
}

func desc(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc(name, help+" Absent while unknown.", labels, nil)
}
