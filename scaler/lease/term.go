package lease

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// ErrNotHeld is returned instead of doing what only the holder may do.
var ErrNotHeld = errors.New("the lease is not held")

// term is the part of an Elector that other goroutines read.
type term struct {
	mu       sync.Mutex
	until    time.Time // until when no other can hold the Lease; zero if it is not held
	problem  error     // why a candidate could not read the Lease
	answered bool      // the Lease was read at least once
}

// left is for how long the Lease is surely held.
func (t *term) left() time.Duration {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.remaining()
}

// remaining takes the lesser of two clocks: the monotonic one, which cannot be
// set, and the wall clock, which goes on while the machine is suspended.
func (t *term) remaining() time.Duration {
	if t.until.IsZero() {
		return 0
	}
	now := time.Now()
	return max(0, min(t.until.Sub(now), t.until.Round(0).Sub(now.Round(0))))
}

func (t *term) deadline() time.Time {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.until
}

func (t *term) extend(until time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.until, t.problem, t.answered = until, nil, true
}

func (t *term) end() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.until = time.Time{}
}

func (t *term) candidate(problem error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.problem, t.answered = problem, t.answered || problem == nil
}

// Leads reports whether this candidate holds the Lease.
func (e *Elector) Leads() bool { return e.term.left() > 0 }

// Bound returns a context that ends before another candidate can lead, or
// ErrNotHeld. Whatever only the leader may do has to be done with it.
func (e *Elector) Bound(ctx context.Context) (context.Context, context.CancelFunc, error) {
	left := e.term.left()
	if left <= 0 {
		return nil, nil, ErrNotHeld
	}
	bounded, cancel := context.WithTimeout(ctx, left)
	return bounded, cancel, nil
}

// Worked returns an error if this candidate cannot take over, because it cannot
// read the Lease. Standing by is no error.
func (e *Elector) Worked() error {
	e.term.mu.Lock()
	defer e.term.mu.Unlock()
	switch {
	case e.term.remaining() > 0:
		return nil
	case e.term.problem != nil:
		return fmt.Errorf("stand by: %w", e.term.problem)
	case !e.term.answered:
		return errors.New("stand by: the lease was not read yet")
	}
	return nil
}
