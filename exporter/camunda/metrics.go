package camunda

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Metrics counts and times the requests to the engine.
type Metrics struct {
	duration *prometheus.HistogramVec
	errors   *prometheus.CounterVec
}

// NewMetrics registers the request metrics. Every series of errors exists from
// the start, so that the first error shows as an increase.
func NewMetrics(reg prometheus.Registerer) *Metrics {
	m := &Metrics{
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "camunda_exporter_request_duration_seconds",
			Help:    "How long requests to the engine's REST API took, by endpoint, whether they succeeded or not.",
			Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10},
		}, []string{"endpoint"}),
		errors: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "camunda_exporter_request_errors_total",
			Help: "Requests to the engine's REST API that failed, by endpoint and cause.",
		}, []string{"endpoint", "cause"}),
	}
	for _, e := range Endpoints() {
		for _, c := range Causes() {
			m.errors.WithLabelValues(string(e), string(c))
		}
	}
	reg.MustRegister(m.duration, m.errors)
	return m
}

func (m *Metrics) observe(e Endpoint, took time.Duration, cause Cause) {
	m.duration.WithLabelValues(string(e)).Observe(took.Seconds())
	if cause != "" {
		m.errors.WithLabelValues(string(e), string(cause)).Inc()
	}
}
