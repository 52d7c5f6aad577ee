package started

import (
	"context"
	"time"
)

// History says whether an engine's history can be read.
type History int

// What is known of an engine's history. An engine with history level none, and
// one whose user lacks the READ_HISTORY grant, both answer 0 to every count, so
// a 0 alone tells nothing.
const (
	Unknown    History = iota
	Readable           // it has shown an instance
	Unreadable         // it does not show an instance that certainly exists
)

// historyCheckEvery is how often an engine that shows nothing is checked.
const historyCheckEvery = time.Minute

// historyCheck looks for a proof that history can, or cannot, be read.
type historyCheck struct {
	verdict  History
	evidence string // why the verdict is Unreadable

	at        time.Time // when it was made last
	rootSeen  bool      // whether rootStart is set
	rootStart uint64    // what the engine's meter of started instances said then
}

// checkHistory brings the verdict up to date. As long as history shows
// instances it costs nothing; otherwise it is made once a minute. A request
// that fails proves nothing.
func (r *Reader) checkHistory(ctx context.Context, now time.Time) {
	h := &r.history
	all := r.series[0]
	if all.recent > 0 || all.ledger.Shown() > 0 {
		h.verdict, h.evidence = Readable, ""
		return
	}
	if !h.at.IsZero() && now.Sub(h.at) < historyCheckEvery {
		return
	}
	h.at = now
	verdict, evidence := r.tryRunning(ctx)
	if verdict == Unknown {
		verdict, evidence = r.tryMeter(ctx)
	}
	if verdict != Unknown {
		h.verdict, h.evidence = verdict, evidence
	}
}

// tryRunning looks up an instance in history that runs at this moment: it is
// written there in the same transaction as where it runs.
func (r *Reader) tryRunning(ctx context.Context) (History, string) {
	r.asked++
	id, err := r.engine.AnyRunning(ctx, r.options.Tenants)
	if err != nil || id == "" {
		return Unknown, ""
	}
	r.asked++
	switch found, err := r.engine.InHistory(ctx, id); {
	case err != nil:
		return Unknown, ""
	case found:
		return Readable, ""
	}
	return Unreadable, "process instance " + id + " runs, but history does not show it"
}

// tryMeter compares history with the engine's meter of started instances. It
// finds out about engines whose instances are too short to be seen running.
func (r *Reader) tryMeter(ctx context.Context) (History, string) {
	h := &r.history
	r.asked++
	n, err := r.engine.RootStarts(ctx)
	if err != nil {
		return Unknown, ""
	}
	rose := h.rootSeen && n > h.rootStart
	h.rootStart, h.rootSeen = n, true
	if !rose {
		return Unknown, ""
	}
	r.asked++
	switch any, err := r.engine.AnyInHistory(ctx); {
	case err != nil:
		return Unknown, ""
	case any:
		return Readable, ""
	}
	return Unreadable, "the engine's meter says that instances were started, but history shows none at all"
}
