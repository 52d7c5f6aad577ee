package metrics

import (
	"slices"

	dto "github.com/prometheus/client_model/go"
)

// family is a metric of which each target has a series, or several.
type family struct {
	index      int
	name, help string
	kind       dto.MetricType
	labels     []string // sorted
	places     []int    // of the values in labels, in the order in which they are given: the target first
	merge      func(a, b float64) float64
	optional   bool // absent where it is 0
}

// families are all of them, in the order of their index.
type families struct{ all []*family }

func (f *families) add(kind dto.MetricType, merge func(a, b float64) float64, name, help string, labels []string) *family {
	one := &family{index: len(f.all), name: prefix + name, help: help, kind: kind, merge: merge, labels: slices.Sorted(slices.Values(labels))}
	for _, l := range labels {
		one.places = append(one.places, slices.Index(one.labels, l))
	}
	f.all = append(f.all, one)
	return one
}

// counter is a metric that is not made one for the members of a group: a sum of
// totals would fall with each member that goes.
func (f *families) counter(name, help string, labels ...string) *family {
	return f.add(dto.MetricType_COUNTER, nil, name, help, labels)
}

// sum is one whose values of a group's members are added up.
func (f *families) sum(name, help string, labels ...string) *family {
	return f.add(dto.MetricType_GAUGE, func(a, b float64) float64 { return a + b }, name, help, labels)
}

// highest is one of which the highest value of a group's members counts.
func (f *families) highest(name, help string, labels ...string) *family {
	return f.add(dto.MetricType_GAUGE, func(a, b float64) float64 { return max(a, b) }, name, help, labels)
}

// shared is one that the members of a group have in common. It is exported once,
// with the name of the group as target.
func (f *families) shared(name, help string, labels ...string) *family {
	return f.add(dto.MetricType_GAUGE, nil, name, help, labels)
}

// lowest is one of which the lowest counts: an alert about the others must not be
// silenced by one that is paused.
func (f *families) lowest(name, help string, labels ...string) *family {
	return f.add(dto.MetricType_GAUGE, func(a, b float64) float64 { return min(a, b) }, name, help, labels)
}
