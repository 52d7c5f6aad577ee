package pace_test

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/camunda-autoscaler/camunda-autoscaler/starter/pace"
)

var t0 = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

// due takes all starts up to a time and returns when each was due.
func due(s *pace.Schedule, until time.Time) []time.Time {
	var all []time.Time
	for at, ok := s.Next(); ok && !at.After(until); at, ok = s.Next() {
		s.Take()
		all = append(all, at)
	}
	return all
}

func TestStartsAreSpreadEvenly(t *testing.T) {
	for _, c := range []struct {
		rate pace.Rate
		gap  time.Duration
	}{
		{pace.Rate{Starts: 1, Interval: 10 * time.Second}, 10 * time.Second},
		{pace.Rate{Starts: 5, Interval: 10 * time.Second}, 2 * time.Second},
		{pace.Rate{Starts: 120, Interval: 10 * time.Second}, 83333333 * time.Nanosecond},
		{pace.Rate{Starts: 500, Interval: 10 * time.Second}, 20 * time.Millisecond},
		{pace.Rate{Starts: 7, Interval: time.Second}, 142857142 * time.Nanosecond},
		{pace.Rate{Starts: 100_000, Interval: time.Second}, 10 * time.Microsecond},
	} {
		s := pace.New(t0, c.rate)
		last := t0
		for interval := 1; interval <= 3; interval++ {
			end := t0.Add(time.Duration(interval) * c.rate.Interval)
			starts := due(s, end)
			if len(starts) != c.rate.Starts {
				t.Errorf("%s: %d starts in interval %d", c.rate, len(starts), interval)
			}
			for _, at := range starts {
				if off := (at.Sub(last) - c.gap).Abs(); off > 2*time.Nanosecond {
					t.Fatalf("%s: gap of %s, want %s", c.rate, at.Sub(last), c.gap)
				}
				last = at
			}
		}
	}
}

func TestNoStartAtRateZero(t *testing.T) {
	s := pace.New(t0, pace.Rate{Interval: time.Second})
	if at, ok := s.Next(); ok {
		t.Errorf("a start is due at %s", at)
	}
	if n := s.Skip(t0.Add(time.Hour)); n != 0 {
		t.Errorf("%d starts skipped", n)
	}
	s.SetRate(t0.Add(time.Hour), pace.Rate{Starts: 2, Interval: time.Second})
	if at, ok := s.Next(); !ok || at != t0.Add(time.Hour+500*time.Millisecond) {
		t.Errorf("after the rate was set the first start is due at %s, %t", at, ok)
	}
}

func TestRateChangeTakesEffectAtOnce(t *testing.T) {
	slow := pace.Rate{Starts: 1, Interval: 10 * time.Second}
	fast := pace.Rate{Starts: 100, Interval: 10 * time.Second}
	for name, c := range map[string]struct {
		from, to pace.Rate
		at, next time.Duration
	}{
		// Half of the way to a start remains half of the way.
		"up":          {slow, fast, 5 * time.Second, 5*time.Second + 50*time.Millisecond},
		"down":        {fast, slow, 50 * time.Millisecond, 50*time.Millisecond + 5*time.Second},
		"up at once":  {slow, fast, 0, 100 * time.Millisecond},
		"to the same": {fast, fast, 30 * time.Millisecond, 100 * time.Millisecond},
	} {
		s := pace.New(t0, c.from)
		if n := s.SetRate(t0.Add(c.at), c.to); n != 0 {
			t.Errorf("%s: %d starts skipped", name, n)
		}
		if at, _ := s.Next(); (at.Sub(t0) - c.next).Abs() > time.Microsecond {
			t.Errorf("%s: next start after %s, want %s", name, at.Sub(t0), c.next)
		}
	}
}

func TestBacklogIsGivenUp(t *testing.T) {
	rate := pace.Rate{Starts: 100, Interval: 10 * time.Second}
	s := pace.New(t0, rate)
	// Due at 0.1, 0.2 … 29.9 s; the one at 30 s is not before 30 s.
	if n := s.Skip(t0.Add(30 * time.Second)); n != 299 {
		t.Errorf("skipped %d starts, want 299", n)
	}
	if at, _ := s.Next(); at != t0.Add(30*time.Second) {
		t.Errorf("then the next is due after %s, want 30s", at.Sub(t0))
	}
	if n := s.SetRate(t0.Add(60*time.Second), pace.Rate{Starts: 1, Interval: time.Second}); n != 300 {
		t.Errorf("a new rate gave up %d starts, want 300", n)
	}
	if got := len(due(s, t0.Add(63*time.Second))); got < 3 || got > 4 {
		t.Errorf("%d starts in the 3 s after the change to 1/s", got)
	}
}

// However often the rate changes, nothing is lost, nothing comes in a burst:
// the number of starts is the integral of the rate.
func TestStartsAreTheIntegralOfTheRate(t *testing.T) {
	for seed := range uint64(300) {
		rnd := rand.New(rand.NewPCG(seed, 1))
		random := func() pace.Rate {
			return pace.Rate{Starts: rnd.IntN(1000), Interval: time.Duration(1+rnd.IntN(20_000)) * time.Millisecond}
		}
		rate, now := random(), t0
		s := pace.New(now, rate)
		want, got := 0.0, 0
		for range 50 {
			step := time.Duration(rnd.Int64N(int64(3 * time.Second)))
			want += float64(step) * float64(rate.Starts) / float64(rate.Interval)
			now = now.Add(step)
			last := now.Add(-step)
			for _, at := range due(s, now) {
				if at.Before(last) {
					t.Fatalf("seed %d: a start at %s is due before the one at %s", seed, at, last)
				}
				last, got = at, got+1
			}
			rate = random()
			if n := s.SetRate(now, rate); n != 0 {
				t.Fatalf("seed %d: skipped %d starts that were not overdue", seed, n)
			}
			if math.Abs(want-float64(got)) > 1.001 {
				t.Fatalf("seed %d: %d starts, the rate's integral is %.3f", seed, got, want)
			}
		}
	}
}

func TestCheck(t *testing.T) {
	for _, r := range []pace.Rate{{-1, time.Second}, {pace.MaxStarts + 1, time.Second}, {5, 0}, {5, -time.Second}} {
		if r.Check() == nil {
			t.Errorf("%s was accepted", r)
		}
	}
	for _, r := range []pace.Rate{{0, time.Second}, {pace.MaxStarts, time.Millisecond}} {
		if err := r.Check(); err != nil {
			t.Errorf("%s: %v", r, err)
		}
	}
}
