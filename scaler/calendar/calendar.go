// Package calendar has limits on replicas for times of the week and the year. It
// is pure: the time is an argument.
package calendar

import (
	"fmt"
	"slices"
	"time"

	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/decide"
)

// Window is one entry of a calendar: the limits in force while any of its
// times contains the wall clock at its location.
//
// The times are of alertmanager's time_intervals: within one interval all of
// times, weekdays, days_of_month, months and years must contain the instant,
// and the end_time is the first minute outside. None of them goes over
// midnight or over the end of a week, so a window that does needs two:
//
//	times:
//	  - times:
//	      - {start_time: '22:00', end_time: '24:00'}
//	      - {start_time: '00:00', end_time: '06:00'}
//	  - weekdays: [saturday, sunday]
//
// When the clocks go forward, the skipped minutes are never; when they go
// back, the repeated ones come twice.
type Window struct {
	Name     string         // not empty: it names the window in Limits
	Location *time.Location // required; see LoadLocation
	Times    Times          // at least one
	Min, Max *int32         // replicas; nil if the window does not limit them
}

// Active reports whether now is within the window.
func (w Window) Active(now time.Time) bool {
	// The interval gets the wall clock as if it were UTC, where every day has
	// 24 hours: alertmanager v0.34.2 takes the month in which the clocks go
	// forward for a day too short, so that March in Berlin has no 31st
	// (https://github.com/prometheus/alertmanager/pull/5447).
	t := now.In(w.Location)
	wall := time.Date(t.Year(), t.Month(), t.Day(), t.Hour(), t.Minute(), 0, 0, time.UTC)
	return w.Times.contain(wall)
}

// Calendar is a list of windows. An earlier one takes precedence.
type Calendar []Window

// Limits returns what is in force at now: for the minimum and for the maximum
// separately, the first active window that names one decides it, else it is the
// rule's. If they contradict, the maximum wins: Min is then Max, and MinBy still
// names the window that asked for more.
func (c Calendar) Limits(rule decide.Limits, now time.Time) decide.Limits {
	d := deciders{len(c), len(c)}
	for i, w := range slices.Backward(c) { // so that the first one decides
		if w.Min == nil && w.Max == nil || !w.Active(now) {
			continue
		}
		if w.Min != nil {
			d.low = i
		}
		if w.Max != nil {
			d.high = i
		}
	}
	return c.limits(rule, d)
}

// deciders are the indexes of the windows that decide the minimum and the
// maximum; the calendar's length stands for the rule.
type deciders struct{ low, high int }

func (c Calendar) limits(rule decide.Limits, d deciders) decide.Limits {
	in := rule
	if d.low < len(c) {
		in.Min, in.MinBy = *c[d.low].Min, c[d.low].Name
	}
	if d.high < len(c) {
		in.Max, in.MaxBy = *c[d.high].Max, c[d.high].Name
		in.Ceiling = in.Max
	}
	in.Min = min(in.Min, in.Max)
	return in
}

// LoadLocation returns the location of an IANA time zone database's name. The
// database is the machine's, or the one of time/tzdata if the program has it.
func LoadLocation(name string) (*time.Location, error) {
	const want = "want the name of a place in the IANA time zone database, for example Europe/Berlin, or UTC"
	switch name {
	case "":
		return nil, fmt.Errorf("no location: %s", want)
	case "Local":
		return nil, fmt.Errorf("location %q depends on the machine: %s", name, want)
	}
	location, err := time.LoadLocation(name)
	if err != nil {
		return nil, fmt.Errorf("location %q: %w: %s", name, err, want)
	}
	return location, nil
}
