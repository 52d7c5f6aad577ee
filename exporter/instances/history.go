package instances

import (
	"context"
	"sync"
	"time"
)

// Readability tells whether an engine's history can be read.
type Readability int

// What is known of an engine's history. An engine with history level none, and
// one whose user lacks the READ_HISTORY grant, both answer 0 to every count, so
// a 0 alone tells nothing.
const (
	Unknown    Readability = iota
	Readable               // it has shown an instance
	Empty                  // no instance was ever started, so that a count of 0 is right
	Unreadable             // it does not show an instance that exists
)

// historyCheckEvery is how often a history that shows nothing is checked.
const historyCheckEvery = time.Minute

// History checks whether counts of 0 can be believed. It is safe for concurrent
// use.
type History struct {
	engine  Engine
	tenants []string
	counter *Counter // of all instances

	mu       sync.Mutex
	verdict  Readability
	evidence string // why the verdict is Unreadable

	checking sync.Mutex // held by Check, which alone uses what follows
	at       time.Time  // of the latest check
	metered  bool       // whether meter is set
	meter    uint64     // the engine's own meter of started instances
}

// NewHistory returns a check of the history that the counter reads.
func NewHistory(engine Engine, tenants []string, counter *Counter) *History {
	return &History{engine: engine, tenants: tenants, counter: counter}
}

// Verdict returns what is known, and the evidence if it is Unreadable.
func (h *History) Verdict() (Readability, string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.verdict, h.evidence
}

func (h *History) set(verdict Readability, evidence string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.verdict, h.evidence = verdict, evidence
}

// Observe brings the verdict up to date if the counts alone tell it, and
// reports whether they do.
func (h *History) Observe() bool {
	shown := h.counter.shown()
	if shown {
		h.set(Readable, "")
	}
	return shown
}

// Check brings the verdict up to date, if a check is due at now. A request that
// fails proves nothing.
func (h *History) Check(ctx context.Context, now time.Time) (requests int) {
	if !h.checking.TryLock() {
		return 0 // another caller is about to find out
	}
	defer h.checking.Unlock()
	if h.Observe() || (!h.at.IsZero() && now.Sub(h.at) < historyCheckEvery) {
		return 0
	}
	h.at = now
	for _, proof := range []func(context.Context) (Readability, string, int){h.tryHistory, h.tryRunning, h.tryMeter} {
		verdict, evidence, n := proof(ctx)
		requests += n
		if verdict != Unknown {
			h.set(verdict, evidence)
			break
		}
	}
	return requests
}

// tryHistory looks for any instance at all.
func (h *History) tryHistory(ctx context.Context) (Readability, string, int) {
	if found, err := h.engine.AnyInHistory(ctx); err != nil || !found {
		return Unknown, "", 1
	}
	return Readable, "", 1
}

// tryRunning looks up an instance in history that is running: it is written
// there in the same transaction.
func (h *History) tryRunning(ctx context.Context) (Readability, string, int) {
	id, err := h.engine.AnyRunning(ctx, h.tenants)
	if err != nil || id == "" {
		return Unknown, "", 1
	}
	switch found, err := h.engine.InHistory(ctx, id); {
	case err != nil:
		return Unknown, "", 2
	case found:
		return Readable, "", 2
	}
	return Unreadable, "process instance " + id + " is running, but history does not show it", 2
}

// tryMeter compares history with the engine's own meter of started instances.
// It detects engines whose instances are too short to be found running.
func (h *History) tryMeter(ctx context.Context) (Readability, string, int) {
	n, err := h.engine.RootStarts(ctx)
	if err != nil {
		return Unknown, "", 1
	}
	before, metered := h.meter, h.metered
	h.meter, h.metered = n, true
	switch {
	case n == 0:
		return Empty, "", 1
	case !metered || n <= before:
		return Unknown, "", 1
	}
	switch found, err := h.engine.AnyInHistory(ctx); {
	case err != nil:
		return Unknown, "", 2
	case found:
		return Readable, "", 2
	}
	return Unreadable, "the engine's meter of started instances rises, but history shows none", 2
}
