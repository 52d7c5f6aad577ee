package collector

import (
	"context"
	"errors"
	"time"

	"github.com/camunda-autoscaler/camunda-autoscaler/exporter/instances"
)

// What takes long, or fails, must not cost the counts of the latest windows.
// Therefore totals are completed, and history is checked, by themselves.

// upkeepTimeout bounds a request that no scrape waits for.
const upkeepTimeout = time.Minute

// recheckWait is how long a scrape waits for a recheck, of which it shows
// little.
const recheckWait = 100 * time.Millisecond

// step is a request that may be due.
type step = func(context.Context) (requests int, err error)

// inTurn returns a refresh that takes steps one after another, each with its
// own time, unless the engine does not answer.
func inTurn(s *Started, steps func() []step) refresh {
	return func(ctx context.Context) (reading, error) {
		if s.Status(time.Now()).Err != nil {
			return reading{}, nil //nolint:nilerr // the counter tells of it; here there is nothing to do
		}
		var errs []error
		for _, step := range steps() {
			ctx, cancel := context.WithTimeout(ctx, upkeepTimeout)
			if _, err := step(ctx); err != nil {
				errs = append(errs, err)
			}
			cancel()
		}
		return reading{}, errors.Join(errs...)
	}
}

// catchUp completes the totals up to the latest windows.
func catchUp(counters []*instances.Counter) func() []step {
	return func() []step {
		var steps []step
		for _, c := range counters {
			steps = append(steps, c.CatchUp)
		}
		return steps
	}
}

// recheck looks for what became visible late, of the definitions one at a time,
// and for reasons not to believe history.
func recheck(s *Started, counters, definitions []*instances.Counter) func() []step {
	next := 0 // of the definitions
	return func() []step {
		now := time.Now()
		steps := []step{
			func(ctx context.Context) (int, error) { return s.history.Check(ctx, now), nil },
			func(ctx context.Context) (int, error) { return s.misdated.Check(ctx, now) },
		}
		for _, c := range counters {
			steps = append(steps, c.Recount)
		}
		if len(definitions) > 0 {
			steps = append(steps, definitions[next].Recount)
			next = (next + 1) % len(definitions)
		}
		return steps
	}
}
