// Package query reads samples from Prometheus by PromQL: those of one workload,
// or those of all workloads that the labels of one query's series name.
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

	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/promapi"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/sample"
)

// Options say what to ask.
type Options struct {
	Query string

	// TimestampQuery gives the time of the newest sample in seconds since
	// 1970. If it is "", the time is that of the selected sample, which only a
	// plain selector tells: for any other expression Prometheus answers with
	// the time of the evaluation, so its age reads as 0.
	TimestampQuery string

	// Zero makes an empty answer the value 0 at the time of Prometheus's own
	// clock. A failure stays one, and so does an answer with a warning: Thanos,
	// for example, warns of a store that did not answer.
	Zero bool

	// Warn is called with what Prometheus warns of, and once if the age of the
	// samples is unknown.
	Warn func(warning string)
}

// asker asks Prometheus.
type asker struct {
	api  v1.API
	warn func(string)
	want string // what a query should give, in words
}

// given is what Prometheus gave.
type given struct {
	value  model.Value
	warned bool      // something may be missing from it
	sent   time.Time // when the request went out, by this machine's clock
}

// do runs an instant query, possibly together with others in one request; its
// errors name it as the user wrote it. No time is passed, so the answer is of
// Prometheus's own now, and the clock of this machine does not matter.
func (a asker) do(ctx context.Context, query, written string, together bool) (given, error) {
	answer, err := promapi.Ask(ctx, a.api, query, together)
	for _, w := range answer.Warnings {
		a.warn(w)
	}
	if err != nil {
		return given{}, fmt.Errorf("query %s: %w", written, a.explain(err))
	}
	if answer.Value == nil {
		return given{}, fmt.Errorf("query %s: Prometheus answered without a result", written)
	}
	return given{answer.Value, len(answer.Warnings) > 0, answer.Sent}, nil
}

// explain adds what the client leaves out: the answer's text, which may say why
// a proxy refuses, and what to do about a string, which it does not decode.
func (a asker) explain(err error) error {
	var bad *v1.Error
	if !errors.As(err, &bad) {
		return err
	}
	if strings.Contains(bad.Msg, "unexpected value type") {
		return fmt.Errorf("%w: want %s", err, a.want)
	}
	if detail := strings.TrimSpace(bad.Detail); detail != "" {
		const enough = 200
		return fmt.Errorf("%w: %.*s", err, enough, detail)
	}
	return err
}

func (a asker) wrongType(query string, value model.Value) error {
	return fmt.Errorf("query %s gives a %s: want %s", query, value.Type(), a.want)
}

// classify says what the answer to a query of one series is.
func (a asker) classify(query string, value model.Value) sample.Result {
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
		case v[0].Histogram != nil:
			return failure("query %s gives a native histogram: want a number, for example by histogram_count()", query)
		}
		number, now = v[0].Value, v[0].Timestamp
	default:
		return sample.Result{Outcome: sample.Failed, Err: a.wrongType(query, value)}
	}
	res := sample.Result{Outcome: sample.Value, Value: float64(number), Now: now.Time()}
	if math.IsNaN(res.Value) || math.IsInf(res.Value, 0) {
		res.Outcome = sample.NotANumber
	}
	return res
}

// asTime turns a number of seconds since 1970 into the time of a sample.
func asTime(query string, res sample.Result) sample.Result {
	if res.Outcome != sample.Value {
		return res
	}
	const yearTenThousand = 253402300800
	if res.Value < 0 || res.Value > yearTenThousand {
		return failure("query %s: %v is no time in seconds since 1970", query, res.Value)
	}
	res.Timestamp, res.Value = time.UnixMilli(int64(math.Round(res.Value*1000))), 0
	if res.Timestamp.After(res.Now) {
		res.Outcome = sample.Future
	}
	return res
}

func failure(format string, args ...any) sample.Result {
	return sample.Result{Outcome: sample.Failed, Err: fmt.Errorf(format, args...)}
}

// vectorOf makes a vector of a scalar. The line breaks keep a comment at the
// query's end from swallowing the bracket.
func vectorOf(query string) string { return "vector(\n" + query + "\n)" }

// timestampOf is the query for the time of a selected sample.
func timestampOf(query string) string { return "timestamp(\n" + query + "\n)" }

// ages notices if a query does not tell its samples' age.
type ages struct {
	unknown int // how often in a row the time was the evaluation's
	told    bool
}

// note returns whether to say now that the age is unknown: once. A scrape may
// hit the millisecond of one evaluation, not of two in a row.
func (a *ages) note(unknown bool) bool {
	if !unknown {
		a.unknown = 0
		return false
	}
	a.unknown++
	say := a.unknown > 1 && !a.told
	a.told = a.told || say
	return say
}

func ageUnknown(shared bool) string {
	example := "max(timestamp(my_metric))"
	if shared {
		example = "max by (namespace, deployment) (timestamp(my_metric))"
	}
	return "the age of the sample is unknown, so an old one would not be noticed: " +
		"the query is more than a selector; set timestamp_query, for example " + example
}

// Number is a query for one number that has no age of its own, such as a limit.
type Number struct {
	asker
	query string
}

// NewNumber returns a query that gives one series or a scalar.
func NewNumber(prometheus v1.API, query string, warn func(string)) Number {
	return Number{asker{prometheus, warn, "an instant vector of one series, or a scalar"}, query}
}

// Now evaluates the query at this moment. The outcome is Value with a finite
// number, or why there is none. An empty answer is never 0.
func (n Number) Now(ctx context.Context) sample.Result {
	answer, err := n.do(ctx, n.query, n.query, false)
	if err != nil {
		return sample.Result{Outcome: sample.Failed, Err: err}
	}
	return n.classify(n.query, answer.value)
}
