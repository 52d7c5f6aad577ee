package window

import (
	"slices"
	"time"
)

// Ledger adds up how many instances there were since it was opened, each one
// once, from counts of an engine's history.
//
// New time is counted in contiguous windows (Next, Advance). An instance
// becomes visible only when its transaction commits, but with its original
// start time, so a window that was counted may hold more later on. The counted
// time is therefore kept open in segments that are counted again as a whole
// (Open, Recount); what a recount finds on top is added. A segment is closed
// by the first recount that is made a horizon after the segment's end.
//
// A recount may also find fewer, when history was deleted. What was counted
// stays counted, and the segment continues from the smaller number, so that
// later starts are still found. Only if history is deleted and instances become
// visible between two counts of the same segment do the two cancel out.
type Ledger struct {
	horizon  time.Duration
	end      time.Time
	total    uint64
	segments []segment // contiguous, oldest first; the last one may grow
	next     int       // index of the segment to be recounted next
}

type segment struct {
	Window
	seen uint64 // how many instances the engine is known to show
}

// NewLedger opens a ledger at start. Instances that become visible up to a
// horizon after their start time are found.
func NewLedger(start time.Time, horizon time.Duration) *Ledger {
	return &Ledger{horizon: horizon, end: start}
}

// Total returns how many instances were counted since the ledger was opened.
func (l *Ledger) Total() uint64 {
	return l.total
}

// Shown returns how many instances the engine is known to show in the time that
// is still open.
func (l *Ledger) Shown() uint64 {
	var n uint64
	for _, s := range l.segments {
		n += s.seen
	}
	return n
}

// Next returns the window up to end that has not been counted yet, and false
// if there is none.
func (l *Ledger) Next(end time.Time) (Window, bool) {
	return Window{Start: l.end, End: end}, end.After(l.end)
}

// Advance adds the count of the window that Next returned for end.
func (l *Ledger) Advance(end time.Time, count uint64) {
	w, ok := l.Next(end)
	if !ok {
		return
	}
	l.end = end
	l.total += count
	if n := len(l.segments); n > 0 && l.segments[n-1].Length() < l.horizon {
		grown := &l.segments[n-1]
		grown.End = end
		grown.seen += count
		return
	}
	l.segments = append(l.segments, segment{Window: w, seen: count})
}

// Open returns the window that is next to be counted again. It returns false if
// nothing has been counted yet.
func (l *Ledger) Open() (Window, bool) {
	if len(l.segments) == 0 {
		return Window{}, false
	}
	return l.segments[l.next].Window, true
}

// Recount takes a new count of a window that Open returned. It returns how many
// instances had become visible late, and how many had vanished.
func (l *Ledger) Recount(w Window, count uint64) (late, vanished uint64) {
	i := slices.IndexFunc(l.segments, func(s segment) bool { return s.Window == w })
	if i < 0 {
		return 0, 0 // closed or grown since: this count belongs to nothing
	}
	s := &l.segments[i]
	if count > s.seen {
		late = count - s.seen
	} else {
		vanished = s.seen - count
	}
	l.total += late
	s.seen = count
	l.next = i + 1
	if !l.end.Before(s.End.Add(l.horizon)) {
		l.segments = slices.Delete(l.segments, i, i+1)
		l.next = i
	}
	if l.next >= len(l.segments) {
		l.next = 0 // not later, or a segment that is added meanwhile would jump the queue
	}
	return late, vanished
}
