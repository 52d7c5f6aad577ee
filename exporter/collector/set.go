package collector

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/go-kit/log"
	"github.com/go-kit/log/level"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/camunda-autoscaler/camunda-autoscaler/exporter/camunda"
	"github.com/camunda-autoscaler/camunda-autoscaler/exporter/started"
)

const (
	// atOnce is how many collectors of a set may ask the engine at once.
	atOnce = 3
	// timeoutPause is how long a collector rests that got no answer in time: its
	// queries may still be under way in the engine's database.
	timeoutPause = time.Minute
)

// Optional is a collector that a flag turns on and off.
type Optional struct {
	Name    string // in flags and labels
	Help    string // what it collects, for its flag
	Default bool   // whether it is on if nothing is said

	prepare func(*camunda.Client, SetOptions) refresh
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
	Started    started.Options
	Begin      time.Time // when counters begin
}

// refresh asks the engine for a collector's metrics: all of them, or none and
// an error.
type refresh func(context.Context) (reading, error)

// reading is what a refresh found.
type reading struct {
	metrics []prometheus.Metric
	asked   int // requests that it took
}

// count adds a gauge that took a request.
func (r *reading) count(d *prometheus.Desc, n uint64, labels ...string) {
	r.asked++
	r.gauge(d, n, labels...)
}

func (r *reading) gauge(d *prometheus.Desc, n uint64, labels ...string) {
	r.metrics = append(r.metrics, prometheus.MustNewConstMetric(d, prometheus.GaugeValue, float64(n), labels...))
}

// Set exports what optional collectors collect. Each one fails by itself.
type Set struct {
	members []*member
	timeout time.Duration

	success, duration *prometheus.Desc
}

// member is a collector that is on.
type member struct {
	name   string
	latest *Shared[outcome]
}

type outcome struct {
	metrics []prometheus.Metric
	err     error
	took    time.Duration
}

// NewSet returns a collector of all that is on. Any number of scrapers cost the
// engine, for each collector, at most one refresh in an interval and, on
// average, one request a second.
func NewSet(client *camunda.Client, o SetOptions, logger log.Logger) *Set {
	s := &Set{
		timeout: o.Timeout,
		success: prometheus.NewDesc("camunda_exporter_collector_success",
			"Whether the collector got all that it asked the engine for. If not, it has no series.", []string{"collector"}, nil),
		duration: prometheus.NewDesc("camunda_exporter_collector_duration_seconds",
			"How long the collector's latest round of requests took, or how long this scrape has waited for it.", []string{"collector"}, nil),
	}
	slots := make(chan struct{}, atOnce)
	for _, c := range Optionals() {
		for _, name := range o.Collectors {
			if c.Name == name {
				s.members = append(s.members, newMember(name, c.prepare(client, o), o, slots, log.With(logger, "collector", name)))
			}
		}
	}
	return s
}

func newMember(name string, refresh refresh, o SetOptions, slots chan struct{}, logger log.Logger) *member {
	report := &outcomeReport{logger: logger}
	// Each of those that are before it in the queue ends in time.
	patience := time.Duration(1+len(o.Collectors)) * o.Timeout
	return &member{name: name, latest: NewShared(patience, func(ctx context.Context) (outcome, int) {
		slots <- struct{}{}
		defer func() { <-slots }()
		ctx, cancel := context.WithTimeout(ctx, o.Timeout)
		defer cancel()
		begin := time.Now()
		r, err := refresh(ctx)
		report.outcome(err)
		rest := max(o.Interval, time.Duration(r.asked)*time.Second)
		if cause, _ := camunda.CauseOf(err); cause == camunda.Timeout {
			rest = max(rest, timeoutPause)
		}
		return outcome{metrics: r.metrics, err: err, took: time.Since(begin)}, int((rest + time.Second - 1) / time.Second)
	})}
}

// Collect sends the metrics of every collector, which are refreshed if that is
// due. It takes no longer than the timeout, nor than ctx.
func (s *Set) Collect(ctx context.Context, ch chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	var all sync.WaitGroup
	for _, m := range s.members {
		all.Go(func() { s.send(ch, m.name, m.get(ctx)) })
	}
	all.Wait()
}

// get returns what the latest refresh found. A refresh that ctx does not wait
// for goes on, for the next scrape.
func (m *member) get(ctx context.Context) outcome {
	if err := ctx.Err(); err != nil {
		return outcome{err: err} // the main metrics took all the time; do not ask for more
	}
	begin := time.Now()
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
		return outcome{err: ctx.Err(), took: time.Since(begin)}
	}
}

func (s *Set) send(ch chan<- prometheus.Metric, name string, o outcome) {
	success := 0.0
	if o.err == nil {
		success = 1
		for _, m := range o.metrics {
			ch <- m
		}
	}
	ch <- prometheus.MustNewConstMetric(s.success, prometheus.GaugeValue, success, name)
	ch <- prometheus.MustNewConstMetric(s.duration, prometheus.GaugeValue, o.took.Seconds(), name)
}

// outcomeReport logs when a collector begins to fail, fails for another cause
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
		level.Warn(r.logger).Log("msg", "a collector fails", "cause", cause, "err", err)
	case changed:
		level.Info(r.logger).Log("msg", "the collector works again")
	case err != nil:
		level.Debug(r.logger).Log("msg", "the collector still fails", "cause", cause, "err", err)
	}
}

func desc(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc(name, fmt.Sprintf("%s Absent while it is not known.", help), labels, nil)
}
