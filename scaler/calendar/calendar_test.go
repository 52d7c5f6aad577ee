package calendar

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"
	_ "time/tzdata" // the tests are about certain days, whatever the machine knows of them

	"github.com/prometheus/alertmanager/timeinterval"

	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/decide"
)

func location(t testing.TB, name string) *time.Location {
	t.Helper()
	l, err := LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// window is active at the times, which are YAML.
func window(t testing.TB, place, times string) Window {
	t.Helper()
	return Window{Name: "window", Location: location(t, place), Times: parse(t, times)}
}

// instant reads a time with its offset, so that it is clear which of two 02:30
// is meant.
func instant(t testing.TB, text string) time.Time {
	t.Helper()
	at, err := time.Parse("2006-01-02 15:04:05 -0700", text)
	if err != nil {
		t.Fatal(err)
	}
	return at
}

func TestActive(t *testing.T) {
	for _, c := range []struct {
		place, times string
		at           string
		want         bool
	}{
		{"Europe/Berlin", officeHours, "2026-06-01 07:59:59 +0200", false}, // a Monday
		{"Europe/Berlin", officeHours, "2026-06-01 08:00:00 +0200", true},
		{"Europe/Berlin", officeHours, "2026-06-01 17:59:59 +0200", true},
		{"Europe/Berlin", officeHours, "2026-06-01 18:00:00 +0200", false}, // the end is outside
		{"Europe/Berlin", officeHours, "2026-06-05 12:00:00 +0200", true},  // Friday
		{"Europe/Berlin", officeHours, "2026-06-06 12:00:00 +0200", false}, // Saturday
		// The location's clock counts, not that of the time.
		{"Europe/Berlin", officeHours, "2026-06-01 06:00:00 +0000", true},
		{"Europe/Berlin", officeHours, "2026-12-01 06:59:59 +0000", false},
		{"Europe/Berlin", officeHours, "2026-12-01 07:00:00 +0000", true},
		{"Asia/Kolkata", officeHours, "2026-06-01 02:29:59 +0000", false}, // half an hour off
		{"Asia/Kolkata", officeHours, "2026-06-01 02:30:00 +0000", true},
		{"Asia/Kolkata", officeHours, "2026-12-01 02:30:00 +0000", true}, // and always
		{"Asia/Tokyo", officeHours, "2026-05-31 23:00:00 +0000", true},   // Monday there, Sunday here
		{"UTC", officeHours, "2026-06-01 08:00:00 +0000", true},

		{"UTC", weekend, "2026-06-05 23:59:59 +0000", false},
		{"UTC", weekend, "2026-06-06 00:00:00 +0000", true},
		{"UTC", weekend, "2026-06-07 00:00:00 +0000", true}, // from one of the two entries to the other
		{"UTC", weekend, "2026-06-07 23:59:59 +0000", true},
		{"UTC", weekend, "2026-06-08 00:00:00 +0000", false},

		{"UTC", night, "2026-06-06 21:59:59 +0000", false},
		{"UTC", night, "2026-06-06 22:00:00 +0000", true},
		{"UTC", night, "2026-06-06 23:59:59 +0000", true}, // 24:00 is the end of the day
		{"UTC", night, "2026-06-07 00:00:00 +0000", true}, // and 00:00 the start of the next
		{"UTC", night, "2026-06-07 05:59:59 +0000", true},
		{"UTC", night, "2026-06-07 06:00:00 +0000", false},

		// The clocks go forward: there is no 02:30.
		{"Europe/Berlin", twoToThree, "2026-03-29 01:59:59 +0100", false},
		{"Europe/Berlin", twoToThree, "2026-03-29 03:00:00 +0200", false}, // a second later
		{"America/New_York", twoToThree, "2026-03-08 01:59:59 -0500", false},
		{"America/New_York", twoToThree, "2026-03-08 03:00:00 -0400", false},
		{"Australia/Lord_Howe", twoToThree, "2026-10-04 01:59:59 +1030", false},
		{"Australia/Lord_Howe", twoToThree, "2026-10-04 02:30:00 +1100", true}, // half of it
		{"Australia/Lord_Howe", twoToThree, "2026-10-04 03:00:00 +1100", false},
		// The clocks go back: 02:30 in Berlin comes twice, 01:30 elsewhere.
		{"Europe/Berlin", twoToThree, "2026-10-25 01:59:59 +0200", false},
		{"Europe/Berlin", twoToThree, "2026-10-25 02:30:00 +0200", true},
		{"Europe/Berlin", twoToThree, "2026-10-25 02:00:00 +0100", true},
		{"Europe/Berlin", twoToThree, "2026-10-25 02:59:59 +0100", true},
		{"Europe/Berlin", twoToThree, "2026-10-25 03:00:00 +0100", false},
		{"America/New_York", twoToThree, "2026-11-01 01:59:59 -0400", false},
		{"America/New_York", twoToThree, "2026-11-01 01:30:00 -0500", false},
		{"America/New_York", twoToThree, "2026-11-01 02:00:00 -0500", true},
		{"Australia/Lord_Howe", twoToThree, "2026-04-05 01:59:59 +1100", false},
		{"Australia/Lord_Howe", twoToThree, "2026-04-05 01:30:00 +1030", false},
		{"Australia/Lord_Howe", twoToThree, "2026-04-05 02:00:00 +1030", true},
		{"Asia/Kolkata", twoToThree, "2026-03-29 02:30:00 +0530", true},

		{"Europe/Berlin", "[{months: ['december', 'january:february']}]", "2026-12-31 23:59:59 +0100", true},
		{"Europe/Berlin", "[{months: ['december', 'january:february']}]", "2026-03-01 00:00:00 +0100", false},
		{"Europe/Berlin", "[{years: [2027]}]", "2026-12-31 23:59:59 +0100", false},
		{"Europe/Berlin", "[{years: [2027]}]", "2026-12-31 23:00:00 +0000", true},
	} {
		if got := window(t, c.place, c.times).Active(instant(t, c.at)); got != c.want {
			t.Errorf("%s %s at %s: got %v, want %v", c.place, c.times, c.at, got, c.want)
		}
	}
}

// A month in which the clocks change has all its days.
func TestDaysOfTheMonth(t *testing.T) {
	for _, place := range []string{"Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata", "UTC"} {
		l := location(t, place)
		for _, times := range []string{"[{days_of_month: ['-1']}]", "[{days_of_month: [1]}]", "[{days_of_month: ['1:31']}]"} {
			w := window(t, place, times)
			for day := time.Date(2026, 1, 1, 12, 0, 0, 0, l); day.Year() < 2029; day = day.AddDate(0, 0, 1) {
				want := map[string]bool{
					"[{days_of_month: ['-1']}]":   day.AddDate(0, 0, 1).Day() == 1,
					"[{days_of_month: [1]}]":      day.Day() == 1,
					"[{days_of_month: ['1:31']}]": true,
				}[times]
				if got := w.Active(day); got != want {
					t.Errorf("%s at %s: got %v, want %v", times, day, got, want)
				}
			}
		}
	}
}

// How long windows are, in minutes, on days that are not 24 hours long.
func TestMinutesOnDaysWithAClockChange(t *testing.T) {
	for _, c := range []struct {
		place, date string
		times       string
		minutes     int
	}{
		{"Europe/Berlin", "2026-03-29", "[{weekdays: [sunday]}]", 23 * 60},
		{"Europe/Berlin", "2026-03-29", twoToThree, 0},
		{"Europe/Berlin", "2026-03-29", night, 7 * 60},
		{"Europe/Berlin", "2026-03-28", twoToThree, 60},
		{"Europe/Berlin", "2026-10-25", "[{weekdays: [sunday]}]", 25 * 60},
		{"Europe/Berlin", "2026-10-25", twoToThree, 120},
		{"Europe/Berlin", "2026-10-25", night, 9 * 60},
		{"America/New_York", "2026-03-08", "[{weekdays: [sunday]}]", 23 * 60},
		{"America/New_York", "2026-03-08", twoToThree, 0},
		{"America/New_York", "2026-11-01", "[{weekdays: [sunday]}]", 25 * 60},
		{"America/New_York", "2026-11-01", twoToThree, 60},
		{"America/New_York", "2026-11-01", "[{times: [{start_time: '01:00', end_time: '02:00'}]}]", 120},
		{"Australia/Lord_Howe", "2026-10-04", "[{weekdays: [sunday]}]", 23*60 + 30},
		{"Australia/Lord_Howe", "2026-10-04", twoToThree, 30},
		{"Australia/Lord_Howe", "2026-04-05", "[{weekdays: [sunday]}]", 24*60 + 30},
		{"Australia/Lord_Howe", "2026-04-05", "[{times: [{start_time: '01:00', end_time: '02:00'}]}]", 90},
		{"Asia/Kolkata", "2026-03-29", "[{weekdays: [sunday]}]", 24 * 60},
		{"Asia/Kolkata", "2026-03-29", twoToThree, 60},
	} {
		w := window(t, c.place, c.times)
		day, err := time.ParseInLocation(time.DateOnly, c.date, w.Location)
		if err != nil {
			t.Fatal(err)
		}
		minutes := 0
		for at := day; at.Before(day.AddDate(0, 0, 1)); at = at.Add(time.Minute) {
			if w.Active(at) {
				minutes++
			}
		}
		if minutes != c.minutes {
			t.Errorf("%s on %s, %s: %d minutes, want %d", c.place, c.date, c.times, minutes, c.minutes)
		}
	}
}

// A minimum of 3 on weekdays from 08 to 18, and of 1 at weekends; the rule's
// otherwise.
func example(t testing.TB) Calendar {
	office, weekend := window(t, "Europe/Berlin", officeHours), window(t, "Europe/Berlin", weekend)
	office.Name, office.Min = "office hours", new(int32(3))
	weekend.Name, weekend.Min = "weekend", new(int32(1))
	return Calendar{office, weekend}
}

var rule = decide.Limits{Min: 2, Max: 4}

func TestExample(t *testing.T) {
	for at, want := range map[string]decide.Limits{
		"2026-03-27 07:59:59 +0100": {Min: 2, Max: 4},
		"2026-03-27 08:00:00 +0100": {Min: 3, Max: 4, MinBy: "office hours"},
		"2026-03-27 18:00:00 +0100": {Min: 2, Max: 4},
		"2026-03-28 08:00:00 +0100": {Min: 1, Max: 4, MinBy: "weekend"},
		"2026-03-29 23:59:59 +0200": {Min: 1, Max: 4, MinBy: "weekend"},
		"2026-03-30 00:00:00 +0200": {Min: 2, Max: 4},
		"2026-03-30 06:00:00 +0000": {Min: 3, Max: 4, MinBy: "office hours"}, // an hour earlier than the Friday before, for UTC
		"2026-10-26 07:00:00 +0000": {Min: 3, Max: 4, MinBy: "office hours"},
	} {
		if got := example(t).Limits(rule, instant(t, at)); got != want {
			t.Errorf("at %s: got %+v, want %+v", at, got, want)
		}
	}
}

// limits are those in force, and the windows that decide them.
func limits(low, high int32, minBy, maxBy string) decide.Limits {
	l := decide.Limits{Min: low, Max: high, MinBy: minBy, MaxBy: maxBy}
	if maxBy != "" {
		l.Ceiling = high
	}
	return l
}

func TestTheFirstActiveWindowThatNamesALimitDecidesIt(t *testing.T) {
	always := parse(t, "[{times: [{start_time: '00:00', end_time: '24:00'}]}]")
	never := parse(t, "[{years: [1999]}]")
	entry := func(name string, times Times, low, high *int32) Window {
		return Window{Name: name, Location: time.UTC, Times: times, Min: low, Max: high}
	}
	n := func(n int32) *int32 { return &n }
	for name, c := range map[string]struct {
		calendar Calendar
		want     decide.Limits
	}{
		"none":                         {nil, limits(2, 4, "", "")},
		"not active":                   {Calendar{entry("a", never, n(3), n(3))}, limits(2, 4, "", "")},
		"a floor":                      {Calendar{entry("a", always, n(3), nil)}, limits(3, 4, "a", "")},
		"a ceiling":                    {Calendar{entry("a", always, nil, n(8))}, limits(2, 8, "", "a")},
		"both":                         {Calendar{entry("a", always, n(6), n(8))}, limits(6, 8, "a", "a")},
		"the earlier one":              {Calendar{entry("a", always, n(3), n(3)), entry("b", always, n(1), n(9))}, limits(3, 3, "a", "a")},
		"the earlier one that is":      {Calendar{entry("a", never, n(3), n(3)), entry("b", always, n(1), n(9))}, limits(1, 9, "b", "b")},
		"each limit apart":             {Calendar{entry("a", always, n(3), nil), entry("b", always, n(1), n(9))}, limits(3, 9, "a", "b")},
		"a window without a say":       {Calendar{entry("a", always, nil, nil), entry("b", always, n(1), nil)}, limits(1, 4, "b", "")},
		"floor above the rule's max":   {Calendar{entry("a", always, n(6), nil)}, limits(4, 4, "a", "")},
		"ceiling below the rule's min": {Calendar{entry("a", always, nil, n(1))}, limits(1, 1, "", "a")},
		"two that contradict":          {Calendar{entry("a", always, n(7), nil), entry("b", always, nil, n(5))}, limits(5, 5, "a", "b")},
		"the rule's own number":        {Calendar{entry("a", always, n(2), n(4))}, limits(2, 4, "a", "a")},
	} {
		if got := c.calendar.Limits(rule, time.Unix(0, 0)); got != c.want {
			t.Errorf("%s: got %+v, want %+v", name, got, c.want)
		}
	}
}

var places = []string{"UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata", "Asia/Tokyo", "Australia/Lord_Howe"}

// anyCalendar is a calendar with up to five windows.
func anyCalendar(t testing.TB, r *rand.Rand) Calendar {
	limit := func() *int32 {
		if r.IntN(3) == 0 {
			return nil
		}
		return new(r.Int32N(10))
	}
	var c Calendar
	for i := range r.IntN(6) {
		start, day := r.IntN(1440), r.IntN(7)
		end, lastDay := start+1+r.IntN(1440-start), day+r.IntN(7-day)
		c = append(c, Window{
			Name:     fmt.Sprint("window ", i),
			Location: location(t, places[r.IntN(len(places))]),
			Times: Times{{
				Times:    []timeinterval.TimeRange{{StartMinute: start, EndMinute: end}},
				Weekdays: []timeinterval.WeekdayRange{{InclusiveRange: timeinterval.InclusiveRange{Begin: day, End: lastDay}}},
			}},
			Min: limit(), Max: limit(),
		})
	}
	return c
}

// Whatever the calendar and the time: each limit is one that a
// window or the rule names, the windows that decide are active and name it, and
// no earlier active window does.
func TestLimitsAreOfThoseNamed(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 20_000 {
		c, rule := anyCalendar(t, r), decide.Limits{Min: r.Int32N(5), Max: 5 + r.Int32N(5)}
		now := time.Unix(1_767_225_600+r.Int64N(3*366*86400), 0) // 2026 to 2028
		got := c.Limits(rule, now)

		first := func(limit func(Window) *int32, otherwise int32) (int32, string) {
			for _, w := range c {
				if limit(w) != nil && w.Active(now) {
					return *limit(w), w.Name
				}
			}
			return otherwise, ""
		}
		high, ceiling := first(func(w Window) *int32 { return w.Max }, rule.Max)
		low, floor := first(func(w Window) *int32 { return w.Min }, rule.Min)
		if got.Max != high || got.MaxBy != ceiling || got.MinBy != floor || (got.Ceiling == got.Max) != (ceiling != "") || got.Min != low && got.Min != high || got.Min > got.Max || got.Min > low {
			t.Fatalf("%+v with %+v at %s: got %+v, want %d (%s) to %d (%s)", c, rule, now, got, low, floor, high, ceiling)
		}
	}
}

func TestLoadLocation(t *testing.T) {
	for _, name := range append(places, "America/Argentina/Ushuaia", "Etc/GMT+5") {
		if l, err := LoadLocation(name); err != nil || l.String() != name {
			t.Errorf("%s: got %v, %v", name, l, err)
		}
	}
	for name, want := range map[string]string{
		"":              "no location: want the name",
		"Local":         `location "Local" depends on the machine: want the name`,
		"Europe/Berln":  `location "Europe/Berln": unknown time zone Europe/Berln: want the name`,
		"Europe":        `location "Europe": `,
		"../etc/passwd": `location "../etc/passwd": time: invalid location name: want the name`,
		"CEST":          `location "CEST": unknown time zone CEST: want the name`,
		"+02:00":        `location "+02:00": unknown time zone +02:00: want the name`,
	} {
		if l, err := LoadLocation(name); err == nil || !strings.HasPrefix(err.Error(), want) || !strings.Contains(err.Error(), "for example Europe/Berlin") {
			t.Errorf("%q: got %v, %v, want %s...", name, l, err, want)
		}
	}
}

func BenchmarkLimits(b *testing.B) {
	c, now := example(b), time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)
	b.ReportAllocs()
	for b.Loop() {
		c.Limits(rule, now)
	}
}
