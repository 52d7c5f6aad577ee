package decide

import (
	"time"

	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/sample"
)

// State is what a decision remembers of earlier ones. It is a value: Decide
// returns a new one. Its times are those of Prometheus's clock.
type State struct {
	Start time.Time // when the first decision was possible
	Since time.Time // only a sample from after it may move anything

	steppedUp time.Time // when a step up was last tried, or the start
	idle      time.Time // since when a step down waits for idle Pods; zero if it does not
	last      time.Time // of the newest sample decided on
	broken    time.Time // when data was last missing
	covered   time.Time // since when samples have come without a gap; zero while data is missing
	asks      Action    // what the load asks for
	asked     time.Time // since when, without a break or a step
	triggers  []past    // of the policy's triggers, in their order; never changed
}

// past is what is remembered of one trigger.
type past struct {
	name    string
	last    time.Time // of its newest sample; zero if there was none
	missing time.Time // since when its data has been missing; zero if it is not
}

// NewState is that of a start: samples from before it may have been acted on
// already.
func NewState(now time.Time) State { return State{Start: now, Since: now, steppedUp: now} }

// Acted returns the state after a step was tried, until now: what was scraped
// meanwhile may not show its effect, so it moves nothing again.
func (st State) Acted(now time.Time) State {
	if now.After(st.Since) {
		st.Since = now
	}
	return st
}

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
func (p Policy) observe(d Decision, st State, newest time.Time, complete bool) State {
	gap := p.gap(d, st, newest)
	st.triggers = p.remember(d, st)
	if newest.After(st.last) {
		st.last = newest
	}
	// An expired sample alone is no break: samples may be further apart than
	// they may be old. Whether some were lost shows when the next one comes.
	expired := p.onlyExpired(d.Samples)
	switch {
	case !complete && expired:
	case !complete:
		st.covered, st.broken = time.Time{}, d.Now
	case gap || st.covered.IsZero():
		st.covered = newest
		if st.broken.After(newest) { // a sample from before the hole
			st.covered = st.broken
		}
	}
	switch {
	case !complete && expired && d.Reason == Stale:
	case d.Reason == SampleUsed && !gap: // a sample that was used before says nothing new
	case gap || d.Action != st.asks:
		st.asks, st.asked = d.Action, newest
	}
	return st
}

// onlyExpired reports whether no required data is missing but samples that are
// too old.
func (p Policy) onlyExpired(samples []sample.Result) bool {
	for i, s := range samples {
		if hold := Hold(s); hold != "" && hold != Stale && !p.Triggers[i].Optional {
			return false
		}
	}
	return true
}

// gap reports whether samples were lost since the last decision: of any
// required trigger, or of all together.
func (p Policy) gap(d Decision, st State, newest time.Time) bool {
	if newest.IsZero() {
		return false
	}
	var spacing time.Duration
	for i, s := range d.Samples {
		if Hold(s) != "" {
			continue
		}
		spacing = max(spacing, s.Spacing)
		// The first sample of a trigger that a reload added covers nothing before.
		if last := st.of(p.Triggers[i].Name).last; !p.Triggers[i].Optional && s.Timestamp.Sub(last) > p.gapAfter(s.Spacing) {
			return true
		}
	}
	return newest.Sub(st.last) > p.gapAfter(spacing)
}

// of returns what is remembered of the trigger of that name.
func (st State) of(name string) past {
	for _, t := range st.triggers {
		if t.name == name {
			return t
		}
	}
	return past{name: name}
}

// remember returns what is known of each trigger after the decision.
func (p Policy) remember(d Decision, st State) []past {
	triggers := make([]past, len(p.Triggers))
	for i, s := range d.Samples {
		t := st.of(p.Triggers[i].Name)
		switch {
		case Hold(s) == "":
			t.last, t.missing = s.Timestamp, time.Time{}
		case t.missing.IsZero():
			// Counted from the last sample, which is what it is too old by.
			t.missing = d.Now
			if !t.last.IsZero() {
				t.missing = t.last
			}
			if s.Outcome == sample.Stale && s.Timestamp.After(t.last) {
				t.missing = s.Timestamp
			}
		}
		triggers[i] = t
	}
	return triggers
}

// step remembers that a step was tried: what was scraped until now is used up,
// and the delays are counted again.
func (st State) step(d Decision, newest time.Time) State {
	if newest.After(st.Since) {
		st.Since, st.asked = newest, newest
	} else {
		st.asks = "" // a step to a floor, without a new sample: what comes next counts
	}
	st.idle = time.Time{}
	if d.Action == Up {
		st.steppedUp = d.Now
	}
	return st
}
