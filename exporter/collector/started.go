package collector

import (
	"context"
	"sync"
	"time"

	"github.com/go-kit/log"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/common/model"

	"github.com/camunda-autoscaler/camunda-autoscaler/exporter/started"
)

// skewTolerance is how much beyond the settle lag clocks may differ. The start
// of an instance is by the clock of the node that started it, so with a greater
// difference it is in a window that was counted before, or not yet.
const skewTolerance = 2 * time.Second

// skewLasts is for how long one answer from a node whose clock is off counts:
// behind a Service, most answers come from others.
const skewLasts = time.Minute

// Started exports how many process instances were started.
type Started struct {
	reading *Shared[started.Reading]

	mu       sync.Mutex
	last     started.Reading // its totals hold even while the engine does not answer
	skewedAt time.Time       // when a node's clock was last found to be off

	recent, total       *prometheus.Desc
	keyRecent, keyTotal *prometheus.Desc
	windowEnd, up, skew *prometheus.Desc
	readable            *prometheus.Desc
	begin               time.Time
}

// NewStarted returns a collector of what the reader reads, with these options.
// The totals begin at begin. A refresh takes at most the timeout.
func NewStarted(reader *started.Reader, o started.Options, timeout time.Duration, begin time.Time, logger log.Logger) *Started {
	inWindow := prometheus.Labels{"window": model.Duration(o.Window).String()}
	s := &Started{
		recent: prometheus.NewDesc("camunda_process_instances_recently_started",
			"Process instances started in the last complete window. Absent while it is not known.", nil, inWindow),
		total: prometheus.NewDesc("camunda_process_instances_started_total",
			"Process instances started since the exporter was, with those that became visible late.", nil, nil),
		keyRecent: prometheus.NewDesc("camunda_process_definition_instances_recently_started",
			"Process instances of one definition started in the last complete window, for the keys that are listed. Absent while it is not known.",
			[]string{"process_definition_key"}, inWindow),
		keyTotal: prometheus.NewDesc("camunda_process_definition_instances_started_total",
			"Process instances of one definition started since the exporter was, for the keys that are listed.",
			[]string{"process_definition_key"}, nil),
		windowEnd: prometheus.NewDesc("camunda_window_end_timestamp_seconds",
			"End of the window that the recently started instances were counted in. Absent while they are.", nil, nil),
		up: prometheus.NewDesc("camunda_up",
			"Whether the engine answered the last request for started instances as it should.", nil, nil),
		skew: prometheus.NewDesc("camunda_clock_skew_seconds",
			"How far the engine's clock is ahead of the exporter's, from the Date header, to a second. Absent while it is not known.", nil, nil),
		readable: prometheus.NewDesc("camunda_history_readable",
			"0: the engine runs instances that its history does not show, because its history level is none or READ_HISTORY is not granted. 1: history has shown instances. Absent while neither is known.", nil, nil),
		begin: begin,
	}
	report := &report{logger: logger, maxSkew: o.SettleLag + skewTolerance}
	s.last = reader.Totals()
	s.reading = NewShared(timeout, func(ctx context.Context) (started.Reading, int) {
		reading, asked := reader.Read(ctx, time.Now())
		report.reading(reading)
		s.mu.Lock()
		defer s.mu.Unlock()
		s.last = reading
		if reading.Err == nil && reading.Answer.SkewExceeds(report.maxSkew) {
			s.skewedAt = time.Now()
		}
		return reading, asked
	})
	return s
}

// Collect sends the metrics of the latest reading, which it refreshes if that
// is due. It answers before ctx ends, or right after.
func (s *Started) Collect(ctx context.Context, ch chan<- prometheus.Metric) {
	reading, err := s.reading.Get(ctx)
	if err != nil {
		s.mu.Lock()
		reading = s.last
		s.mu.Unlock()
		reading.Err = err
	}
	gauge := func(d *prometheus.Desc, v float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	counter := func(d *prometheus.Desc, v uint64, labels ...string) {
		ch <- prometheus.MustNewConstMetricWithCreatedTimestamp(d, prometheus.CounterValue, float64(v), s.begin, labels...)
	}
	counter(s.total, reading.All.Total)
	for _, k := range reading.Keys {
		counter(s.keyTotal, k.Total, k.Key)
	}
	if reading.Err != nil {
		gauge(s.up, 0)
		return
	}
	gauge(s.up, 1)
	if reading.Answer.HasSkew {
		gauge(s.skew, reading.Answer.Skew.Seconds())
	}
	switch reading.History {
	case started.Unreadable:
		gauge(s.readable, 0)
		return // every count is 0 and means nothing
	case started.Readable:
		gauge(s.readable, 1)
	}
	if s.skewed() {
		return
	}
	gauge(s.recent, float64(reading.All.Recent))
	for _, k := range reading.Keys {
		gauge(s.keyRecent, float64(k.Recent), k.Key)
	}
	gauge(s.windowEnd, float64(reading.Window.End.Unix()))
}

// skewed reports whether a node's clock was off lately.
func (s *Started) skewed() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return !s.skewedAt.IsZero() && time.Since(s.skewedAt) < skewLasts
}
