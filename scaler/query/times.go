package query

import (
	"context"
	"fmt"
	"slices"
	"time"

	v1 "github.com/prometheus/client_golang/api/prometheus/v1"
	"github.com/prometheus/common/model"
)

// Times returns when samples of one workload were scraped in a time, as far as
// Prometheus tells: samples less than a second apart are not told apart.
func (s *Source) Times(ctx context.Context, key Key, from, to time.Time) ([]time.Time, error) {
	s.asking <- struct{}{}
	text := s.times
	<-s.asking
	value, _, _, err := s.api.QueryRange(ctx, text, v1.Range{Start: from, End: to, Step: time.Second})
	if err != nil {
		return nil, fmt.Errorf("query %s over %s: %w", text, to.Sub(from), s.explain(err))
	}
	matrix, ok := value.(model.Matrix)
	if !ok {
		return nil, s.wrongType(text, value)
	}
	var times []time.Time
	for _, series := range matrix {
		if s.labels != nil && s.labels.key(series.Metric) != key {
			continue
		}
		for _, at := range series.Values {
			times = append(times, time.UnixMilli(int64(float64(at.Value)*1000)))
		}
	}
	slices.SortFunc(times, time.Time.Compare)
	return slices.CompactFunc(times, time.Time.Equal), nil
}
