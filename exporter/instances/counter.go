// Package instances counts process instances by when they started or ended, in
// the history of an engine: in the last complete window, and in all since the
// counter was made.
package instances

import (
	"context"
	"sync"
	"time"

	"github.com/camunda-autoscaler/camunda-autoscaler/exporter/camunda"
	"github.com/camunda-autoscaler/camunda-autoscaler/exporter/window"
)

// Engine is what is needed of a camunda.Client.
type Engine interface {
	CountHistory(context.Context, camunda.Endpoint, camunda.HistoryQuery) (uint64, error)
	Clock(now time.Time) camunda.Clock
	InHistory(ctx context.Context, id string) (bool, error)
	AnyInHistory(context.Context) (bool, error)
	AnyRunning(ctx context.Context, tenants []string) (id string, err error)
	RootStarts(context.Context) (uint64, error)
}

// Options say what is counted.
type Options struct {
	Window         time.Duration // length of the window, in whole seconds
	SettleLag      time.Duration // how long before now the window ends
	RecountHorizon time.Duration // how late an instance may become visible and still be counted in the total
	RootOnly       bool          // leave out instances started by call activities
	Tenants        []string      // if any, count only theirs
}

// Pace is how often totals are completed and definitions are counted: once a
// window, or ten seconds if that is less.
func (o Options) Pace() time.Duration { return min(o.Window, 10*time.Second) }

// Kind is what one counter counts.
type Kind struct {
	Endpoint             camunda.Endpoint // for the window
	Event                camunda.Event
	ProcessDefinitionKey string // empty: of all definitions
}

// Counter counts one kind of instances. It is safe for concurrent use, but
// requests of one method must not overlap with others of the same method.
type Counter struct {
	engine  Engine
	options Options
	kind    Kind

	mu        sync.Mutex
	ledger    *window.Ledger
	late      uint64 // instances that a recount found
	recent    uint64
	counted   window.Window // that recent is of; zero: none yet
	failed    bool          // whether the latest window could not be counted
	recounted time.Time     // end of the window at which the last recount was made
}

// NewCounter returns a counter whose total starts at start.
func NewCounter(engine Engine, o Options, k Kind, start time.Time) *Counter {
	begin := window.End(start, o.SettleLag)
	return &Counter{
		engine: engine, options: o, kind: k,
		ledger: window.NewLedger(begin, o.RecountHorizon), recounted: begin,
	}
}

// Window returns the window that is complete and settled at now, by the slowest
// of the engine's clocks: what it starts must have its time to get there.
func (c *Counter) Window(now time.Time) window.Window {
	return window.At(now, c.options.SettleLag+c.engine.Clock(now).Behind, c.options.Window)
}

// skewStep is by how much an answer may tell that a clock is slower than was
// known, before the window is counted again. Less is within the precision.
const skewStep = 1500 * time.Millisecond

// Count counts the window that is complete at now, and returns how many
// requests that took.
func (c *Counter) Count(ctx context.Context, now time.Time) (requests int, err error) {
	w := c.Window(now)
	for {
		n, err := c.count(ctx, c.kind.Endpoint, w)
		requests++
		if err != nil {
			c.mu.Lock()
			c.failed = true
			c.mu.Unlock()
			return requests, err
		}
		if better := c.Window(now); requests == 1 && w.End.Sub(better.End) > skewStep {
			w = better // the answer came from a clock that has not reached w's end
			continue
		}
		c.mu.Lock()
		defer c.mu.Unlock()
		c.recent, c.counted, c.failed = n, w, false
		if next, ready := c.ledger.Next(w.End); ready && next == w {
			c.ledger.Advance(w.End, n)
		}
		return requests, nil
	}
}

// CatchUp counts what the total lacks up to the end of the last counted window,
// if that is at least half the pace. It makes no request if windows join, or if
// the latest one could not be counted.
func (c *Counter) CatchUp(ctx context.Context) (requests int, err error) {
	c.mu.Lock()
	end := c.counted.End
	next, ready := c.ledger.Next(end)
	due := ready && !c.failed && 2*next.Length() >= c.options.Pace()
	c.mu.Unlock()
	if !due {
		return 0, nil
	}
	n, err := c.count(ctx, camunda.HistoryCatchUp, next)
	if err != nil {
		return 1, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if again, ready := c.ledger.Next(end); ready && again == next {
		c.ledger.Advance(end, n)
	}
	return 1, nil
}

// Recount counts again, at the pace, some of what may have become visible late. It makes no request if the latest window could not be counted.
func (c *Counter) Recount(ctx context.Context) (requests int, err error) {
	c.mu.Lock()
	end := c.counted.End
	open, ok := c.ledger.Open()
	due := ok && !c.failed && end.Sub(c.recounted) >= c.options.Pace()
	c.mu.Unlock()
	if !due {
		return 0, nil
	}
	n, err := c.count(ctx, camunda.HistoryRecount, open)
	if err != nil {
		return 1, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	late, _ := c.ledger.Recount(open, n)
	c.late += late
	c.recounted = end
	return 1, nil
}

func (c *Counter) count(ctx context.Context, e camunda.Endpoint, w window.Window) (uint64, error) {
	return c.engine.CountHistory(ctx, e, camunda.HistoryQuery{
		Event: c.kind.Event, From: w.Start, To: w.Last(),
		ProcessDefinitionKey: c.kind.ProcessDefinitionKey, RootOnly: c.options.RootOnly, Tenants: c.options.Tenants,
	})
}

// Recent returns the count of the latest window, and the window. It returns
// false if none was counted yet.
func (c *Counter) Recent() (uint64, window.Window, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.recent, c.counted, !c.counted.End.IsZero()
}

// Total returns how many instances were counted since the counter was made.
func (c *Counter) Total() uint64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.ledger.Total()
}

// Late returns how many instances of the total became visible after their
// window was counted.
func (c *Counter) Late() uint64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.late
}

// shown reports whether history showed an instance in the time that is still
// open.
func (c *Counter) shown() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.recent > 0 || c.ledger.Shown() > 0
}
