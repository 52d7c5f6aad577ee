package calendar

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/prometheus/alertmanager/timeinterval"

	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/decide"
)

// limited gives a window a name and limits; 0 is none.
func limited(w Window, name string, low, high int32) Window {
	w.Name = name
	if low > 0 {
		w.Min = &low
	}
	if high > 0 {
		w.Max = &high
	}
	return w
}

const weekdays = "[{weekdays: ['monday:friday']}]"

func TestPossibleLeavesOutWhatIsNeverActiveTogether(t *testing.T) {
	for _, c := range []struct {
		name     string
		calendar Calendar
		want     []decide.Limits
	}{
		{"no calendar", nil, []decide.Limits{limits(2, 4, "", "")}},
		{"one window", Calendar{limited(window(t, "UTC", officeHours), "office", 3, 0)}, []decide.Limits{limits(2, 4, "", ""), limits(3, 4, "office", "")}},
		{
			"the week in two halves, so never the rule's",
			Calendar{limited(window(t, "UTC", weekdays), "week", 0, 8), limited(window(t, "UTC", weekend), "weekend", 1, 1)},
			[]decide.Limits{limits(1, 1, "weekend", "weekend"), limits(2, 8, "", "week")},
		},
		{
			"by the hour",
			Calendar{limited(window(t, "UTC", officeHours), "office", 3, 0), limited(window(t, "UTC", night), "night", 0, 1)},
			[]decide.Limits{limits(2, 4, "", ""), limits(3, 4, "office", ""), limits(1, 1, "", "night")},
		},
		{
			"by the month and by the year",
			Calendar{
				limited(window(t, "UTC", "[{months: [june], years: [2027]}]"), "june", 3, 0),
				limited(window(t, "UTC", "[{months: [july]}]"), "july", 0, 8),
				limited(window(t, "UTC", "[{years: ['2028:2030']}]"), "years", 0, 9),
			},
			[]decide.Limits{limits(2, 4, "", ""), limits(3, 4, "june", ""), limits(2, 8, "", "july"), limits(2, 9, "", "years")},
		},
		{
			"a last day that is a Sunday in February of a leap year",
			Calendar{
				limited(window(t, "UTC", "[{days_of_month: ['29'], months: [february], weekdays: [sunday]}]"), "leap", 3, 0),
				limited(window(t, "UTC", "[{days_of_month: ['-1']}]"), "last", 0, 8),
			},
			[]decide.Limits{limits(2, 4, "", ""), limits(3, 8, "leap", "last"), limits(2, 8, "", "last")},
		},
		{
			"two clocks are independent",
			Calendar{limited(window(t, "UTC", weekdays), "week", 0, 8), limited(window(t, "Europe/Berlin", weekend), "weekend", 1, 1)},
			[]decide.Limits{limits(2, 4, "", ""), limits(1, 8, "weekend", "week"), limits(1, 1, "weekend", "weekend"), limits(2, 8, "", "week")},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := c.calendar.Possible(rule); !slices.Equal(got, c.want) {
				t.Errorf("got %+v, want %+v", got, c.want)
			}
		})
	}
}

// Whatever the calendar: no time has limits that are not possible, and in one
// location each that is possible has a time.
func TestPossibleIsWhatTimesHave(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	for range 60 {
		c := anyCalendar(t, r)
		for i := range c {
			if r.IntN(3) == 0 {
				c[i].Times[0].Months = []timeinterval.MonthRange{{InclusiveRange: timeinterval.InclusiveRange{Begin: 3, End: 3 + r.IntN(9)}}}
			}
			if r.IntN(3) == 0 {
				c[i].Times[0].DaysOfMonth = []timeinterval.DayOfMonthRange{{InclusiveRange: timeinterval.InclusiveRange{Begin: -7, End: -1}}}
			}
		}
		oneClock := r.IntN(2) == 0
		if oneClock {
			for i := range c {
				c[i].Location = time.UTC
			}
		}
		possible := c.Possible(rule)
		without := slices.Clone(possible)
		// Minutes matter only at the windows' edges, and here the years do not.
		for day := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC); day.Year() == 2026; day = day.AddDate(0, 0, 1) {
			edges := []time.Time{day, day.Add(time.Duration(r.IntN(1440)) * time.Minute)}
			for _, w := range c {
				edges = append(edges, day.Add(time.Duration(w.Times[0].Times[0].StartMinute)*time.Minute), day.Add(time.Duration(w.Times[0].Times[0].EndMinute)*time.Minute))
			}
			for _, at := range edges {
				got := c.Limits(rule, at)
				if !slices.Contains(possible, got) {
					t.Fatalf("%+v: %+v at %s is not among %+v", c, got, at, possible)
				}
				without = slices.DeleteFunc(without, func(l decide.Limits) bool { return l == got })
			}
		}
		if oneClock && len(without) > 0 {
			t.Fatalf("%+v: no time has %+v", c, without)
		}
	}
}

func BenchmarkPossible(b *testing.B) {
	c := append(example(b), limited(window(b, "Europe/Berlin", "[{months: [december], days_of_month: ['24:26']}]"), "holidays", 1, 0))
	b.ReportAllocs()
	for b.Loop() {
		c.Possible(rule)
	}
}
