package collector

import (
	"context"
	"sync"
	"time"

	"github.com/go-kit/log"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/common/model"

	"github.com/camunda-autoscaler/camunda-autoscaler/exporter/camunda"
	"github.com/camunda-autoscaler/camunda-autoscaler/exporter/instances"
	"github.com/camunda-autoscaler/camunda-autoscaler/exporter/window"
)

// skewTolerance is how much beyond the settle lag a clock may differ. Windows
// end by the slowest clock, so up to there nothing is lost; beyond, a clock is
// wrong and the windows would end too long ago.
const skewTolerance = 2 * time.Second

// Missing tells why there is no number of recently started instances. The set
// is closed.
type Missing string

// The reasons, in the order in which they are checked.
const (
	NotCounted        Missing = "not counted"        // the engine did not answer
	HistoryUnreadable Missing = "history unreadable" // its history does not show instances that exist
	HistoryUnknown    Missing = "history unknown"    // its history shows nothing, and that proves nothing
	ClockWrong        Missing = "clock wrong"        // of at least one node
	MisdatedFound     Missing = "misdated instances" // a node has another time zone
)

// Status is what is known of the started instances.
type Status struct {
	Err     error // of the latest count; nil: the engine answered
	Counted bool  // whether there was a count at all, successful or not

	Recent uint64        // in the window; means nothing if Missing
	Window window.Window // the latest that was counted; zero: none yet
	Total  uint64
	Late   uint64 // of Total, became visible after their window was counted

	Missing  Missing // why Recent means nothing; empty: it does
	History  instances.Readability
	Evidence string // why History is Unreadable
	Clock    camunda.Clock
	Misdated uint64
	// MisdatedKnown tells whether Misdated is known.
	MisdatedKnown bool
}

// Started exports how many process instances were started.
type Started struct {
	engine   *camunda.Client
	counter  *instances.Counter
	history  *instances.History
	misdated *instances.Misdated
	latest   *Shared[Status]
	maxSkew  time.Duration
	begin    time.Time

	mu      sync.Mutex
	err     error // of the latest count
	counted bool  // whether there was one

	recent, total, late, windowEnd *prometheus.Desc
	up, skew, readable, misdates   *prometheus.Desc
}

// NewStarted returns a collector of the started instances that the options
// select. Its totals start at begin. A count takes at most the timeout.
func NewStarted(engine *camunda.Client, o instances.Options, timeout time.Duration, begin time.Time, logger log.Logger) *Started {
	counter := instances.NewCounter(engine, o, instances.Kind{Endpoint: camunda.HistoryCount, Event: camunda.Started}, begin)
	s := &Started{
		engine:   engine,
		counter:  counter,
		history:  instances.NewHistory(engine, o.Tenants, counter),
		misdated: instances.NewMisdated(engine, o),
		maxSkew:  o.SettleLag + skewTolerance,
		begin:    begin,

		recent: prometheus.NewDesc("camunda_process_instances_recently_started",
			"Process instances started in the last complete window. Absent while unknown.", nil, inWindow(o)),
		total: prometheus.NewDesc("camunda_process_instances_started_total",
			"Process instances started since the exporter started.", nil, nil),
		late: prometheus.NewDesc("camunda_process_instances_started_late_total",
			"Started process instances that became visible after their window was counted: in the total, but in no window.", nil, nil),
		windowEnd: prometheus.NewDesc("camunda_window_end_timestamp_seconds",
			"End of the window of the recently started instances. Absent while they are.", nil, nil),
		up: prometheus.NewDesc("camunda_up",
			"Whether the engine answered the last count of started instances.", nil, nil),
		skew: prometheus.NewDesc("camunda_clock_skew_seconds",
			"How far the engine's clock is at least ahead of the exporter's, negative if behind, in the last half minute; of several nodes, the worst. Absent while unknown.", nil, nil),
		readable: prometheus.NewDesc("camunda_history_readable",
			"0 if instances exist that the engine's history does not show: its level is none, or READ_HISTORY is not granted. 1 if history has shown instances. Absent while neither is known.", nil, nil),
		misdates: prometheus.NewDesc("camunda_process_instances_misdated",
			"Process instances that appeared within five minutes with a start time more than a quarter of an hour off: a node has another time zone. Absent while unknown.", nil, nil),
	}
	report := &report{logger: logger}
	s.latest = NewShared(timeout, func(ctx context.Context) (Status, int) {
		now := time.Now()
		requests, err := s.counter.Count(ctx, now)
		if err == nil && !s.history.Observe() {
			if verdict, _ := s.history.Verdict(); verdict == instances.Unknown {
				requests += s.history.Check(ctx, now) // the count is 0, and may mean nothing
			}
		}
		s.mu.Lock()
		s.err, s.counted = err, true
		s.mu.Unlock()
		status := s.Status(time.Now())
		report.status(status)
		return status, requests
	})
	return s
}

func inWindow(o instances.Options) prometheus.Labels {
	return prometheus.Labels{"window": model.Duration(o.Window).String()}
}

// Status returns what is known at now, without a request.
func (s *Started) Status(now time.Time) Status {
	st := Status{Total: s.counter.Total(), Late: s.counter.Late(), Clock: s.engine.Clock(now)}
	s.mu.Lock()
	st.Err, st.Counted = s.err, s.counted
	s.mu.Unlock()
	var known bool
	st.Recent, st.Window, known = s.counter.Recent()
	st.History, st.Evidence = s.history.Verdict()
	st.Misdated, st.MisdatedKnown = s.misdated.Found()
	switch {
	case st.Err != nil || !known:
		st.Missing = NotCounted
	case st.History == instances.Unreadable:
		st.Missing = HistoryUnreadable
	case st.History == instances.Unknown:
		st.Missing = HistoryUnknown
	case st.Clock.Skew().Abs() > s.maxSkew:
		st.Missing = ClockWrong
	case st.Misdated > 0:
		st.Missing = MisdatedFound
	}
	return st
}

// Collect sends the metrics of the latest count, which is made if it is due. It
// returns before ctx ends, or right after.
func (s *Started) Collect(ctx context.Context, ch chan<- prometheus.Metric) {
	status, err := s.latest.Get(ctx)
	if err != nil {
		status = s.Status(time.Now())
		status.Err, status.Missing = err, NotCounted
	}
	gauge := func(d *prometheus.Desc, v float64) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v)
	}
	if status.Err != nil {
		gauge(s.up, 0)
		return
	}
	gauge(s.up, 1)
	if status.Clock.Known {
		gauge(s.skew, status.Clock.Skew().Seconds())
	}
	switch status.History {
	case instances.Unreadable:
		gauge(s.readable, 0)
	case instances.Readable:
		gauge(s.readable, 1)
	}
	if status.MisdatedKnown {
		gauge(s.misdates, float64(status.Misdated))
	}
	if status.Missing != "" {
		return
	}
	gauge(s.recent, float64(status.Recent))
	gauge(s.windowEnd, float64(status.Window.End.Unix()))
}

// collectTotals sends the counters, which hold whatever the engine does.
func (s *Started) collectTotals(ch chan<- prometheus.Metric) {
	ch <- counterMetric(s.total, s.counter.Total(), s.begin)
	ch <- counterMetric(s.late, s.counter.Late(), s.begin)
}

func counterMetric(d *prometheus.Desc, n uint64, begin time.Time, labels ...string) prometheus.Metric {
	return prometheus.MustNewConstMetricWithCreatedTimestamp(d, prometheus.CounterValue, float64(n), begin, labels...)
}
