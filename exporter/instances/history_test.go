package instances_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/camunda-autoscaler/camunda-autoscaler/exporter/instances"
)

// A history that answers 0 to everything must not pass for an engine without
// load.
func TestHistoryVerdict(t *testing.T) {
	started := []instance{{started: epoch.Add(-time.Hour), visible: epoch.Add(-time.Hour)}}
	for name, test := range map[string]struct {
		engine engine
		meter  []uint64 // at each check
		want   instances.Readability
	}{
		"a new engine":                        {engine{}, []uint64{0, 0}, instances.Empty},
		"an idle engine":                      {engine{instances: started}, []uint64{5}, instances.Readable},
		"an idle engine, an instance runs":    {engine{running: "x"}, []uint64{5}, instances.Readable},
		"history none, an instance runs":      {engine{running: "x", unreadable: true}, []uint64{5}, instances.Unreadable},
		"history none, short instances":       {engine{unreadable: true}, []uint64{5, 6}, instances.Unreadable},
		"history none, nothing starts":        {engine{unreadable: true}, []uint64{5, 5, 5}, instances.Unknown},
		"history none, the first starts":      {engine{unreadable: true}, []uint64{0, 1}, instances.Unreadable},
		"only others' instances start":        {engine{instances: started}, []uint64{5, 6}, instances.Readable},
		"nothing may be asked":                {engine{unreadable: true, running: "x", fail: map[string]error{"any in history": errors.New("403"), "any running": errors.New("403"), "meter": errors.New("404")}}, []uint64{1, 2}, instances.Unknown},
		"what runs cannot be found":           {engine{unreadable: true, running: "x", fail: map[string]error{"in history": errors.New("timeout"), "any in history": errors.New("timeout")}}, []uint64{1, 2}, instances.Unknown},
		"without the meter, an instance runs": {engine{unreadable: true, running: "x", fail: map[string]error{"meter": errors.New("404")}}, []uint64{1}, instances.Unreadable},
	} {
		t.Run(name, func(t *testing.T) {
			e := &test.engine
			e.now = epoch
			c := instances.NewCounter(e, options, all, epoch)
			h := instances.NewHistory(e, nil, c)
			for _, e.meter = range test.meter {
				e.pass(time.Minute)
				c.Count(t.Context(), e.now)
				before := len(e.asked)
				if n := h.Check(t.Context(), e.now); n != len(e.asked)-before {
					t.Errorf("the check is said to take %d requests, but it made %v", n, e.asked[before:])
				}
			}
			if verdict, evidence := h.Verdict(); verdict != test.want || (evidence != "") != (test.want == instances.Unreadable) {
				t.Errorf("verdict is %v by %q, want %v", verdict, evidence, test.want)
			}
		})
	}
}

// The check costs nothing while instances are seen, and little otherwise.
func TestHistoryCheckIsRare(t *testing.T) {
	e := &engine{now: epoch, meter: 5}
	c := instances.NewCounter(e, options, all, epoch)
	h := instances.NewHistory(e, nil, c)
	requests := func(rounds int) (n int) {
		for range rounds {
			read(t, e, c, 10*time.Second)
			n += h.Check(t.Context(), e.now)
		}
		return n
	}
	if n := requests(60); n != 10 {
		t.Errorf("%d requests in ten idle minutes, want 10", n)
	}
	e.start(e.now, "a")
	if n := requests(5); n != 0 {
		t.Errorf("%d requests although history shows instances", n)
	}
}

// A grant that is revoked, or given, is detected while the exporter runs.
func TestGrantComesAndGoes(t *testing.T) {
	e := &engine{now: epoch, running: "x"}
	c := instances.NewCounter(e, options, all, epoch)
	h := instances.NewHistory(e, nil, c)
	verdict := func(rounds int) instances.Readability {
		for range rounds {
			e.start(e.now.Add(3*time.Second), "a")
			read(t, e, c, 10*time.Second)
			h.Check(t.Context(), e.now)
		}
		v, _ := h.Verdict()
		return v
	}
	for _, step := range []struct {
		unreadable bool
		rounds     int
		want       instances.Readability
	}{{false, 3, instances.Readable}, {true, 20, instances.Unreadable}, {false, 1, instances.Readable}} {
		e.unreadable = step.unreadable
		if got := verdict(step.rounds); got != step.want {
			t.Errorf("unreadable %t: verdict %v, want %v", step.unreadable, got, step.want)
		}
	}
	if slices.Contains(e.asked, "any in history") {
		t.Error("a history that shows instances was checked")
	}
}
