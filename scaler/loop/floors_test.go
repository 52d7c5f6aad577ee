package loop_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/alertmanager/timeinterval"

	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/calendar"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/decide"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/sample"
)

// always is a calendar with one entry.
func always(least, most int32) func(*Target) {
	return func(t *Target) {
		w := calendar.Window{Name: "office hours", Location: time.UTC, Times: calendar.Times{timeinterval.TimeInterval{}}}
		if least > 0 {
			w.Min = &least
		}
		if most > 0 {
			w.Max = &most
		}
		t.Calendar = calendar.Calendar{w}
	}
}

// A floor is gone up to without any data, one step per interval and none at the
// start; and no further.
func TestFloorWithoutData(t *testing.T) {
	for name, answer := range map[string]func(sample.Result) sample.Result{"failed": failing, "empty": empty, "stale": func(r sample.Result) sample.Result {
		r.Timestamp = r.Now.Add(-time.Hour)
		return r
	}} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p, began := newFakePrometheus(10*time.Second, 0), time.Now()
				p.answer = answer
				f := newFixture(p, &fakeWorkload{replicas: 1}, always(3, 0))
				f.run(10 * time.Minute)
				if f.workload.replicas != 3 || len(f.workload.sets) != 2 {
					t.Fatalf("%d replicas after %d writes, want 3 after 2", f.workload.replicas, len(f.workload.sets))
				}
				if first, gap := f.workload.sets[0].Sub(began), f.workload.sets[1].Sub(f.workload.sets[0]); first < 10*time.Second || gap < 10*time.Second {
					t.Errorf("the first step after %s, and the next %s later", first, gap)
				}
				if want := `Scaled from 1 to 2 replicas: the minimum is 3 (calendar entry "office hours")`; len(f.events) != 2 || f.events[0].Message != want {
					t.Errorf("got %v, want first %s", f.events, want)
				}
				for _, l := range f.lines(t, "info") {
					if l["action"] == "up" && (l["reason"] != "below_min" || l["value"] != "null" || l["calendar"] != "office hours") {
						t.Errorf("unexpected line %v", l)
					}
				}
			})
		})
	}
}

// Data that come back after a step without any wait for their turn.
func TestStepWithoutDataTakesATurn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, w := newFakePrometheus(time.Second, 500), &fakeWorkload{replicas: 1}
		p.answer = func(r sample.Result) sample.Result { // a clock, but no data
			return sample.Result{Outcome: sample.NotANumber, Now: r.Now}
		}
		f := newFixture(p, w, always(2, 0))
		f.run(12 * time.Second)
		if len(w.sets) != 1 {
			t.Fatalf("%d writes, want one to the floor", len(w.sets))
		}
		p.answer = nil
		f.run(20 * time.Second)
		if len(w.sets) < 2 || w.sets[1].Sub(w.sets[0]) < 9*time.Second {
			t.Errorf("steps at %v, want one per interval", w.sets)
		}
	})
}

// A restart while there is no data takes no step sooner than the one before.
func TestRestartsWithoutData(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, w := newFakePrometheus(10*time.Second, 0), &fakeWorkload{replicas: 1}
		p.answer = failing
		for range 20 {
			newFixture(p, w, always(3, 0)).run(9 * time.Second)
		}
		if len(w.sets) != 0 {
			t.Errorf("%d writes", len(w.sets))
		}
	})
}

// The calendar goes by Prometheus's clock.
func TestCalendarClock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newFakePrometheus(10*time.Second, 30)
		p.ahead = 24 * time.Hour // here it is Saturday, there Sunday
		f := newFixture(p, &fakeWorkload{replicas: 1}, always(2, 0), func(t *Target) {
			t.Calendar[0].Times[0].Weekdays = []timeinterval.WeekdayRange{{InclusiveRange: timeinterval.InclusiveRange{Begin: 0, End: 0}}}
		})
		if time.Now().UTC().Weekday() != time.Saturday {
			t.Fatal("the simulated time begins on another day than it used to")
		}
		f.run(time.Minute)
		if least := f.gather(t, "min_replicas"); f.workload.replicas != 2 || least == nil || *least != 2 {
			t.Errorf("%d replicas, and a minimum of %v; want 2", f.workload.replicas, least)
		}
	})
}

func TestCeilingNeedsData(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newFakePrometheus(10*time.Second, 120)
		p.answer = empty
		f := newFixture(p, &fakeWorkload{replicas: 4}, always(0, 2))
		f.run(5 * time.Minute)
		if f.workload.replicas != 4 {
			t.Fatalf("%d replicas, want 4 while there is no data", f.workload.replicas)
		}
		p.answer = nil
		f.run(5 * time.Minute)
		if f.workload.replicas != 2 {
			t.Errorf("%d replicas, want the calendar's 2", f.workload.replicas)
		}
	})
}

// Fallback is a floor, after max_sample_age without data.
func TestFallback(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newFakePrometheus(10*time.Second, 30)
		f := newFixture(p, &fakeWorkload{replicas: 1}, func(t *Target) {
			t.Policy.Triggers[0].OnNoData, t.Policy.Triggers[0].FallbackReplicas = decide.FallbackOnNoData, 3
		})
		f.run(5 * time.Minute)
		p.answer = failing
		lost := time.Now()
		f.run(19 * time.Second) // the sample last decided on may be ten seconds old
		if f.workload.replicas != 1 {
			t.Errorf("%d replicas before max_sample_age was over, want 1", f.workload.replicas)
		}
		f.run(5 * time.Minute)
		if f.workload.replicas != 3 {
			t.Fatalf("%d replicas, want the fallback's 3", f.workload.replicas)
		}
		if after := f.workload.sets[0].Sub(lost); after > time.Minute {
			t.Errorf("the fallback began after %s", after)
		}
		f.workload.change(user, 4)
		f.run(time.Minute)
		if f.workload.replicas != 4 {
			t.Errorf("%d replicas, want 4: a fallback never lowers", f.workload.replicas)
		}
	})
}

func TestWaitForReady(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ready := int32(1)
		f := newFixture(newFakePrometheus(10*time.Second, 500), &fakeWorkload{replicas: 1, ready: &ready}, func(t *Target) { t.Policy.WaitForReady = true })
		f.run(2 * time.Minute)
		if f.workload.replicas != 2 {
			t.Errorf("%d replicas, want 2 while one is not ready", f.workload.replicas)
		}
		if got := f.gather(t, "ready_replicas"); got == nil || *got != 1 {
			t.Errorf("%v ready, want 1", got)
		}
		if l := f.lines(t, "info"); l[len(l)-1]["reason"] != "wait_for_ready" || l[len(l)-1]["ready"] != "1" || l[len(l)-1]["msg"] != "waiting" {
			t.Errorf("unexpected line %v", l[len(l)-1])
		}
		ready = 2
		f.run(time.Minute)
		if f.workload.replicas != 3 {
			t.Errorf("%d replicas, want 3", f.workload.replicas)
		}
	})
}

// The delays go on over a reload, and so does the hold after a start.
func TestDelaysOutliveAReload(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, w := newFakePrometheus(10*time.Second, 500), &fakeWorkload{replicas: 1}
		slow := func(t *Target) {
			t.Policy.ScaleUpDelay, t.Policy.HoldAfterStart = 2*time.Minute, 3*time.Minute
		}
		began := time.Now()
		f := newFixture(p, w, slow)
		for range 20 {
			f.run(11 * time.Second)
			next := newFixture(p, w, slow)
			next.Continue(f.Loop)
			f = next
		}
		if len(w.sets) == 0 {
			t.Fatal("no step in 220 s")
		}
		if after := w.sets[0].Sub(began); after < 3*time.Minute {
			t.Errorf("the first step after %s, want not within hold_after_start, 3m", after)
		}
		if w.replicas != 2 {
			t.Errorf("%d replicas, want one step", w.replicas)
		}
	})
}
