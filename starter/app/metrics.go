package app

import (
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"

	"github.com/camunda-autoscaler/camunda-autoscaler/starter/camunda"
)

// metrics are those of the starts. All requested is started, failed,
// skipped or still in flight.
type metrics struct {
	requested, started, skipped prometheus.Counter
	failed                      *prometheus.CounterVec
	duration                    prometheus.Histogram
}

func newMetrics(reg prometheus.Registerer, target func() float64) *metrics {
	f := promauto.With(reg)
	counter := func(name, help string) prometheus.Counter {
		return f.NewCounter(prometheus.CounterOpts{Namespace: "camunda", Subsystem: "starter", Name: name, Help: help})
	}
	m := &metrics{
		requested: counter("requested_total", "Starts that were due."),
		started:   counter("started_total", "Starts that the engine confirmed."),
		skipped:   counter("skipped_total", "Starts not attempted because the process was not deployed, or because they were overdue."),
		failed: f.NewCounterVec(prometheus.CounterOpts{
			Namespace: "camunda", Subsystem: "starter", Name: "failed_total",
			Help: "Starts that the engine rejected or did not confirm.",
		}, []string{"cause"}),
		duration: f.NewHistogram(prometheus.HistogramOpts{
			Namespace: "camunda", Subsystem: "starter", Name: "start_duration_seconds",
			Help:    "Duration of confirmed starts.",
			Buckets: []float64{.0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10},
		}),
	}
	f.NewGaugeFunc(prometheus.GaugeOpts{
		Namespace: "camunda", Subsystem: "starter", Name: "target_starts_per_interval",
		Help: "Starts per interval that are requested.",
	}, target)
	for _, cause := range camunda.Causes {
		m.failed.WithLabelValues(string(cause))
	}
	return m
}
