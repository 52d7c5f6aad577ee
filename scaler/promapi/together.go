package promapi

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/prometheus/common/model"
)

// queryLabel tells apart whose series are whose in a request with many queries.
// No scraped series has a label of this form: Prometheus drops labels with two
// underscores in front.
const queryLabel = "__camunda_scaler__query__"

// join makes one query of many.
func join(batch []*request) string {
	var text strings.Builder
	for i, r := range batch {
		if i > 0 {
			text.WriteString(" or ")
		}
		fmt.Fprintf(&text, "label_replace(\n%s\n, %q, \"%d\", \"\", \"\")", r.query, queryLabel, i)
	}
	return text.String()
}

// split gives each of n queries its part of the answer.
func split(value model.Value, n int, err error) ([]model.Vector, error) {
	if err != nil {
		return nil, err
	}
	all, ok := value.(model.Vector)
	if !ok {
		return nil, fmt.Errorf("an answer that is no vector to %d queries at once", n)
	}
	answers := make([]model.Vector, n)
	for _, one := range all {
		i, err := strconv.Atoi(string(one.Metric[queryLabel]))
		if err != nil || i < 0 || i >= n {
			return nil, fmt.Errorf("a series of none of %d queries", n)
		}
		delete(one.Metric, queryLabel)
		answers[i] = append(answers[i], one)
	}
	return answers, nil
}
