package loop

import (
	"time"

	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/sample"
)

// aim says when to look for a query's next sample: just after it is due, then a
// few times at growing distances until it appears. It is a value; its methods
// are pure. Its times are those of Prometheus's clock.
type aim struct {
	cadence sample.Cadence
	delay   time.Duration // from a sample's time until the next look: it can be read then
	early   time.Duration // from a sample's time until a look that was too early
	ahead   time.Duration // by so much the clock may be, as far as it is worth waiting for
	ageless bool          // each answer is of the moment, so that every look finds a new sample
	first   time.Time     // of the looks
}

// The first distance between two looks for an overdue sample, and the greatest
// while nothing is known of a query's samples.
const (
	firstProbe = 25 * time.Millisecond
	poll       = 500 * time.Millisecond
)

// saw returns the aim after a look that gave that result.
func (a aim) saw(res sample.Result) aim {
	if res.Now.IsZero() {
		return a // no answer
	}
	looked := res.Evaluated
	if looked.IsZero() {
		looked = res.Now
	}
	if a.first.IsZero() {
		a.first = looked
	}
	a.ageless, a.ahead = res.Empty || res.Ageless, min(res.Took, firstProbe)
	if a.ageless || res.Timestamp.IsZero() || res.Timestamp.After(res.Now) {
		return a // no time to learn from
	}
	if before := a.cadence; res.Timestamp.After(before.Last()) && before.Likely() > 0 {
		if before.Looked().After(res.Timestamp) {
			// It was there later than expected. One that is very late says
			// little about the next.
			a.early = before.Looked().Sub(res.Timestamp)
			a.delay = min(looked.Sub(res.Timestamp), 2*a.delay+firstProbe)
		} else {
			// Half way to what is too early, which may not be so any more.
			a.delay = max(0, a.delay+a.early) / 2
			a.early = a.early * 31 / 32
		}
	}
	a.cadence = a.cadence.Observe(res.Timestamp, looked)
	return a
}

// next returns when to look for the first sample from opens on.
func (a aim) next(opens, now time.Time) time.Time {
	spacing := a.cadence.Likely()
	switch {
	case a.ageless:
		return later(opens, now.Add(poll))
	case spacing == 0:
		// Learn, ever more slowly where there is nothing to learn from.
		return now.Add(max(poll, min(now.Sub(a.first)/10, 10*time.Second)))
	}
	last := a.cadence.Last()
	// A scrape may come a little early and still be the one that is due.
	n := max(1, (opens.Sub(last)-spacing/20+spacing-1)/spacing)
	due := last.Add(n*spacing + a.delay + a.ahead)
	if due.After(now) {
		return due
	}
	late := now.Sub(due)
	probe := now.Add(max(firstProbe, late))
	if following := due.Add((late/spacing + 1) * spacing); following.Before(probe) {
		return later(following, now.Add(firstProbe)) // that one is lost
	}
	return probe
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
