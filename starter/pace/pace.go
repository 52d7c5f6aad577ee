// Package pace computes when each start is due: spread evenly over every
// interval. Times come in as arguments.
package pace

import (
	"fmt"
	"time"
)

// MaxStarts is the highest number of starts in an interval.
const MaxStarts = 1_000_000

// Rate is a number of starts in every interval.
type Rate struct {
	Starts   int           // 0 to MaxStarts; 0 starts nothing
	Interval time.Duration // at least a millisecond
}

// Check returns an error if the rate is out of range.
func (r Rate) Check() error {
	if r.Starts < 0 || r.Starts > MaxStarts {
		return fmt.Errorf("%d starts in an interval: want a whole number from 0 to %d", r.Starts, MaxStarts)
	}
	if r.Interval < time.Millisecond {
		return fmt.Errorf("interval %s: want 1ms or more", r.Interval)
	}
	return nil
}

// String returns, for example, "120 per 10s".
func (r Rate) String() string { return fmt.Sprintf("%d per %s", r.Starts, r.Interval) }

// Schedule hands out the times at which starts are due. Every time is computed
// from one origin, not from the previous start, so that rounding and late
// callers do not add up.
type Schedule struct {
	rate   Rate
	origin time.Time
	credit float64 // part of a start that was earned before origin, in [0, 1)
	taken  int     // starts handed out or skipped since origin
}

// New returns a schedule whose first start is due one even step after now.
func New(now time.Time, r Rate) *Schedule {
	return &Schedule{rate: r, origin: now}
}

// Next returns when the next start is due, or false if the rate is 0.
func (s *Schedule) Next() (time.Time, bool) {
	if s.rate.Starts == 0 {
		return time.Time{}, false
	}
	steps := float64(s.taken+1) - s.credit
	return s.origin.Add(time.Duration(steps * float64(s.rate.Interval) / float64(s.rate.Starts))), true
}

// Take marks the next start as handed out.
func (s *Schedule) Take() { s.taken++ }

// Skip drops every start that was due before the given time and returns how
// many it dropped.
func (s *Schedule) Skip(before time.Time) int {
	// Whole starts before that time; the rounding of Next decides the last one.
	overdue := max(0, int(s.earned(before))-s.taken-1)
	s.taken += overdue
	skipped := overdue
	for due, ok := s.Next(); ok && due.Before(before); due, ok = s.Next() {
		s.taken++
		skipped++
	}
	return skipped
}

// SetRate changes the rate from now on. It returns how many starts that were
// already due it dropped, so that no backlog is worked off at the new rate. The
// fraction of a start that the old rate has earned is kept: the number of starts
// is the integral of the rate.
func (s *Schedule) SetRate(now time.Time, r Rate) (skipped int) {
	skipped = s.Skip(now)
	credit := min(max(s.earned(now)-float64(s.taken), 0), 1)
	*s = Schedule{rate: r, origin: now, credit: credit}
	return skipped
}

// earned returns how many starts, with their fraction, are due from the origin
// to the given time.
func (s *Schedule) earned(at time.Time) float64 {
	return s.credit + float64(at.Sub(s.origin))*float64(s.rate.Starts)/float64(s.rate.Interval)
}
