package replay

import (
	"context"
	"runtime"
	"slices"
	"sync"
)

// Consumer takes in a stream: a Run, or the Actual course.
type Consumer interface {
	Feed(ctx context.Context, batch []Observation)
	End(ctx context.Context)
}

// Drive reads the stream once, and feeds it to all consumers. They run side by
// side on all processors.
func Drive(ctx context.Context, from Stream, consumers []Consumer) error {
	workers := min(runtime.GOMAXPROCS(0), len(consumers))
	queues := make([]chan []Observation, workers)
	var running sync.WaitGroup
	for w := range queues {
		queues[w] = make(chan []Observation, 4)
		running.Go(func() {
			for batch := range queues[w] {
				for i := w; i < len(consumers); i += workers {
					consumers[i].Feed(ctx, batch)
				}
			}
		})
	}
	err := from.Each(func(batch []Observation) error {
		batch = slices.Clone(batch) // the stream writes over its own
		for _, q := range queues {
			q <- batch
		}
		return ctx.Err()
	})
	for _, q := range queues {
		close(q)
	}
	running.Wait()
	if err != nil {
		return err
	}
	for w := range workers {
		running.Go(func() {
			for i := w; i < len(consumers); i += workers {
				consumers[i].End(ctx)
			}
		})
	}
	running.Wait()
	return ctx.Err()
}
