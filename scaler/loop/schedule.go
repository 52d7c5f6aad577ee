package loop

import "time"

// Schedule says on which samples to decide: on one per interval, however often
// there are new ones and however unevenly they come. All its times are those
// of Prometheus's clock. It is a value; its methods are pure.
type Schedule struct {
	Interval time.Duration
	last     time.Time // of the newest sample that was used up
	due      time.Time // when the next sample is expected
	unset    bool      // no sample has set the beat yet
}

// NewSchedule returns a schedule whose first sample is due an interval after
// start: nobody knows what was decided just before.
func NewSchedule(interval time.Duration, start time.Time) Schedule {
	return Schedule{Interval: interval, last: start, due: start.Add(interval), unset: true}
}

// tolerance is by how much a scrape may miss its due time and still belong to
// it.
func (s Schedule) tolerance() time.Duration { return s.Interval / 10 }

// Shortest returns the shortest time between two decisions, and between two
// steps: nine tenths of the interval.
func (s Schedule) Shortest() time.Duration { return s.Interval - s.tolerance() }

// Due reports whether to decide on a sample of that time.
func (s Schedule) Due(ts time.Time) bool {
	return ts.After(s.last) && !ts.Before(s.Opens())
}

// Opens returns the earliest time of a sample that is due. It is never less
// than nine tenths of an interval after the last one.
func (s Schedule) Opens() time.Time {
	beat := s.due
	if least := s.last.Add(s.Interval); least.After(beat) {
		beat = least
	}
	return beat.Add(-s.tolerance())
}

// Use returns the schedule after the sample was used up. A sample near its due
// time leaves the beat as it is, so that jitter does not add up; after any
// other the beat starts again.
func (s Schedule) Use(ts time.Time) Schedule {
	if s.unset || ts.Sub(s.due).Abs() > s.tolerance() {
		s.due = ts.Add(s.Interval)
	} else {
		s.due = s.due.Add(s.Interval)
	}
	s.last, s.unset = ts, false
	return s
}

// Broken reports whether Prometheus's clock was set back so far that no sample
// would be due for more than an interval; then a new schedule is needed.
func (s Schedule) Broken(now time.Time) bool {
	return s.due.Sub(now) > 2*s.Interval
}
