// Package query reads samples from Prometheus by PromQL.
package query

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"time"

	v1 "github.com/prometheus/client_golang/api/prometheus/v1"
	"github.com/prometheus/common/model"

	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/sample"
)

// Timeout bounds one request to Prometheus, so that a hanging server cannot
// keep a new sample unnoticed for longer.
const Timeout = 5 * time.Second

// Reader reads one target's samples. It is used by one goroutine at a time.
type Reader struct {
	api       v1.API
	query     string
	timestamp string // the query for the newest sample's time; "" until known
	warn      func(warning string)

	ageless int // how often in a row the sample's time was the evaluation's
	told    bool
}

// NewReader returns a reader of query. timestampQuery gives the time of the
// newest sample in seconds since 1970; if it is "", the time is that of the
// selected sample, which only a plain selector tells: for any other expression
// Prometheus answers with the time of the evaluation, so its age reads as 0.
// warn is called with what Prometheus warns of, and if the age is unknown.
func NewReader(prometheus v1.API, query, timestampQuery string, warn func(string)) *Reader {
	return &Reader{api: prometheus, query: query, timestamp: timestampQuery, warn: warn, told: timestampQuery != ""}
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
	res := r.evaluate(ctx, r.timestamp, time.Time{})
	if res.Outcome != sample.Value {
		return res
	}
	const yearTenThousand = 253402300800
	if res.Value < 0 || res.Value > yearTenThousand {
		res.Outcome, res.Err = sample.Failed, fmt.Errorf("query %s: %v is no time in seconds since 1970", r.timestamp, res.Value)
		return res
	}
	res.Timestamp, res.Value = time.UnixMilli(int64(math.Round(res.Value*1000))), 0
	if res.Timestamp.After(res.Now) {
		res.Outcome = sample.Future
	}
	r.noteAge(res)
	return res
}

// noteAge says once if the query does not tell its sample's age. A scrape may
// hit the millisecond of one evaluation, not of two in a row.
func (r *Reader) noteAge(newest sample.Result) {
	if !newest.Timestamp.Equal(newest.Now) {
		r.ageless = 0
		return
	}
	if r.ageless++; r.ageless > 1 && !r.told {
		r.told = true
		r.warn("the age of the sample is unknown, so an old one would not be noticed: " +
			"the query is more than a selector; set timestamp_query, for example max(timestamp(my_metric))")
	}
}

// At reads the sample that Newest found.
func (r *Reader) At(ctx context.Context, newest sample.Result) sample.Result {
	res := r.evaluate(ctx, r.query, newest.Timestamp)
	res.Timestamp, res.Now = newest.Timestamp, newest.Now
	return res
}

// learnType sees to it that timestamp() gets the vector that it needs, and
// that a query that can never be used is refused in its own words.
func (r *Reader) learnType(ctx context.Context) error {
	value, err := r.do(ctx, r.query, time.Time{})
	if err != nil {
		return err
	}
	// The line breaks keep a comment at the query's end from swallowing the
	// bracket.
	switch value.Type() {
	case model.ValVector:
		r.timestamp = "timestamp(\n" + r.query + "\n)"
	case model.ValScalar:
		r.timestamp = "timestamp(vector(\n" + r.query + "\n))"
	default:
		return wrongType(r.query, value)
	}
	return nil
}

const wantedType = "want an instant vector of one series, or a scalar"

// explain adds what the client leaves out: the answer's text, which may say why
// a proxy refuses, and what to do about a string, which it does not decode.
func explain(err error) error {
	var bad *v1.Error
	if !errors.As(err, &bad) {
		return err
	}
	if strings.Contains(bad.Msg, "unexpected value type") {
		return fmt.Errorf("%w: %s", err, wantedType)
	}
	if detail := strings.TrimSpace(bad.Detail); detail != "" {
		const enough = 200
		return fmt.Errorf("%w: %.*s", err, enough, detail)
	}
	return err
}

func wrongType(query string, value model.Value) error {
	return fmt.Errorf("query %s gives a %s: %s", query, value.Type(), wantedType)
}

// do runs an instant query.
func (r *Reader) do(ctx context.Context, query string, at time.Time) (model.Value, error) {
	ctx, cancel := context.WithTimeout(ctx, Timeout)
	defer cancel()
	value, warnings, _, err := r.api.Query(ctx, query, at)
	for _, w := range warnings {
		r.warn(w)
	}
	if err != nil {
		return nil, fmt.Errorf("query %s: %w", query, explain(err))
	}
	if value == nil {
		return nil, fmt.Errorf("query %s: Prometheus answered without a result", query)
	}
	return value, nil
}

func (r *Reader) evaluate(ctx context.Context, query string, at time.Time) sample.Result {
	value, err := r.do(ctx, query, at)
	if err != nil {
		return sample.Result{Outcome: sample.Failed, Err: err}
	}
	return classify(query, value)
}

func classify(query string, value model.Value) sample.Result {
	var number model.SampleValue
	var now model.Time
	switch v := value.(type) {
	case *model.Scalar:
		number, now = v.Value, v.Timestamp
	case model.Vector:
		switch {
		case len(v) == 0:
			return sample.Result{Outcome: sample.NoData}
		case len(v) > 1:
			return sample.Result{Outcome: sample.ManySeries, Series: len(v), Now: v[0].Timestamp.Time()}
		case v[0] == nil:
			return sample.Result{Outcome: sample.Failed, Err: fmt.Errorf("query %s: Prometheus answered with an empty series", query)}
		case v[0].Histogram != nil:
			return sample.Result{Outcome: sample.Failed, Err: fmt.Errorf("query %s gives a native histogram: want a number, for example by histogram_count()", query)}
		}
		number, now = v[0].Value, v[0].Timestamp
	default:
		return sample.Result{Outcome: sample.Failed, Err: wrongType(query, value)}
	}
	res := sample.Result{Outcome: sample.Value, Value: float64(number), Now: now.Time()}
	if math.IsNaN(res.Value) || math.IsInf(res.Value, 0) {
		res.Outcome = sample.NotANumber
	}
	return res
}
