package decide

import (
	"time"

	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/sample"
)

// State is what a decision remembers of those before. It is a value: Decide
// returns a new one. Its times are those of Prometheus's clock.
type State struct {
	Start time.Time // when the first decision was possible
	Since time.Time // only a sample from after it may move anything

	last    time.Time            // of the newest sample decided on
	broken  time.Time            // when samples were last missing
	covered time.Time            // since when samples have come without a gap; zero while some are missing
	asks    Action               // what the load asks for
	asked   time.Time            // since when, without a break or a step
	missing map[string]time.Time // since when a trigger with a fallback has had no data, by its name; never changed
}

// NewState is that of a start: what was scraped before may have been acted on
// already.
func NewState(now time.Time) State { return State{Start: now, Since: now} }

// Newest is the time of the newest usable sample; zero if there is none.
func Newest(samples []sample.Result) time.Time {
	var at time.Time
	for _, s := range samples {
		if Hold(s) == "" && s.Timestamp.After(at) {
			at = s.Timestamp
		}
	}
	return at
}

// observe remembers which samples came, and what the load asks for.
func (p Policy) observe(in Input, st State, newest time.Time, complete bool, d Decision) State {
	st.missing = p.missing(in, st)
	gap := false
	if !newest.IsZero() {
		gap = newest.Sub(st.last) > p.MaxAge(0)
		st.last = newest
	}
	switch {
	case !complete:
		st.covered, st.broken = time.Time{}, in.Now
	case gap || st.covered.IsZero():
		st.covered = newest
		if st.broken.After(newest) { // a sample from before the hole
			st.covered = st.broken
		}
	}
	// A sample that was used before says nothing new.
	if gap || d.Action != st.asks && d.Reason != SampleUsed {
		st.asks, st.asked = d.Action, newest
	}
	return st
}

// missing is since when the triggers with a fallback have had no data.
func (p Policy) missing(in Input, st State) map[string]time.Time {
	var missing map[string]time.Time
	for i, t := range p.Triggers {
		if t.OnNoData != FallbackOnNoData || Hold(in.Samples[i]) == "" {
			continue
		}
		since, ok := st.missing[t.Name]
		if !ok {
			since = in.Now
		}
		if missing == nil {
			missing = map[string]time.Time{}
		}
		missing[t.Name] = since
	}
	return missing
}

// step remembers that a step was tried: what was scraped until now is used up,
// and the delays are counted anew.
func (st State) step(newest time.Time) State {
	if newest.After(st.Since) {
		st.Since = newest
	}
	st.asked = st.Since
	return st
}
