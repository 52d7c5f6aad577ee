package provider

import "github.com/prometheus/client_golang/prometheus"

// result is what became of a request.
type result string

const (
	accepted result = "accepted" // charged, also if the caller never learned it
	refused  result = "refused"
	failed   result = "failed"  // neither: it hung, was reset, or the caller left
	invalid  result = "invalid" // no charge
)

func outcome(accept bool) result {
	if accept {
		return accepted
	}
	return refused
}

type metrics struct {
	inFlight prometheus.Gauge
	requests *prometheus.CounterVec
	duration prometheus.Histogram
}

func newMetrics() *metrics {
	m := &metrics{
		inFlight: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "payments_requests_in_flight", Help: "Number of charges that the provider has received and not yet answered.",
		}),
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "payments_requests_total", Help: "Total number of finished requests by what became of them. An accepted charge was made, even if its answer was lost.",
		}, []string{"result"}),
		duration: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "payments_request_duration_seconds", Help: "Time from a request's headers to the end of its answer.",
			Buckets: []float64{.005, .025, .1, .25, .5, .75, 1, 1.5, 2, 2.5, 3.5, 5, 10},
		}),
	}
	for _, r := range []result{accepted, refused, failed, invalid} {
		m.requests.WithLabelValues(string(r))
	}
	return m
}

// Register registers the provider's metrics.
func (p *Provider) Register(r prometheus.Registerer) {
	r.MustRegister(p.metrics.inFlight, p.metrics.requests, p.metrics.duration)
}
