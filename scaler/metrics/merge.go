package metrics

import (
	"strings"

	"github.com/prometheus/client_golang/prometheus"
)

// merge makes one gauge of those of many members of a group.
type merge map[mergeKey]*merged

type mergeKey struct {
	desc   *prometheus.Desc
	labels string // joined
}

type merged struct {
	labels []string
	v      float64
}

// merges returns how the values of two members become one.
func (m *Metrics) merges(d *prometheus.Desc) func(a, b float64) float64 {
	switch d {
	case m.value, m.replicas, m.ready, m.desired, m.min, m.max, m.holding, m.decision, m.shadow:
		return func(a, b float64) float64 { return a + b }
	case m.decidedAt, m.paused: // an alert about the others must not be silenced by one that is paused
		return func(a, b float64) float64 { return min(a, b) }
	}
	return func(a, b float64) float64 { return max(a, b) }
}

func (m merge) add(of func(a, b float64) float64, d *prometheus.Desc, v float64, labels []string) {
	key := mergeKey{d, strings.Join(labels, "\xff")}
	if known, ok := m[key]; ok {
		known.v = of(known.v, v)
		return
	}
	m[key] = &merged{labels, v}
}

func (m merge) collect(ch chan<- prometheus.Metric) {
	for key, one := range m {
		ch <- prometheus.MustNewConstMetric(key.desc, prometheus.GaugeValue, one.v, one.labels...)
	}
}
