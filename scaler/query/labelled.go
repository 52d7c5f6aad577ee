package query

import (
	"context"
	"errors"
	"fmt"
	"math"

	v1 "github.com/prometheus/client_golang/api/prometheus/v1"
	"github.com/prometheus/common/model"
)

// Labelled is a query for one number of everything that a label names, such as
// Pods.
type Labelled struct {
	asker
	query string
	label model.LabelName
}

// NewLabelled returns a query whose series are told apart by a label.
func NewLabelled(prometheus v1.API, query, label string, warn func(string)) Labelled {
	return Labelled{asker{prometheus, warn, "an instant vector"}, query, model.LabelName(label)}
}

// Now evaluates the query at this moment. Of several series with one name, the
// highest number counts; what is no finite number is left out. It is an error
// if nothing is left, for that tells nothing of anything.
func (l Labelled) Now(ctx context.Context) (map[string]float64, error) {
	answer, err := l.do(ctx, l.query, l.query, false)
	if err != nil {
		return nil, err
	}
	vector, ok := answer.value.(model.Vector)
	if !ok {
		return nil, l.wrongType(l.query, answer.value)
	}
	numbers, unnamed := map[string]float64{}, 0
	for _, s := range vector {
		name, v := string(s.Metric[l.label]), float64(s.Value)
		switch was, known := numbers[name]; {
		case s.Histogram != nil:
			return nil, fmt.Errorf("query %s gives a native histogram: want numbers", l.query)
		case name == "":
			unnamed++
		case math.IsNaN(v) || math.IsInf(v, 0):
		case !known || v > was:
			numbers[name] = v
		}
	}
	switch {
	case len(numbers) > 0:
		return numbers, nil
	case unnamed > 0:
		return nil, fmt.Errorf("query %s: none of %d series has the label %s", l.query, unnamed, l.label)
	}
	return nil, fmt.Errorf("query %s: %w", l.query, errNothing)
}

var errNothing = errors.New("no series with a number")
