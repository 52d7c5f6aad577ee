package camunda

import (
	"fmt"
	"net/http"
	"testing"
	"time"
)

// header is that of a node whose clock shows now.
func header(now time.Time) http.Header {
	return http.Header{"Date": {now.UTC().Format(http.TimeFormat)}}
}

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// However answers fall into the second, a clock that is right is not taken for
// a wrong one, and a wrong one is told to a second at once.
func TestOneAnswerTellsAClockToASecond(t *testing.T) {
	for _, skew := range []time.Duration{0, 3 * time.Second, -3 * time.Second, -time.Hour, 400 * time.Millisecond} {
		t.Run(fmt.Sprint(skew), func(t *testing.T) {
			for ms := range 1000 {
				var c clock
				sent := noon.Add(time.Duration(ms) * time.Millisecond)
				c.observe(header(sent.Add(skew)), sent, 3*time.Millisecond)
				got := c.at(sent)
				ahead, behind := max(skew, 0), max(-skew, 0)
				if !got.Known || got.Ahead > ahead || got.Ahead < ahead-1100*time.Millisecond || got.Behind > behind || got.Behind < behind-1100*time.Millisecond {
					t.Fatalf("sent at %d ms: %+v", ms, got)
				}
			}
		})
	}
}

// Answers at different fractions of a second tell more.
func TestSeveralAnswersTellAClockBetter(t *testing.T) {
	var c clock
	const skew = -3 * time.Second
	for i := range 10 {
		sent := noon.Add(time.Duration(i) * 1100 * time.Millisecond)
		c.observe(header(sent.Add(skew)), sent, time.Millisecond)
	}
	if got := c.at(noon.Add(11 * time.Second)).Skew(); (got - skew).Abs() > 110*time.Millisecond {
		t.Errorf("skew %s, want %s to a tenth of a second", got, skew)
	}
}

// Behind a Service, one node of many is enough, and counts for a while.
func TestTheWorstOfSeveralClocksCounts(t *testing.T) {
	var c clock
	at := func(s int) time.Time { return noon.Add(time.Duration(s)*time.Second + 500*time.Millisecond) }
	c.observe(header(at(0).Add(2*time.Second)), at(0), 0)
	c.observe(header(at(1).Add(-4*time.Second)), at(1), 0)
	for s := 2; s < 180; s++ {
		c.observe(header(at(s)), at(s), 0)
		got := c.at(at(s))
		switch {
		case s < 26 && (got.Ahead != 1500*time.Millisecond || got.Behind != 3500*time.Millisecond || got.Skew() != -3500*time.Millisecond):
			t.Fatalf("after %d s: %+v", s, got)
		case s > 51 && (got.Ahead != 0 || got.Behind != 0 || !got.Known):
			t.Fatalf("after %d s: %+v", s, got)
		}
	}
}

// When our own clock is set, earlier answers mean nothing.
func TestOwnClockIsSet(t *testing.T) {
	var c clock
	c.observe(header(noon), noon.Add(time.Hour), 0)
	if got := c.at(noon.Add(time.Hour)).Skew(); got > -59*time.Minute {
		t.Errorf("skew %s with our clock an hour ahead", got)
	}
	if got := c.at(noon.Add(time.Second)); got.Known {
		t.Errorf("%+v is remembered after our clock was set back", got)
	}
}

// An answer that took long tells little, but nothing wrong.
func TestSlowAnswer(t *testing.T) {
	var c clock
	c.observe(header(noon.Add(9*time.Second)), noon, 10*time.Second)
	c.observe(http.Header{"Date": {"yesterday"}}, noon, time.Second)
	c.observe(http.Header{}, noon, time.Second)
	if got := c.at(noon.Add(10 * time.Second)); got != (Clock{Known: true}) {
		t.Errorf("%+v", got)
	}
}
