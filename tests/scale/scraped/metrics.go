// Package scraped reads the metrics of a program as Prometheus does.
package scraped

import (
	"bytes"
	"compress/gzip"
	"io"
	"math"
	"time"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
)

// Metrics is one scrape.
type Metrics struct {
	Bytes, Compressed, Series int

	families map[string]*dto.MetricFamily
}

// Parse takes a scrape apart that is in the text format, compressed by gzip.
func Parse(compressed []byte) (Metrics, error) {
	m := Metrics{Compressed: len(compressed)}
	z, err := gzip.NewReader(bytes.NewReader(compressed))
	if err != nil {
		return m, err
	}
	text, err := io.ReadAll(z)
	if m.Bytes = len(text); err != nil {
		return m, err
	}
	parser := expfmt.NewTextParser(model.UTF8Validation)
	m.families, err = parser.TextToMetricFamilies(bytes.NewReader(text))
	for _, f := range m.families {
		m.Series += len(f.GetMetric())
	}
	return m, err
}

// Total is the sum of a family's counters, or of its histograms' counts.
func (m Metrics) Total(name string) (sum float64) {
	for _, one := range m.families[name].GetMetric() {
		sum += one.GetCounter().GetValue() + one.GetGauge().GetValue() + float64(one.GetHistogram().GetSampleCount())
	}
	return sum
}

// Mean returns the mean of a histogram, of the series with that operation.
func (m Metrics) Mean(name, operation string) time.Duration {
	var sum, n float64
	for _, one := range m.families[name].GetMetric() {
		if operation == "" || one.GetLabel()[0].GetValue() == operation {
			sum += one.GetHistogram().GetSampleSum()
			n += float64(one.GetHistogram().GetSampleCount())
		}
	}
	return time.Duration(sum / max(1, n) * float64(time.Second))
}

// Quantile returns that of a histogram's observations since before, as Prometheus
// has it: linear between two buckets. 0 if there were none.
func (m Metrics) Quantile(name string, before Metrics, q float64) time.Duration {
	now, then := m.buckets(name), before.buckets(name)
	if len(now) == 0 || len(then) != len(now) || now[len(now)-1].GetCumulativeCount() == then[len(now)-1].GetCumulativeCount() {
		return 0
	}
	rise := func(i int) float64 { return float64(now[i].GetCumulativeCount() - then[i].GetCumulativeCount()) }
	rank := q * rise(len(now)-1)
	var from, below float64 // the bucket's lower bound, and how many are below it
	for i, b := range now {
		if n := rise(i); n > 0 && n >= rank {
			if math.IsInf(b.GetUpperBound(), 1) {
				break // more than the last bound
			}
			from += (b.GetUpperBound() - from) * (rank - below) / (n - below)
			break
		}
		from, below = b.GetUpperBound(), rise(i)
	}
	return time.Duration(from * float64(time.Second))
}

func (m Metrics) buckets(name string) []*dto.Bucket {
	if all := m.families[name].GetMetric(); len(all) > 0 {
		return all[0].GetHistogram().GetBucket()
	}
	return nil
}

// Values are those of a family's gauges.
func (m Metrics) Values(name string) (v []float64) {
	for _, one := range m.families[name].GetMetric() {
		v = append(v, one.GetGauge().GetValue())
	}
	return v
}
