// Package window computes which windows of time to count, and adds up the counts.
// It has no clock and no engine: times and counts come in as arguments.
package window

import "time"

// Resolution is the finest step in which an engine compares start times.
const Resolution = time.Millisecond

// Window is the time from Start up to, but excluding, End. Windows tile: the
// next one starts where this one ends.
type Window struct {
	Start, End time.Time
}

// At returns the latest window of the given length that is complete and
// settled at now: it ends a lag before now, at a whole second.
func At(now time.Time, lag, length time.Duration) Window {
	end := End(now, lag)
	return Window{Start: end.Add(-length), End: end}
}

// End returns where a window ends at now: a lag before it, truncated to a whole
// second, in UTC.
func End(now time.Time, lag time.Duration) time.Time {
	return time.Unix(now.Add(-lag).Unix(), 0).UTC()
}

// Last returns the last instant inside the window at the engine's resolution.
// It is the upper bound for an engine, whose bounds are both inclusive.
func (w Window) Last() time.Time {
	return w.End.Add(-Resolution)
}

// Length returns how long the window is.
func (w Window) Length() time.Duration {
	return w.End.Sub(w.Start)
}
