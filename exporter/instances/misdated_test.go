package instances_test

import (
	"errors"
	"testing"
	"time"

	"github.com/camunda-autoscaler/camunda-autoscaler/exporter/instances"
)

// A node with another time zone is detected from any node, by what becomes
// visible hours off. Late commits and clocks that are minutes off are not taken
// for that.
func TestMisdatedInstances(t *testing.T) {
	for name, test := range map[string]struct {
		offsets []time.Duration // of the nodes, which take turns
		late    time.Duration   // how long transactions take
		found   bool
	}{
		"one zone":                         {[]time.Duration{0}, 0, false},
		"UTC asked, the other in New York": {[]time.Duration{0, -5 * time.Hour}, 0, true},
		"New York asked, the other in UTC": {[]time.Duration{0, 5 * time.Hour}, 0, true},
		"half an hour apart":               {[]time.Duration{0, -30 * time.Minute}, 0, true},
		"an hour apart":                    {[]time.Duration{0, time.Hour}, 0, true},
		"14 hours apart":                   {[]time.Duration{0, -14*time.Hour + 20*time.Minute}, 0, true},
		"transactions of ten minutes":      {[]time.Duration{0}, 10 * time.Minute, false},
		"five minutes behind":              {[]time.Duration{0, -5 * time.Minute}, 0, false},
		"five minutes ahead":               {[]time.Duration{0, 5 * time.Minute}, 0, false},
	} {
		t.Run(name, func(t *testing.T) {
			e := &engine{now: epoch}
			for i := -900; i < 2*3600; i += 3 { // each 3 s
				at := epoch.Add(time.Duration(i) * time.Second)
				e.instances = append(e.instances, instance{started: at.Add(test.offsets[max(i/3, -i/3)%len(test.offsets)]), visible: at.Add(test.late)})
			}
			m := instances.NewMisdated(e, options)
			requests := 0
			for minute := range 120 {
				e.pass(time.Minute)
				n, err := m.Check(t.Context(), e.now)
				if requests += n; err != nil {
					t.Fatal(err)
				}
				found, known := m.Found()
				if known != (minute >= 5) || (found > 0) != (known && test.found) {
					t.Fatalf("after %d minutes: %d found, known: %t", minute, found, known)
				}
			}
			if requests > 24*4 {
				t.Errorf("%d requests in two hours", requests)
			}
		})
	}
}

// A check that fails, or that was long ago, proves nothing.
func TestMisdatedIsUnknownAfterFaults(t *testing.T) {
	e := &engine{now: epoch, fail: map[string]error{}}
	m := instances.NewMisdated(e, options)
	check := func(pause time.Duration) bool {
		e.pass(pause)
		m.Check(t.Context(), e.now)
		_, known := m.Found()
		return known
	}
	for i, step := range []struct {
		pause time.Duration
		fails bool
		known bool
	}{
		{0, false, false},
		{5 * time.Minute, false, true},
		{5 * time.Minute, true, false},
		{5 * time.Minute, false, false},
		{5 * time.Minute, false, true},
		{time.Hour, false, false},
		{5 * time.Minute, false, true},
	} {
		delete(e.fail, "history_check")
		if step.fails {
			e.fail["history_check"] = errors.New("too slow")
		}
		if known := check(step.pause); known != step.known {
			t.Errorf("step %d: known: %t", i, known)
		}
	}
}
