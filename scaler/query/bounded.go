package query

import (
	"context"
	"fmt"
	"time"

	v1 "github.com/prometheus/client_golang/api/prometheus/v1"
	"github.com/prometheus/common/model"
	"golang.org/x/sync/semaphore"
)

// Timeout bounds one request to Prometheus, so that a hanging server cannot
// keep a new sample unnoticed for longer.
const Timeout = 5 * time.Second

// DefaultInFlight is how many queries are in flight at most: few enough that
// other clients of the Prometheus do not notice, which serves 512 connections
// and evaluates 20 queries at a time by default.
const DefaultInFlight = 16

// Load bounds and observes what a client asks of Prometheus.
type Load struct {
	InFlight int // queries at most; 0 is DefaultInFlight

	// Queued is told how long each query waited for its turn, Took how long
	// Prometheus then took, also if it failed. They may be nil.
	Queued, Took func(time.Duration)
}

// bounded lets a number of queries through at a time. The others wait in the
// order in which they came, which is that of their due times: a slow query
// delays no other by more than its own turn. The time of a query counts from
// when it is let through.
type bounded struct {
	v1.API
	slots *semaphore.Weighted
	load  Load
}

func newBounded(api v1.API, l Load) bounded {
	if l.InFlight <= 0 {
		l.InFlight = DefaultInFlight
	}
	return bounded{api, semaphore.NewWeighted(int64(l.InFlight)), l}
}

// Query implements v1.API.
func (b bounded) Query(ctx context.Context, query string, at time.Time, opts ...v1.Option) (model.Value, v1.Warnings, v1.Infos, error) {
	came := time.Now()
	if err := b.slots.Acquire(ctx, 1); err != nil {
		return nil, nil, nil, fmt.Errorf("wait for one of %d queries in flight to end: %w", b.load.InFlight, err)
	}
	defer b.slots.Release(1)
	sent := time.Now()
	if b.load.Queued != nil {
		b.load.Queued(sent.Sub(came))
	}
	if b.load.Took != nil {
		defer func() { b.load.Took(time.Since(sent)) }()
	}
	ctx, cancel := context.WithTimeout(ctx, Timeout)
	defer cancel()
	return b.API.Query(ctx, query, at, opts...)
}
