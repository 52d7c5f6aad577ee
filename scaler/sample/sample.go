// Package sample describes what is known about a target's load: a number and
// the time of its sample, or why there is none. A missing or broken number has
// a name of its own, so that it can never pass as 0.
package sample

import (
	"math"
	"time"
)

// Outcome classifies what a query gave. All but Value are also reasons to hold,
// under the same names in the log and the metrics.
type Outcome string

// The outcomes. Only Value carries a number to decide on.
const (
	Value      Outcome = "value"              // one finite number
	NoData     Outcome = "no_data"            // an empty answer
	Stale      Outcome = "stale"              // the newest sample is older than allowed
	Future     Outcome = "sample_from_future" // the newest sample is from after now: a clock has jumped
	NotANumber Outcome = "not_a_number"       // NaN, +Inf or -Inf
	ManySeries Outcome = "many_series"        // more than one series, so none of them is the answer
	Failed     Outcome = "query_failed"       // Prometheus did not answer, or refused the query
)

// Result is the answer to one query. Its zero value is a failure.
type Result struct {
	Outcome   Outcome
	Value     float64       // with Value: finite; with NotANumber: what it was
	Empty     bool          // with Value: the answer was empty, which the configuration defines as 0
	Timestamp time.Time     // the sample's time by Prometheus's clock (if Empty: of the answer); zero if unknown
	Ageless   bool          // Timestamp is just that of the answer, so the sample's age is unknown
	Now       time.Time     // Prometheus's clock at this moment, ahead of it by less than Took; zero if it did not answer
	Took      time.Duration // the request that gave the answer
	Evaluated time.Time     // the same when it evaluated the query: earlier, if the answer is shared
	Spacing   time.Duration // time between two samples of this query, as observed; 0 until three were seen
	Series    int           // with ManySeries: how many
	Err       error         // with Failed: why
}

// Missing returns why there is no number to decide on, or "" if there is one.
// Whatever is not a known outcome is a failure.
func (r Result) Missing() Outcome {
	switch r.Outcome {
	case Value:
		if math.IsNaN(r.Value) || math.IsInf(r.Value, 0) {
			return NotANumber
		}
		return ""
	case NoData, Stale, Future, NotANumber, ManySeries:
		return r.Outcome
	}
	return Failed
}
