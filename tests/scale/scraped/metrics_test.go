package scraped

import (
	"math"
	"testing"
	"time"

	dto "github.com/prometheus/client_model/go"
)

// A quantile is that of what was observed between two scrapes.
func TestQuantile(t *testing.T) {
	scraped := func(counts ...uint64) Metrics {
		h := &dto.Histogram{}
		for i, bound := range []float64{1, 2, 4, math.Inf(1)} {
			h.Bucket = append(h.Bucket, &dto.Bucket{UpperBound: &bound, CumulativeCount: &counts[i]})
		}
		return Metrics{families: map[string]*dto.MetricFamily{"lag": {Metric: []*dto.Metric{{Histogram: h}}}}}
	}
	before := scraped(5, 5, 5, 5)
	for name, c := range map[string]struct {
		after Metrics
		q     float64
		want  time.Duration
	}{
		"nothing":             {before, .5, 0},
		"in the first bucket": {scraped(15, 15, 15, 15), .5, 500 * time.Millisecond},
		"in a later one":      {scraped(5, 15, 15, 15), .9, 1900 * time.Millisecond},
		"across an empty one": {scraped(10, 10, 15, 15), .75, 3 * time.Second},
		"above the last":      {scraped(5, 5, 5, 15), .5, 4 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			if got := c.after.Quantile("lag", before, c.q); got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
		})
	}
}
