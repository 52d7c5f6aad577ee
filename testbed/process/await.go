package process

import (
	"context"
	"errors"
	"fmt"
	"time"
)

const (
	probeInterval = 50 * time.Millisecond
	probeTimeout  = 5 * time.Second
)

// Await calls probe until it returns nil. It gives up at once, with the end of
// the log, when the process ends, and when ctx ends.
func (p *Process) Await(ctx context.Context, what string, probe func(context.Context) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() { // so that a dead server ends a probe that hangs
		select {
		case <-p.exited:
			cancel()
		case <-ctx.Done():
		}
	}()
	interval := time.NewTicker(probeInterval)
	defer interval.Stop()
	last := errors.New("not tried")
	for {
		err := probeOnce(ctx, probe)
		if err == nil {
			return nil
		}
		if ctx.Err() == nil {
			last = err
		}
		select {
		case <-interval.C:
		case <-p.exited:
			return fmt.Errorf("waiting for %s: %w", what, p.ended())
		case <-ctx.Done():
			select {
			case <-p.exited:
				return fmt.Errorf("waiting for %s: %w", what, p.ended())
			default:
			}
			return fmt.Errorf("waiting for %s: %w; last answer: %w; the end of its log %s:\n%s",
				what, ctx.Err(), last, p.spec.Log, lastLines(p.RecentLog()))
		}
	}
}

func probeOnce(ctx context.Context, probe func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	return probe(ctx)
}

// ended is for callers that wait for a server: any end of it is an error.
func (p *Process) ended() error {
	if p.err != nil {
		return p.err
	}
	return p.exitError(nil)
}
