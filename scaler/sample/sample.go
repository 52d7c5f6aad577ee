// Package sample says what is known about a target's load: a number and when
// it was scraped, or why there is none. A missing or broken number has a name
// of its own, so that it can never pass as 0.
package sample

import "time"

// Outcome classifies what a query gave.
type Outcome int

// The outcomes. Only Value carries a number.
const (
	Failed     Outcome = iota // Prometheus could not be asked, or refused the query; also the zero value
	Value                     // one finite number
	NoData                    // an empty answer
	Stale                     // the newest sample is older than allowed
	Future                    // the newest sample is from after now: a clock has jumped
	NotANumber                // NaN, +Inf or -Inf
	ManySeries                // more than one series, so none of them is the answer
)

var names = map[Outcome]string{
	Failed: "failed", Value: "value", NoData: "no data", Stale: "stale", Future: "from the future",
	NotANumber: "not a number", ManySeries: "many series",
}

// String returns the outcome in words.
func (o Outcome) String() string { return names[o] }

// Result is the answer to one query.
type Result struct {
	Outcome   Outcome
	Value     float64   // with Value: finite; with NotANumber: what it was
	Empty     bool      // with Value: the answer was empty, which the configuration says is 0
	Timestamp time.Time // when the sample was scraped (if Empty: looked for), by Prometheus's clock; zero if unknown
	Now       time.Time // Prometheus's clock when it answered; zero if it did not
	Series    int       // with ManySeries: how many
	Err       error     // with Failed: why
}

// Age is how old the sample was when Prometheus answered; both ends are read
// from Prometheus's clock.
func (r Result) Age() time.Duration { return r.Now.Sub(r.Timestamp) }
