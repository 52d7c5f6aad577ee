package query

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

	"github.com/prometheus/common/model"

	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/sample"
)

// series are those of one workload.
type series struct{ values, times model.Vector }

// sort finds out which series is of which workload.
func (s *Source) sort(vector model.Vector) (*answer, error) {
	a := &answer{}
	byKey := map[Key]*series{}
	for _, one := range vector {
		kind := one.Metric[part]
		if kind == partNow {
			a.now = one.Timestamp.Time()
			continue
		}
		var key Key
		named := s.labels == nil
		if !named {
			key = s.labels.key(one.Metric)
			named = byKey[key] != nil || key.valid()
		}
		of := byKey[key]
		if of == nil && named {
			of = &series{}
			byKey[key] = of
		}
		switch {
		case kind == partValue && named:
			of.values = append(of.values, one)
		case kind == partValue:
			a.members.Unnamed++
		case kind == partTime && named:
			of.times = append(of.times, one)
		case kind != partTime:
			return nil, errors.New("a series that was not asked for: is this a Prometheus?")
		}
	}
	if a.now.IsZero() {
		return nil, errors.New("an answer without Prometheus's clock")
	}
	a.samples = make(map[Key]sample.Result, len(byKey))
	for key, of := range byKey {
		if len(of.values) > 0 && s.labels != nil {
			a.members.Keys = append(a.members.Keys, key)
		}
		if len(of.values) > 1 {
			a.members.Repeated++
		}
		a.samples[key] = s.result(key, of)
	}
	if n := len(a.members.Keys); n > MaxMembers {
		return nil, fmt.Errorf("its labels name %d workloads, and %d is the limit: is it grouped by the right labels?", n, MaxMembers)
	}
	slices.SortFunc(a.members.Keys, Key.Compare)
	return a, nil
}

// result says what the series of one workload give: a number with its time, or
// why there is none.
func (s *Source) result(key Key, of *series) sample.Result {
	value := s.classify(s.options.Query, of.values)
	if value.Outcome == sample.ManySeries {
		return value
	}
	times := cmp.Or(s.options.TimestampQuery, timestampOf(s.options.Query))
	at := s.classify(times, of.times)
	switch {
	case value.Outcome == sample.NoData && at.Outcome == sample.NoData:
		return value
	case at.Outcome == sample.NoData && s.labels != nil:
		return failure("query %s gives no time for %s: its series need the same labels as those of query %s", times, key, s.options.Query)
	case at.Outcome == sample.NoData:
		return failure("query %s gives no time, but query %s has a sample: its age is not known", times, s.options.Query)
	case at.Outcome == sample.ManySeries && s.labels != nil:
		return failure("query %s gives %d times for %s: want one, for example the max by the labels that name it", times, at.Series, key)
	case at.Outcome == sample.ManySeries:
		return failure("query %s gives %d times: want one, for example their max", times, at.Series)
	}
	at = asTime(times, at)
	switch at.Outcome {
	case sample.Value:
		value.Timestamp = at.Timestamp
	case sample.Future:
		if value.Outcome != sample.NoData {
			value.Outcome = sample.Future
		}
		value.Timestamp = at.Timestamp
	default:
		return at
	}
	return value
}

// ageless reports whether all samples seem to be from the very moment.
func (a *answer) ageless() bool {
	for _, res := range a.samples {
		if !res.Timestamp.Equal(a.now) {
			return false
		}
	}
	return len(a.samples) > 0
}
