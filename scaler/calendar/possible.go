package calendar

import (
	"cmp"
	"slices"
	"time"

	"github.com/prometheus/alertmanager/timeinterval"

	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/decide"
)

// Possible returns all limits that the calendar can put in force, those that
// the rule alone decides first.
//
// Windows of one location are compared minute by minute, so that windows that
// are never active together are not combined. (A minute that a clock change
// skips counts as one that there is.) The clocks of different locations are
// taken as independent: each state of the one is combined with each of the
// other, so some limits may be returned that no instant has.
func (c Calendar) Possible(rule decide.Limits) []decide.Limits {
	byLocation := map[string][]int{}
	for i, w := range c {
		byLocation[w.Location.String()] = append(byLocation[w.Location.String()], i)
	}
	none := deciders{len(c), len(c)}
	all := map[deciders]bool{none: true}
	for _, windows := range byLocation {
		combined := map[deciders]bool{}
		for here := range c.together(windows) {
			for there := range all {
				combined[deciders{min(here.low, there.low), min(here.high, there.high)}] = true
			}
		}
		all = combined
	}
	order := make([]deciders, 0, len(all))
	for d := range all {
		order = append(order, d)
	}
	slices.SortFunc(order, func(a, b deciders) int {
		switch {
		case a == b:
			return 0
		case a == none:
			return -1
		case b == none:
			return 1
		}
		return cmp.Or(cmp.Compare(a.low, b.low), cmp.Compare(a.high, b.high))
	})
	possible := make([]decide.Limits, 0, len(order))
	for _, d := range order {
		possible = append(possible, c.limits(rule, d))
	}
	return possible
}

// together returns which of the windows, which share a location, decide at each
// minute there can be.
func (c Calendar) together(windows []int) map[deciders]bool {
	var days []timeinterval.TimeInterval // the windows' intervals without their minutes
	minutes, years, dated := []int{0}, []int{1}, false
	for _, i := range windows {
		for _, interval := range c[i].Times {
			for _, r := range interval.Times {
				minutes = append(minutes, r.StartMinute, r.EndMinute%(24*60))
			}
			for _, r := range interval.Years {
				years = append(years, r.Begin, r.End+1)
			}
			dated = dated || interval.DaysOfMonth != nil || interval.Months != nil || interval.Years != nil
			interval.Times = nil
			days = append(days, interval)
		}
	}
	minutes, years = unique(minutes), unique(years)

	found := map[deciders]bool{}
	seen := map[string]bool{} // which of days contain a date, one byte each
	key := make([]byte, len(days))
	for i, first := range years {
		next := first + 10_000
		if i+1 < len(years) {
			next = years[i+1]
		}
		const all = 14 // years that differ: by the weekday of their first day, and of their last
		kinds := map[[2]time.Weekday]bool{}
		for year := first; year < next && len(kinds) < all; year++ {
			day, end := time.Date(year, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(year+1, 1, 1, 0, 0, 0, 0, time.UTC)
			kind := [2]time.Weekday{day.Weekday(), end.Weekday()}
			if kinds[kind] {
				continue
			}
			kinds[kind] = true
			for ; day.Before(end); day = day.AddDate(0, 0, 1) {
				for j, interval := range days {
					key[j] = '-'
					if interval.ContainsTime(day) {
						key[j] = '+'
					}
				}
				if seen[string(key)] {
					continue
				}
				seen[string(key)] = true
				for _, minute := range minutes {
					found[c.decidersAt(windows, day.Add(time.Duration(minute)*time.Minute))] = true
				}
			}
			if !dated {
				break // a year is like any other
			}
		}
	}
	return found
}

// decidersAt returns which of the windows decide when their clock shows wall, a
// time in UTC.
func (c Calendar) decidersAt(windows []int, wall time.Time) deciders {
	d := deciders{len(c), len(c)}
	for _, i := range slices.Backward(windows) {
		w := c[i]
		if !w.Times.contain(wall) {
			continue
		}
		if w.Min != nil {
			d.low = i
		}
		if w.Max != nil {
			d.high = i
		}
	}
	return d
}

func unique(numbers []int) []int {
	slices.Sort(numbers)
	return slices.Compact(numbers)
}
