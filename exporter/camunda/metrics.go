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

// NewMetrics registers the request metrics. A series appears with the first
// request, or the first error, of its kind.
func NewMetrics(reg prometheus.Registerer) *Metrics {
	m := &Metrics{
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "camunda_exporter_request_duration_seconds",
			Help:    "Duration of requests to the engine's REST API, failed ones included.",
			Buckets: []float64{.0025, .005, .01, .025, .1, .5, 1, 5, 10},
		}, []string{"endpoint"}),
		errors: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "camunda_exporter_request_errors_total",
			Help: "Failed requests to the engine's REST API. A series appears with its first failure.",
		}, []string{"endpoint", "cause"}),
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
