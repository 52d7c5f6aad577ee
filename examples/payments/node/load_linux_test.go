package node

import (
	"context"
	"sync"
	"testing"
	"time"
)

// load calls Antaeus over and over, one call after the other.
type load struct {
	end, done chan struct{}

	mu     sync.Mutex
	calls  int
	failed []error
}

func (s *system) load(ctx context.Context, every time.Duration) *load {
	l := &load{end: make(chan struct{}), done: make(chan struct{})}
	go func() {
		defer close(l.done)
		ticker := time.NewTicker(every)
		defer ticker.Stop()
		for {
			_, err := pay(ctx, s.antaeus)
			l.mu.Lock()
			l.calls++
			if err != nil {
				l.failed = append(l.failed, err)
			}
			l.mu.Unlock()
			select {
			case <-ctx.Done():
				return
			case <-l.end:
				return
			case <-ticker.C:
			}
		}
	}()
	return l
}

// stop ends the calls with the one that is in flight, and returns how many there were
// and how they failed.
func (l *load) stop() (calls int, failed []error) {
	close(l.end)
	<-l.done
	return l.calls, l.failed
}

// seen returns how many calls there were and how many of them failed, so far.
func (l *load) seen() (calls, failed int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.calls, len(l.failed)
}

// more waits for that many calls that do not fail.
func (l *load) more(ctx context.Context, t *testing.T, n int) {
	t.Helper()
	calls, failed := l.seen()
	within(ctx, t, time.Minute, "the provider answers", func() error {
		if c, f := l.seen(); c-f < calls-failed+n {
			return errTooFew
		}
		return nil
	})
}
