package loop

import (
	"fmt"
	"sync/atomic"
	"time"
)

// Health is when something that has to be done again and again was done. It
// goes by a clock that nobody can set, and any goroutine may ask it.
type Health struct {
	target          string
	interval, limit time.Duration
	made            time.Time
	worked, turned  atomic.Int64 // nanoseconds since made, 0 for never
}

// NewHealth returns that of a target which has not begun. It has to work at
// least once in three intervals or in limit, whichever is longer.
func NewHealth(target string, interval, limit time.Duration) *Health {
	return &Health{target: target, interval: interval, limit: max(3*interval, limit), made: time.Now()}
}

// Begins notes that a round begins.
func (h *Health) Begins() { h.note(&h.turned) }

// Works notes that a round did what it has to.
func (h *Health) Works() { h.note(&h.worked) }

func (h *Health) note(mark *atomic.Int64) { mark.Store(max(1, int64(time.Since(h.made)))) }

func (h *Health) since(mark *atomic.Int64) (ago time.Duration, ever bool) {
	at := time.Duration(mark.Load())
	return time.Since(h.made) - at, at > 0
}

// Worked returns an error unless a round worked recently.
func (h *Health) Worked() error {
	switch ago, ever := h.since(&h.worked); {
	case !ever:
		return fmt.Errorf("target %s: no cycle has worked yet", h.target)
	case ago > h.limit:
		return fmt.Errorf("target %s: no cycle has worked for %s", h.target, ago.Round(time.Second))
	}
	return nil
}

// Alive returns an error if no round has begun for far longer than all that
// one waits for can take: it is stuck.
func (h *Health) Alive() error {
	if ago, ever := h.since(&h.turned); ever && ago > max(10*h.interval, 2*time.Minute) {
		return fmt.Errorf("target %s: its loop has been stuck for %s", h.target, ago.Round(time.Second))
	}
	return nil
}
