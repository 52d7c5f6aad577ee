package query

import (
	"context"
	"fmt"

	"github.com/prometheus/common/model"
)

// The label that tells apart what a combined query asks for. No scraped series
// has a label of this form: Prometheus drops labels with two underscores in
// front.
const (
	part      = "__camunda_scaler__"
	partValue = "value"
	partTime  = "time"
	partNow   = "now"
)

// combine makes one query of a query for values and one for times. Prometheus
// evaluates it at one time on one view of its data, so a value and its time are
// of the same sample even if a scrape comes in between; two requests would not
// do. `or` joins them without loss: it leaves out what it has already, and no
// two of them have the same labels, as the part differs. A vector of the clock
// tells an empty answer's time, and an empty answer from one that is not
// Prometheus's.
//
// Aggregating here, for example by max, would hide that two series name one
// workload, so that is left to classify.
func combine(values, times string) string {
	marked := func(query, name string) string {
		return fmt.Sprintf("label_replace(\n%s\n, %q, %q, \"\", \"\")", query, part, name)
	}
	return marked(values, partValue) + " or " + marked(times, partTime) + " or " + marked("vector(0)", partNow)
}

// askApart finds out why Prometheus refuses the two queries together, since
// what it says then is about a query that no user wrote. A scalar is made a
// vector, and then they are asked together again.
func (s *Source) askApart(ctx context.Context, together error) (given, error) {
	made := false
	vector := func(query string) (string, given, error) {
		answer, err := s.do(ctx, query, query, false)
		switch {
		case err != nil:
			return "", given{}, err
		case answer.value.Type() == model.ValScalar && s.labels == nil:
			made = true
			return vectorOf(query), answer, nil
		case answer.value.Type() != model.ValVector:
			return "", given{}, s.wrongType(query, answer.value)
		}
		return query, answer, nil
	}
	values, found, err := vector(s.options.Query)
	if err != nil {
		return given{}, err
	}
	if series, ok := found.value.(model.Vector); ok && len(series) > 1 && s.labels == nil {
		// Their times may be refused: timestamp() drops the metric's name, which
		// may be all that they differ by.
		for _, one := range series {
			one.Metric = model.Metric{part: partValue}
		}
		clock := &model.Sample{Metric: model.Metric{part: partNow}, Timestamp: series[0].Timestamp}
		return given{append(series, clock), true, found.sent}, nil
	}
	times := timestampOf(values)
	if s.options.TimestampQuery != "" {
		if times, _, err = vector(s.options.TimestampQuery); err != nil {
			return given{}, err
		}
	}
	if !made {
		return given{}, together
	}
	s.values, s.times = values, times
	return s.do(ctx, combine(values, times), s.options.Query, false)
}
