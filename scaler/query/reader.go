package query

import (
	"context"
	"time"

	v1 "github.com/prometheus/client_golang/api/prometheus/v1"
	"github.com/prometheus/common/model"

	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/sample"
)

// Reader reads one target's samples. It is used by one goroutine at a time.
type Reader struct {
	asker
	query     string
	timestamp string // the query for the newest sample's time; "" until known
	zero      bool
	ages      ages
}

// New returns a reader of a query that gives one series or a scalar.
func New(prometheus v1.API, o Options) *Reader {
	return &Reader{
		asker: asker{prometheus, o.Warn, "an instant vector of one series, or a scalar"},
		query: o.Query, timestamp: o.TimestampQuery, zero: o.Zero, ages: ages{told: o.TimestampQuery != ""},
	}
}

// Newest finds out when the newest sample was scraped, without reading it. If
// there is one the outcome is Value, and Timestamp and Now are set; Value is
// not.
func (r *Reader) Newest(ctx context.Context) sample.Result {
	if r.timestamp == "" {
		if err := r.learnType(ctx); err != nil {
			return sample.Result{Outcome: sample.Failed, Err: err}
		}
	}
	// No time is passed, so the answer carries Prometheus's own now and the
	// clock of this machine does not matter.
	res, empty := r.evaluate(ctx, r.timestamp, time.Time{})
	if r.zero && empty {
		const clock = "time()"
		res, _ = r.evaluate(ctx, clock, time.Time{})
		res = asTime(clock, res)
		res.Empty = res.Outcome == sample.Value
		return res
	}
	res = asTime(r.timestamp, res)
	if !res.Timestamp.IsZero() && r.ages.note(res.Timestamp.Equal(res.Now)) {
		r.warn(ageUnknown("max(timestamp(my_metric))"))
	}
	return res
}

// At reads the sample that Newest found.
func (r *Reader) At(ctx context.Context, newest sample.Result) sample.Result {
	res, empty := r.evaluate(ctx, r.query, newest.Timestamp)
	switch {
	case newest.Empty && res.Outcome != sample.NoData && res.Outcome != sample.Failed:
		// Either it is new this very moment, or the timestamp query is wrong;
		// in any case nobody knows how old it is.
		res = failure("query %s has a sample where query %s had just no time of one", r.query, r.timestamp)
	case r.zero && empty && !newest.Empty:
		// There is a time, so this should be a filter that lets nothing
		// through. But an offset makes a query empty at its sample's time as
		// well: it is 0 only if it is empty now, too.
		_, empty = r.evaluate(ctx, r.query, time.Time{})
	}
	if r.zero && empty {
		res = sample.Result{Outcome: sample.Value, Empty: true}
	}
	res.Timestamp, res.Now = newest.Timestamp, newest.Now
	return res
}

// Now evaluates the query at this moment: a finite number, or why there is
// none. The number's age is unknown, and an empty answer is never 0.
func (r *Reader) Now(ctx context.Context) sample.Result {
	res, _ := r.evaluate(ctx, r.query, time.Time{})
	return res
}

// learnType sees to it that timestamp() gets the vector that it needs, and
// that a query that can never be used is refused in its own words.
func (r *Reader) learnType(ctx context.Context) error {
	value, _, err := r.do(ctx, r.query, time.Time{})
	if err != nil {
		return err
	}
	switch value.Type() {
	case model.ValVector:
		r.timestamp = timestampOf(r.query)
	case model.ValScalar:
		r.timestamp = timestampOf("vector(\n" + r.query + "\n)")
	default:
		return r.wrongType(r.query, value)
	}
	return nil
}

// evaluate runs a query, and says whether its answer is empty beyond doubt.
func (r *Reader) evaluate(ctx context.Context, query string, at time.Time) (res sample.Result, empty bool) {
	value, warned, err := r.do(ctx, query, at)
	if err != nil {
		return sample.Result{Outcome: sample.Failed, Err: err}, false
	}
	res = r.classify(query, value)
	return res, res.Outcome == sample.NoData && !warned
}
