// Package replay runs a target's loop on recorded or made-up samples: the loop
// itself, by a clock of its own, on a workload that only counts. So a replay
// decides as the scaler does. It also keeps the figures of a run.
package replay

import (
	"math"
	"time"

	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/sample"
)

// Kind is what an observation is of.
type Kind uint8

// The kinds of observations.
const (
	Value    Kind = iota // a number, which may not be finite
	Nothing              // an empty answer
	Many                 // several series
	Unusable             // a failure, such as a number without a time
)

// Tracks that are no triggers.
const (
	Replicas    = -1 // that the workload had when the samples were recorded
	MaxReplicas = -2 // that max_replicas_query gave
)

// Observation is what a query gave from one time until the next observation of
// its track.
type Observation struct {
	Track int   // the trigger's index, Replicas or MaxReplicas
	Seen  int64 // when this could first be read, in nanoseconds since 1970
	At    int64 // the sample's own time; 0 if it is that of each answer
	Kind  Kind
	Value float64
}

func timeOf(nanoseconds int64) time.Time { return time.Unix(0, nanoseconds).UTC() }

// replicas returns the value as a number of replicas, nil if it is none.
func (o Observation) replicas() *int32 {
	if o.Kind != Value || !(o.Value >= 0 && o.Value < math.MaxInt32) {
		return nil
	}
	n := int32(o.Value)
	return &n
}

// result is the answer to a query at now.
func (o Observation) result(now int64) sample.Result {
	res := sample.Result{Now: timeOf(now)}
	switch o.Kind {
	case Nothing:
		res.Outcome = sample.NoData
	case Many:
		res.Outcome, res.Series = sample.ManySeries, int(o.Value)
	case Value:
		res.Outcome, res.Value = sample.Value, o.Value
		if res.Missing() == sample.NotANumber {
			res.Outcome = sample.NotANumber
		}
	default:
		res.Outcome = sample.NoData // why it failed is not recorded; either moves nothing
	}
	switch {
	case o.Kind != Value && o.At == 0:
		return res
	case o.At == 0:
		res.Timestamp, res.Ageless = res.Now, true
		return res
	}
	res.Timestamp = timeOf(o.At)
	if o.At > now && res.Outcome == sample.Value {
		res.Outcome = sample.Future
	}
	return res
}

// Stream is a recording: Each calls yield with observations in the order of the
// time at which they were seen, until yield returns an error. A batch is not
// kept, nor changed, by either.
type Stream interface {
	Each(yield func(batch []Observation) error) error
}

// Memory is a stream of observations that are in memory.
type Memory []Observation

// Each implements Stream.
func (m Memory) Each(yield func(batch []Observation) error) error {
	for len(m) > 0 {
		n := min(len(m), batchSize)
		if err := yield(m[:n]); err != nil {
			return err
		}
		m = m[n:]
	}
	return nil
}

// batchSize is how many observations go from one goroutine to another at once.
const batchSize = 4096
