package sample

import (
	"math/rand/v2"
	"testing"
	"time"
)

var start = time.Unix(1_700_000_000, 0)

func TestCadence(t *testing.T) {
	const s = time.Second
	for _, c := range []struct {
		name         string
		at           []time.Duration // of the samples; each is seen as soon as it is there
		want, likely time.Duration
	}{
		{"nothing", nil, 0, 0},
		{"one sample", []time.Duration{0}, 0, 0},
		{"two samples", []time.Duration{0, 10 * s}, 0, 10 * s},
		{"three samples", []time.Duration{0, 10 * s, 20 * s}, 10 * s, 10 * s},
		{"the end of an outage first", []time.Duration{0, 250 * s, 260 * s}, 10 * s, 10 * s},
		{"two outages soon after the start", []time.Duration{0, 250 * s, 260 * s, 320 * s}, 10 * s, 10 * s},
		{"a lost scrape", []time.Duration{0, 10 * s, 20 * s, 40 * s, 50 * s}, 10 * s, 10 * s},
		{"jitter", []time.Duration{0, 10*s + 3, 20*s - 3, 30 * s, 40 * s, 50 * s}, 10 * s, 10 * s},
		{"seen again", []time.Duration{0, 10 * s, 10 * s, 10 * s, 20 * s}, 10 * s, 10 * s},
		{"an older one in between", []time.Duration{0, 10 * s, 7 * s, 20 * s}, 10 * s, 10 * s},
		{"slower than the bound", []time.Duration{0, 20 * 60 * s, 40 * 60 * s}, MaxSpacing, MaxSpacing},
		{"a clock set back", []time.Duration{0, 10 * s, 20 * s, -time.Hour, -time.Hour + 30*s, -time.Hour + 60*s}, 30 * s, 30 * s},
		{"a clock set back, one sample", []time.Duration{0, 10 * s, 20 * s, -time.Hour}, 0, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			var got Cadence
			for _, at := range c.at {
				got = got.Observe(start.Add(at), start.Add(at+time.Millisecond))
			}
			if got.Spacing() != c.want || got.Likely() != c.likely {
				t.Errorf("got %s, likely %s, want %s and %s", got.Spacing(), got.Likely(), c.want, c.likely)
			}
		})
	}
	if got := (Cadence{}).Observe(time.Time{}, start); got != (Cadence{}) {
		t.Errorf("a look without a time taught %+v", got)
	}
}

// Where not every sample is looked for, the spacing stays that of the samples;
// and a spacing that changes is learned again within ten samples.
func TestCadenceOfSkippedSamples(t *testing.T) {
	var c Cadence
	now := start
	scrape := func(every time.Duration, looks ...time.Duration) {
		for _, look := range looks {
			now = now.Add(look)
			at := now.Truncate(every)
			c = c.Observe(at, now)
		}
	}
	for range 20 {
		scrape(time.Second, 500*time.Millisecond)
	}
	for range 50 {
		scrape(time.Second, 10*time.Second)
	}
	if got := c.Spacing(); got != time.Second {
		t.Errorf("looked for every ten seconds: got %s, want 1s", got)
	}
	for range 100 {
		scrape(20*time.Second, 5*time.Second)
	}
	if got := c.Spacing(); got != 20*time.Second {
		t.Errorf("scraped less often: got %s, want 20s", got)
	}
}

// Up to four of nine scrapes lost, in any order: the spacing stays.
func TestCadenceWithLostScrapes(t *testing.T) {
	for seed := range uint64(200) {
		r := rand.New(rand.NewPCG(seed, 1))
		every := time.Duration(1+r.IntN(300)) * time.Second
		var c Cadence
		for i := range 300 {
			if i > 12 && r.IntN(100) < 25 {
				continue
			}
			at := start.Add(time.Duration(i)*every + time.Duration(r.IntN(5))*time.Millisecond)
			c = c.Observe(at, at.Add(time.Duration(r.IntN(300))*time.Millisecond))
		}
		if got := c.Spacing(); (got - every).Abs() > 20*time.Millisecond {
			t.Errorf("seed %d: got %s, want about %s", seed, got, every)
		}
	}
}
