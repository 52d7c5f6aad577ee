package story_test

import (
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/camunda-autoscaler/camunda-autoscaler/demo/story"
)

var t0 = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

// decision returns what is seen at a second of the phase, with a sample that
// is half a second old and all Pods ready.
func decision(second int, from, to int) story.Observation {
	started := 42.0
	at := t0.Add(time.Duration(second) * time.Second)
	return story.Observation{At: at, Scraped: at.Add(-500 * time.Millisecond), Started: &started, From: from, To: to, Ready: from}
}

func with(o story.Observation, change func(*story.Observation)) story.Observation {
	change(&o)
	return o
}

func TestSettled(t *testing.T) {
	for name, c := range map[string]struct {
		phase   story.Phase
		start   int
		seen    []story.Observation
		reached int           // seconds
		settled int           // 0: not
		before  time.Duration // how long the replicas had been as they were
	}{
		"up by two steps": {
			story.Phase{Starts: 120, Replicas: 3},
			1,
			[]story.Observation{decision(4, 1, 1), decision(14, 1, 2), decision(24, 2, 3), decision(34, 3, 3), decision(44, 3, 3)},
			24, 44, 0,
		},
		"one hold is not enough": {
			story.Phase{Starts: 120, Replicas: 3},
			1,
			[]story.Observation{decision(14, 1, 2), decision(24, 2, 3), decision(34, 3, 3)},
			24, 0, 0,
		},
		"passing through": {
			story.Phase{Starts: 500, Replicas: 3},
			1,
			[]story.Observation{decision(4, 1, 2), decision(14, 2, 3), decision(24, 3, 4), decision(34, 4, 4), decision(44, 4, 4)},
			24, 0, 0,
		},
		"overshooting and coming back": {
			story.Phase{Starts: 120, Replicas: 3},
			2,
			[]story.Observation{decision(4, 2, 3), decision(14, 3, 4), decision(24, 4, 3), decision(34, 3, 3), decision(44, 3, 3)},
			24, 44, 0,
		},
		"there from the start": {
			story.Phase{Starts: 5, Replicas: 1},
			1,
			[]story.Observation{decision(5, 1, 1), decision(15, 1, 1), decision(25, 1, 1)},
			0, 25, 0,
		},
		"there, and two early decisions": {
			story.Phase{Starts: 5, Replicas: 1},
			1,
			[]story.Observation{decision(1, 1, 1), decision(11, 1, 1)},
			0, 0, 0,
		},
		"there before it began": {
			story.Phase{Starts: 5, Replicas: 1},
			1,
			[]story.Observation{decision(5, 1, 1), decision(15, 1, 1)},
			0, 15, 10 * time.Second,
		},
		"jitter of the scrape": {
			story.Phase{Starts: 5, Replicas: 1},
			2,
			[]story.Observation{decision(10, 2, 1), decision(20, 1, 1), with(decision(30, 1, 1), func(o *story.Observation) {
				o.At = o.At.Add(-300 * time.Millisecond)
			})},
			10, 29, 0,
		},
		"no data is no hold": {
			story.Phase{Starts: 5, Replicas: 1},
			1,
			[]story.Observation{decision(5, 1, 1), with(decision(15, 1, 1), func(o *story.Observation) { o.Started = nil }), decision(25, 1, 1)},
			0, 0, 0,
		},
		"replicas unknown": {
			story.Phase{Starts: 5, Replicas: 1},
			1,
			[]story.Observation{decision(5, 1, 1), with(decision(15, 0, 0), func(o *story.Observation) { o.Started = nil })},
			0, 0, 0,
		},
		"Pods not ready": {
			story.Phase{Starts: 120, Replicas: 3},
			2,
			[]story.Observation{decision(5, 2, 3), with(decision(15, 3, 3), func(o *story.Observation) { o.Ready = 2 }), decision(25, 3, 3)},
			5, 0, 0,
		},
		"samples from before the phase": {
			story.Phase{Starts: 5, Replicas: 1},
			1,
			[]story.Observation{with(decision(20, 1, 1), func(o *story.Observation) { o.Scraped = t0.Add(-time.Second) }), decision(30, 1, 1)},
			0, 0, 0,
		},
	} {
		t.Run(name, func(t *testing.T) {
			p := story.Start(c.phase, t0, c.start, t0.Add(-c.before))
			var done bool
			for _, o := range c.seen {
				done = p.Observe(o)
			}
			if done != (c.settled > 0) || int(p.Settled/time.Second) != c.settled || int(p.Reached/time.Second) != c.reached {
				t.Errorf("reached %s, settled %s, %t; want %d s, %d s", p.Reached, p.Settled, done, c.reached, c.settled)
			}
		})
	}
}

func TestStepsAreRecorded(t *testing.T) {
	p := story.Start(story.Phase{Starts: 5, Replicas: 1}, t0, 4, t0)
	for _, o := range []story.Observation{decision(1, 4, 4), decision(11, 4, 3), decision(21, 3, 2), decision(31, 2, 1), decision(41, 1, 1)} {
		p.Observe(o)
	}
	if want := []int{4, 3, 2, 1}; !slices.Equal(p.Steps, want) {
		t.Errorf("steps %v, want %v", p.Steps, want)
	}
}

func TestParse(t *testing.T) {
	got, err := story.Parse(story.Format(story.Default()))
	if err != nil || !reflect.DeepEqual(got, story.Default()) {
		t.Errorf("got %v, %v", got, err)
	}
	for _, bad := range []string{"", "5", "5:", ":1", "5:0", "-5:1", "5:1,", "five:1"} {
		if got, err := story.Parse(bad); err == nil {
			t.Errorf("%q was read as %v", bad, got)
		}
	}
}
