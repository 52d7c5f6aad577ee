// Package loop runs one target: it waits for a new sample, has it decided on,
// and has the decision carried out.
package loop

import "time"

// Schedule says on which samples to decide: on one per interval, however often
// there are new ones and however unevenly they come. All its times are those
// of Prometheus's clock. It is a value; its methods are pure.
type Schedule struct {
	Interval time.Duration
	last     time.Time // of the newest sample that was used up
	due      time.Time // when the next sample is expected
}

// NewSchedule returns a schedule for which samples are due that are scraped
// after start.
func NewSchedule(interval time.Duration, start time.Time) Schedule {
	return Schedule{Interval: interval, last: start, due: start}
}

// tolerance is by how much a scrape may miss its due time and still belong to
// it.
func (s Schedule) tolerance() time.Duration { return s.Interval / 10 }

// Due reports whether to decide on a sample of that time.
func (s Schedule) Due(ts time.Time) bool {
	return ts.After(s.last) && !ts.Before(s.opens())
}

// opens is the earliest time of a sample that is due.
func (s Schedule) opens() time.Time { return s.due.Add(-s.tolerance()) }

// Use returns the schedule after the sample was used up. A sample near its due
// time leaves the beat as it is, so that jitter does not add up; after any
// other the beat starts anew.
func (s Schedule) Use(ts time.Time) Schedule {
	if ts.Sub(s.due).Abs() <= s.tolerance() {
		s.due = s.due.Add(s.Interval)
	} else {
		s.due = ts.Add(s.Interval)
	}
	s.last = ts
	return s
}

// Wait returns how long to wait until the next look at Prometheus. From the
// earliest time at which a sample can be due on, it is short enough to notice
// one within a second of its scrape.
func (s Schedule) Wait(now time.Time) time.Duration {
	return max(s.opens().Sub(now), s.pollEvery())
}

func (s Schedule) pollEvery() time.Duration { return min(500*time.Millisecond, s.Interval/4) }

// Broken reports whether Prometheus's clock was set back so far that no sample
// would be due for more than an interval; then a new schedule is needed.
func (s Schedule) Broken(now time.Time) bool {
	return s.due.Sub(now) > 2*s.Interval
}
