package antaeus

import "github.com/prometheus/client_golang/prometheus"

// Register registers the metrics of a Billing that is not in use yet, and observes
// its charges for them.
func (b *Billing) Register(r prometheus.Registerer) {
	for _, status := range []Status{Pending, Paid} {
		r.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "antaeus_invoices", Help: "Number of invoices by status.", ConstLabels: prometheus.Labels{"status": string(status)},
		}, func() float64 { return float64(b.Store.count(status)) }))
	}
	charges := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "antaeus_charges_total", Help: "Total number of charges by the provider's answer; unknown if there was none that says whether the customer was charged.",
	}, []string{"result"})
	r.MustRegister(charges)
	for _, result := range []string{"accepted", "refused", "unknown"} {
		charges.WithLabelValues(result)
	}
	b.Observe = func(c Charge) {
		result := "refused"
		switch {
		case c.Err != nil:
			result = "unknown"
		case c.Accepted:
			result = "accepted"
		}
		charges.WithLabelValues(result).Inc()
	}
}
