// Package pace says when each start is due: spread evenly, so many in every
// interval. It has no clock of its own.
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

// Check says what is wrong with the rate, or returns nil.
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

// Schedule hands out the times at which starts are due. Every time is reckoned
// from one origin rather than from the start before, so that rounding and late
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

// Next returns when the next start is due. It returns false if none ever is,
// because the rate is 0.
func (s *Schedule) Next() (time.Time, bool) {
	if s.rate.Starts == 0 {
		return time.Time{}, false
	}
	steps := float64(s.taken+1) - s.credit
	return s.origin.Add(time.Duration(steps * float64(s.rate.Interval) / float64(s.rate.Starts))), true
}

// Take marks the next start as handed out.
func (s *Schedule) Take() { s.taken++ }

// Skip gives up every start that was due before the given time and returns how
// many these are.
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

// SetRate changes the rate from now on and returns how many starts that were
// due already are given up, so that no backlog is worked off at the new rate.
// The part of a start that the old rate had earned is kept: over any stretch
// of changing rates the number of starts is the rate's integral.
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
