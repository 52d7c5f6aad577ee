package instances_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/camunda-autoscaler/camunda-autoscaler/exporter/camunda"
	"github.com/camunda-autoscaler/camunda-autoscaler/exporter/instances"
)

var all = instances.Kind{Endpoint: camunda.HistoryCount}

// read does what a scrape does, after a pause, and returns the window's count.
func read(t *testing.T, e *engine, c *instances.Counter, pause time.Duration) (recent uint64, err error) {
	t.Helper()
	e.pass(pause)
	requests, err := c.Count(t.Context(), e.now)
	for _, complete := range []func(context.Context) (int, error){c.CatchUp, c.Recount} {
		n, _ := complete(t.Context())
		requests += n
	}
	if requests != len(e.asked) {
		t.Errorf("%d requests are said to be made, but it made %v", requests, e.asked)
	}
	recent, _, _ = c.Recent()
	return recent, err
}

func TestWindowAndTotal(t *testing.T) {
	e := &engine{now: epoch}
	c := instances.NewCounter(e, options, all, epoch)
	for s := -20; s < 20; s++ {
		e.start(epoch.Add(time.Duration(s)*time.Second), "a") // one a second, from before the exporter's start
	}
	recent, err := read(t, e, c, 5*time.Second)
	_, w, _ := c.Recent()
	if err != nil || recent != 10 || c.Total() != 5 || !w.End.Equal(epoch.Add(4*time.Second)) {
		t.Errorf("after 5 s: %d until %s, %d in all, %v; want 10 and 5", recent, w.End, c.Total(), err)
	}
	if recent, _ := read(t, e, c, 30*time.Second); recent != 0 || c.Total() != 21 {
		t.Errorf("after 35 s: %d and %d in all, want none and 21", recent, c.Total())
	}
}

// A scrape interval as long as the window is the usual case: then one count
// serves both the gauge and the counter.
func TestRequestsOfARegularScrape(t *testing.T) {
	e := &engine{now: epoch}
	c := instances.NewCounter(e, options, all, epoch)
	read(t, e, c, 10*time.Second)
	for range 10 {
		if read(t, e, c, 10*time.Second); !slices.Equal(e.asked, []string{"history_count", "history_recount"}) {
			t.Errorf("%v, want a count and a recount", e.asked)
		}
	}
	if read(t, e, c, 7*time.Second); !slices.Equal(e.asked, []string{"history_count", "history_catch_up"}) {
		t.Errorf("%v after 7 s, want a count and what the total lacks", e.asked)
	}
}

func TestFilters(t *testing.T) {
	at := epoch.Add(time.Second)
	e := &engine{now: epoch, instances: []instance{
		{at, at, "a", "x", false}, {at, at, "a", "x", true}, {at, at, "b", "x", false}, {at, at, "b", "y", false}, {at, at, "c", "z", false},
	}}
	o := options
	o.Tenants, o.RootOnly = []string{"x", "y"}, true
	for key, want := range map[string]uint64{"": 3, "a": 1, "b": 2, "nowhere": 0} {
		t.Run(key, func(t *testing.T) {
			e.now = epoch
			c := instances.NewCounter(e, o, instances.Kind{ProcessDefinitionKey: key}, epoch)
			if recent, _ := read(t, e, c, 10*time.Second); recent != want || c.Total() != want {
				t.Errorf("%d, and %d in all, want %d", recent, c.Total(), want)
			}
		})
	}
}

func TestEngineAwayLosesNothing(t *testing.T) {
	e := &engine{now: epoch, fail: map[string]error{}}
	c := instances.NewCounter(e, options, all, epoch)
	e.start(epoch.Add(time.Second), "a")
	read(t, e, c, 10*time.Second)
	e.fail["history_count"] = errors.New("down")
	e.start(epoch.Add(11*time.Second), "a")
	for range 360 {
		if _, err := read(t, e, c, 10*time.Second); err == nil || c.Total() != 1 {
			t.Fatalf("while down: %d in all, %v", c.Total(), err)
		}
	}
	clear(e.fail)
	if recent, err := read(t, e, c, 10*time.Second); err != nil || recent != 0 || c.Total() != 2 {
		t.Errorf("after an hour: %d, %d in all, %v", recent, c.Total(), err)
	}
}

// A long range may take an engine too long. That costs neither the window nor
// anything of the total but its freshness.
func TestFailingRecountLosesNothing(t *testing.T) {
	e := &engine{now: epoch, fail: map[string]error{"history_recount": errors.New("too slow")}}
	c := instances.NewCounter(e, options, all, epoch)
	for range 30 {
		e.start(e.now.Add(5*time.Second), "a")
		if recent, err := read(t, e, c, 10*time.Second); err != nil || recent != 1 {
			t.Fatalf("%d in the window, %v", recent, err)
		}
	}
	if c.Total() != 30 {
		t.Errorf("%d in all, want 30", c.Total())
	}
	read(t, e, c, 3*time.Second) // a window that does not join
	e.instances = append(e.instances, instance{started: epoch.Add(4 * time.Minute), visible: epoch})
	e.start(e.now.Add(5*time.Second), "a")
	clear(e.fail)
	for range 20 {
		read(t, e, c, 10*time.Second)
	}
	if c.Total() != 32 || c.Late() != 1 {
		t.Errorf("%d in all, %d of them late, want 32 and 1", c.Total(), c.Late())
	}
}

// With a tenth of the instances in transactions of 3 s, as measured on real
// engines, the total becomes exactly what history shows.
func TestLateInstancesAreAdded(t *testing.T) {
	for seed := range uint64(20) {
		random := rand.New(rand.NewPCG(seed, 1))
		e := &engine{now: epoch}
		counters := map[string]*instances.Counter{}
		for _, key := range []string{"", "a", "b"} {
			counters[key] = instances.NewCounter(e, options, instances.Kind{ProcessDefinitionKey: key}, epoch)
		}
		want := map[string]uint64{}
		for e.now.Before(epoch.Add(2 * time.Minute)) {
			for range 14 {
				at := e.now.Add(time.Duration(random.IntN(1000)) * time.Millisecond)
				i := instance{started: at, visible: at, key: []string{"a", "b", "c"}[random.IntN(3)]}
				if random.IntN(10) == 0 {
					i.visible = at.Add(3 * time.Second)
				}
				e.instances = append(e.instances, i)
				want[""]++
				want[i.key]++
			}
			e.pass(time.Second)
			if random.IntN(3) == 0 {
				for _, c := range counters {
					read(t, e, c, 0)
				}
			}
		}
		for range 20 { // until every open segment was counted again
			e.pass(10 * time.Second)
			for _, c := range counters {
				read(t, e, c, 0)
			}
		}
		for key, c := range counters {
			if c.Total() != want[key] {
				t.Fatalf("seed %d: total of %q is %d, want %d", seed, key, c.Total(), want[key])
			}
		}
	}
}

// The start of an instance is by the clock of the node that started it. Windows
// end by the slowest clock, so that nothing is missing from them.
func TestWindowsFollowTheSlowestClock(t *testing.T) {
	for name, test := range map[string]struct {
		skews []time.Duration // of the nodes, which take turns
		known camunda.Clock
	}{
		"all 3 s behind":           {[]time.Duration{-3 * time.Second}, camunda.Clock{Behind: 3 * time.Second, Known: true}},
		"2 s ahead and 3 s behind": {[]time.Duration{2 * time.Second, -3 * time.Second}, camunda.Clock{Behind: 3 * time.Second, Ahead: 2 * time.Second, Known: true}},
		"2 s ahead":                {[]time.Duration{2 * time.Second}, camunda.Clock{Ahead: 2 * time.Second, Known: true}},
		"half a second behind":     {[]time.Duration{-time.Second / 2}, camunda.Clock{Known: true}},
	} {
		t.Run(name, func(t *testing.T) {
			e := &engine{now: epoch, reveal: test.known}
			for i := range 12 * 200 { // 12 a second
				actual := epoch.Add(time.Duration(i) * time.Second / 12)
				e.instances = append(e.instances, instance{started: actual.Add(test.skews[i%len(test.skews)]).Truncate(time.Millisecond), visible: actual})
			}
			c := instances.NewCounter(e, options, all, epoch)
			read(t, e, c, 30*time.Second)
			for range 15 {
				if recent, err := read(t, e, c, 10*time.Second); recent != 120 || err != nil {
					t.Errorf("%d in the window, want 120 (%v)", recent, err)
				}
			}
		})
	}
}

// A clock of our own that is an hour ahead for a minute must not close windows
// that have not happened.
func TestOwnClockAheadForAMinute(t *testing.T) {
	e := &engine{now: epoch}
	c := instances.NewCounter(e, options, all, epoch)
	var started uint64
	step := func(wrong time.Duration) {
		if wrong != e.reveal.Behind {
			e.clock = camunda.Clock{} // the client forgets what it knew when its own clock is set
		}
		e.start(e.now.Add(5*time.Second), "a")
		started++
		e.reveal = camunda.Clock{Behind: wrong, Known: true}
		e.pass(10 * time.Second)
		if _, err := c.Count(t.Context(), e.now.Add(wrong)); err != nil {
			t.Fatal(err)
		}
		c.CatchUp(t.Context())
		if c.Total() != started {
			t.Fatalf("%s ahead: %d in all, want %d", wrong, c.Total(), started)
		}
	}
	for _, wrong := range []time.Duration{0, 0, time.Hour, time.Hour, time.Hour, 0, 0} {
		step(wrong)
	}
}
