// Package collector turns the engine's answers into metrics, one file a subject,
// and serves them to any number of scrapers.
package collector

import (
	"context"
	"sync"
	"time"

	"github.com/camunda-autoscaler/camunda-autoscaler/service/sleep"
)

// Shared is a value that is refreshed on demand and shared by all callers, at a
// bounded cost: a refresh that took k requests to the engine lasts k seconds,
// whether it succeeded or not.
type Shared[T any] struct {
	refresh func(ctx context.Context) (value T, cost int)
	timeout time.Duration

	mu   sync.Mutex
	last *run[T]   // the refresh in progress, or else the latest one
	due  time.Time // no refresh starts before
}

// run is one refresh. Its value may be read once done is closed.
type run[T any] struct {
	value T
	done  chan struct{}

	cancel    context.CancelCauseFunc
	waiting   int  // guarded by Shared.mu, like abandoned
	abandoned bool // canceled, because no caller waited any more
}

// NewShared returns a value that refresh provides. A refresh takes at most the
// timeout, and is canceled when no caller waits for it any more.
func NewShared[T any](timeout time.Duration, refresh func(ctx context.Context) (value T, cost int)) *Shared[T] {
	return &Shared[T]{refresh: refresh, timeout: timeout}
}

// Get returns the latest value, after a refresh if one is due. It returns an
// error only if ctx ends before.
func (s *Shared[T]) Get(ctx context.Context) (T, error) {
	var none T
	for {
		run, wait := s.join(time.Now())
		if wait > 0 {
			if err := sleep.For(ctx, wait); err != nil {
				return none, err
			}
			continue
		}
		select {
		case <-run.done:
		case <-ctx.Done():
		}
		if abandoned := s.leave(run, context.Cause(ctx)); ctx.Err() != nil {
			return none, ctx.Err()
		} else if !abandoned {
			return run.value, nil
		}
	}
}

// join returns the refresh whose value to use at now, or how long to wait until
// one may start.
func (s *Shared[T]) join(now time.Time) (*run[T], time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.last != nil && !s.last.finished():
	case !now.Before(s.due):
		s.last = s.start(now)
	case s.last.abandoned:
		// It has no value, but its requests were made.
		return nil, s.due.Sub(now)
	}
	s.last.waiting++
	return s.last, 0
}

// leave ends a caller's wait; why is the reason if it ended without a value. It
// reports whether the refresh was abandoned.
func (s *Shared[T]) leave(r *run[T], why error) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	r.waiting--
	if r.waiting == 0 && !r.finished() {
		r.abandoned = true
		r.cancel(why)
	}
	return r.abandoned
}

func (s *Shared[T]) start(now time.Time) *run[T] {
	ctx, cancel := context.WithCancelCause(context.Background())
	r := &run[T]{done: make(chan struct{}), cancel: cancel}
	go func() {
		defer cancel(nil)
		ctx, stop := context.WithTimeout(ctx, s.timeout)
		defer stop()
		value, cost := s.refresh(ctx)
		s.mu.Lock()
		defer s.mu.Unlock()
		r.value = value
		s.due = now.Add(time.Duration(cost) * time.Second)
		close(r.done)
	}()
	return r
}

func (r *run[T]) finished() bool {
	select {
	case <-r.done:
		return true
	default:
		return false
	}
}
