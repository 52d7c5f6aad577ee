package metrics

import (
	"maps"
	"math"
	"slices"

	dto "github.com/prometheus/client_model/go"
)

// scrape is what all targets export at one moment: a few words for each series,
// of which Prometheus's own data structures are then made a family at a time.
// Those of 10,000 targets at once would take 100 MiB.
type scrape struct {
	targets int
	rows    []rows          // by the index of their family
	groups  map[string]bool // of which what their members share is there
}

// rows are the series of one family.
type rows struct {
	values []float64
	labels []string // of all series, one after the other
}

// add adds a series.
func (s *scrape) add(f *family, v float64, target string, labels ...string) {
	r := &s.rows[f.index]
	if r.values == nil {
		r.values, r.labels = make([]float64, 0, s.targets), make([]string, 0, s.targets*len(f.labels))
	}
	at := len(r.labels)
	r.values, r.labels = append(r.values, v), append(append(r.labels, target), labels...)
	r.labels[at+f.places[0]] = target
	for i, l := range labels {
		r.labels[at+f.places[i+1]] = l
	}
}

// first reports whether it is called for the group for the first time.
func (s *scrape) first(group string) bool {
	if s.groups[group] {
		return false
	}
	s.groups[group] = true
	return true
}

// export is where one target's series go.
type export struct {
	*scrape
	target string
	merged merge // of a group whose members are one target, else nil
}

func (e export) metric(f *family, v float64, labels ...string) {
	switch {
	case e.merged != nil:
		if f.merge != nil {
			e.merged.add(f, v, e.target, labels)
		}
	case v != 0 || !f.optional:
		e.add(f, v, e.target, labels...)
	}
}

// known exports a number unless it is NaN.
func (e export) known(f *family, v float64, labels ...string) {
	if !math.IsNaN(v) {
		e.metric(f, v, labels...)
	}
}

// scrape takes in all targets.
func (m *Metrics) scrape() *scrape {
	m.mu.Lock()
	defer m.mu.Unlock()
	s := &scrape{targets: len(m.targets), rows: make([]rows, len(m.all)), groups: map[string]bool{}}
	merged := merge{}
	for _, name := range slices.Sorted(maps.Keys(m.targets)) {
		t := m.targets[name]
		e := export{scrape: s, target: t.label}
		if t.merged {
			e.merged = merged
		}
		t.collect(m, e)
	}
	merged.collect(s)
	for _, label := range slices.Sorted(maps.Keys(m.totals)) {
		m.totals[label].collect(m, label, s)
	}
	return s
}

// Gather implements prometheus.Gatherer for what belongs to targets.
func (m *Metrics) Gather() (all []*dto.MetricFamily, err error) {
	s := m.scrape()
	for _, f := range m.all {
		if len(s.rows[f.index].values) > 0 {
			all = append(all, (&builder{}).build(f, s.rows[f.index]))
		}
	}
	return all, nil
}

// builder makes what Prometheus's libraries write. Its memory is used again for
// the next family.
type builder struct {
	metrics  []dto.Metric
	all      []*dto.Metric
	gauges   []dto.Gauge
	counters []dto.Counter
	pairs    []dto.LabelPair
	labels   []*dto.LabelPair
}

// build makes a family of rows. It is valid until the next call.
func (b *builder) build(f *family, r rows) *dto.MetricFamily {
	n, width := len(r.values), len(f.labels)
	if len(b.metrics) < n {
		b.metrics, b.all = make([]dto.Metric, n), make([]*dto.Metric, n)
		b.gauges, b.counters = make([]dto.Gauge, n), make([]dto.Counter, n)
	}
	if len(b.pairs) < n*width {
		b.pairs, b.labels = make([]dto.LabelPair, n*width), make([]*dto.LabelPair, n*width)
	}
	for i := range n {
		metric := &b.metrics[i]
		b.all[i], metric.Label = metric, b.labels[i*width:(i+1)*width]
		for j := range f.labels {
			pair := &b.pairs[i*width+j]
			pair.Name, pair.Value = &f.labels[j], &r.labels[i*width+j]
			metric.Label[j] = pair
		}
		metric.Gauge, metric.Counter = nil, nil
		if f.kind == dto.MetricType_COUNTER {
			metric.Counter = &b.counters[i]
			metric.Counter.Value = &r.values[i]
		} else {
			metric.Gauge = &b.gauges[i]
			metric.Gauge.Value = &r.values[i]
		}
	}
	return &dto.MetricFamily{Name: &f.name, Help: &f.help, Type: &f.kind, Metric: b.all[:n]}
}
