package window_test

import (
	"testing"
	"time"

	"github.com/camunda-autoscaler/camunda-autoscaler/exporter/window"
)

func at(t *testing.T, s string) time.Time {
	t.Helper()
	when, err := time.Parse(time.RFC3339Nano, s)
	if err != nil {
		t.Fatal(err)
	}
	return when
}

// The window's bounds depend on nothing but the time, the lag and the length.
func TestAt(t *testing.T) {
	for _, test := range []struct {
		name             string
		now              string
		lag, length      time.Duration
		start, last, end string
	}{
		{"on a whole second", "2026-03-01T10:00:20Z", time.Second, 10 * time.Second, "2026-03-01T10:00:09Z", "2026-03-01T10:00:18.999Z", "2026-03-01T10:00:19Z"},
		{"just before the next", "2026-03-01T10:00:20.999999999Z", time.Second, 10 * time.Second, "2026-03-01T10:00:09Z", "2026-03-01T10:00:18.999Z", "2026-03-01T10:00:19Z"},
		{"no lag", "2026-03-01T10:00:20.5Z", 0, time.Second, "2026-03-01T10:00:19Z", "2026-03-01T10:00:19.999Z", "2026-03-01T10:00:20Z"},
		{"a broken lag", "2026-03-01T10:00:20.2Z", 300 * time.Millisecond, time.Second, "2026-03-01T10:00:18Z", "2026-03-01T10:00:18.999Z", "2026-03-01T10:00:19Z"},
		{"another zone", "2026-03-01T12:00:20.5+05:30", time.Second, time.Minute, "2026-03-01T06:29:19Z", "2026-03-01T06:30:18.999Z", "2026-03-01T06:30:19Z"},
		{"over a year's end", "2027-01-01T00:00:03Z", time.Second, 10 * time.Second, "2026-12-31T23:59:52Z", "2027-01-01T00:00:01.999Z", "2027-01-01T00:00:02Z"},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := window.At(at(t, test.now), test.lag, test.length)
			if !w.Start.Equal(at(t, test.start)) || !w.Last().Equal(at(t, test.last)) || !w.End.Equal(at(t, test.end)) {
				t.Errorf("got %v .. %v, end %v", w.Start, w.Last(), w.End)
			}
			if w.Length() != test.length || w.End.Location() != time.UTC {
				t.Errorf("got a length of %v in %v", w.Length(), w.End.Location())
			}
		})
	}
}
