package loop

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"
)

var start = time.Unix(1_700_000_000, 0)

// used returns those samples that a schedule decides on.
func used(s Schedule, samples []time.Time) []time.Time {
	var u []time.Time
	for _, ts := range samples {
		if s.Due(ts) {
			s = s.Use(ts)
			u = append(u, ts)
		}
	}
	return u
}

// However often samples come, and however unevenly within a twentieth of the
// interval, there is one decision per interval and none is left out.
func TestOneDecisionPerInterval(t *testing.T) {
	const interval = 10 * time.Second
	for _, scrape := range []time.Duration{500 * time.Millisecond, time.Second, 2 * time.Second, 5 * time.Second, 10 * time.Second} {
		t.Run(fmt.Sprint("scrape every ", scrape), func(t *testing.T) {
			for seed := range uint64(300) {
				random := rand.New(rand.NewPCG(seed, 0))
				jitter := min(interval/20, scrape/3)
				var samples []time.Time
				for at := start.Add(time.Duration(random.Int64N(int64(interval)))); at.Before(start.Add(30 * time.Minute)); at = at.Add(scrape) {
					samples = append(samples, at.Add(time.Duration(random.Int64N(int64(2*jitter)))-jitter))
				}
				u := used(NewSchedule(interval, start), samples)
				// The first decision may come up to three intervals after the start.
				if n := len(u); n < 30*6-3 || n > 30*6+1 {
					t.Fatalf("seed %d: %d decisions in half an hour, want one each 10 s", seed, n)
				}
				for i := 1; i < len(u); i++ {
					gap := u[i].Sub(u[i-1])
					if gap < interval-interval/10 || gap > interval+interval/5+scrape*boolInt(scrape < interval) {
						t.Fatalf("seed %d: %s between decisions %d and %d", seed, gap, i-1, i)
					}
				}
			}
		})
	}
}

func boolInt(b bool) time.Duration {
	if b {
		return 1
	}
	return 0
}

// Slower scrapes than the interval: every sample is decided on.
func TestEverySampleOfASlowScrape(t *testing.T) {
	var samples []time.Time
	for i := range 100 {
		samples = append(samples, start.Add(time.Duration(i+1)*30*time.Second))
	}
	if u := used(NewSchedule(10*time.Second, start), samples); len(u) != len(samples) {
		t.Errorf("%d decisions on %d samples", len(u), len(samples))
	}
}

func TestNoSampleIsUsedTwice(t *testing.T) {
	s := NewSchedule(10*time.Second, start)
	ts := start.Add(13 * time.Second)
	if !s.Due(ts) {
		t.Fatal("the first new sample is not due")
	}
	s = s.Use(ts)
	for _, again := range []time.Time{ts, ts.Add(-time.Second), ts.Add(8 * time.Second)} {
		if s.Due(again) {
			t.Errorf("a sample %s later is due", again.Sub(ts))
		}
	}
	if !s.Due(ts.Add(9 * time.Second)) {
		t.Error("a sample 9 s later is not due")
	}
}

// After a start nobody knows what was decided just before, on samples that are
// there already or on one that came a moment ago.
func TestTheFirstSampleIsDueAnIntervalAfterTheStart(t *testing.T) {
	s := NewSchedule(10*time.Second, start)
	for _, c := range []struct {
		after time.Duration
		want  bool
	}{{-time.Second, false}, {0, false}, {time.Millisecond, false}, {9*time.Second - 1, false}, {9 * time.Second, true}, {time.Minute, true}} {
		if got := s.Due(start.Add(c.after)); got != c.want {
			t.Errorf("a sample %s after the start: due is %v, want %v", c.after, got, c.want)
		}
	}
}

func TestBroken(t *testing.T) {
	s := NewSchedule(10*time.Second, start).Use(start.Add(time.Second))
	if s.Broken(start.Add(time.Second)) || s.Broken(start.Add(-8*time.Second)) {
		t.Error("broken by a small step of the clock")
	}
	if !s.Broken(start.Add(-time.Hour)) {
		t.Error("not broken by a clock that was set back an hour")
	}
}
