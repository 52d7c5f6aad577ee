package promql

import (
	"fmt"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"
)

func newParser() parser.Parser {
	return parser.NewParser(parser.Options{
		EnableExperimentalFunctions: true, ExperimentalDurationExpr: true,
		EnableExtendedRangeSelectors: true, EnableBinopFillModifiers: true,
	})
}

// ParseSeries parses the name and the labels of one series.
func ParseSeries(text string) (labels.Labels, error) {
	series, err := newParser().ParseMetric(text)
	if err != nil {
		return labels.EmptyLabels(), fmt.Errorf("not a series: %w", plain(err))
	}
	return series, nil
}

// ParseSelector parses a selector such as up{job="x"}, and returns whether it
// selects a series.
func ParseSelector(text string) (selects func(labels.Labels) bool, err error) {
	matchers, err := newParser().ParseMetricSelector(text)
	if err != nil {
		return nil, fmt.Errorf("not a selector: %w", plain(err))
	}
	return func(series labels.Labels) bool {
		for _, m := range matchers {
			if !m.Matches(series.Get(m.Name)) {
				return false
			}
		}
		return true
	}, nil
}

// Selector returns the expression if it is a selector as of now, "" if it is
// more.
func (q Query) Selector() string {
	s, ok := inner(q.expr).(*parser.VectorSelector)
	if !ok || s.OriginalOffset != 0 || s.Timestamp != nil || s.StartOrEnd != 0 {
		return ""
	}
	return s.String()
}
