package loop_test

import (
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/sample"
)

// An answer without data tells no clock; the first sample after it may have
// been acted on by another scaler.
func TestFirstSampleAfterNoDataIsNotFresh(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, w := newFakePrometheus(10*time.Second, 500), &fakeWorkload{replicas: 1}
		newFixture(p, w).run(11 * time.Second)
		if w.replicas != 2 {
			t.Fatalf("%d replicas, want 2", w.replicas)
		}
		// Another takes over, and sees nothing at first.
		f := newFixture(p, w)
		p.answer = empty
		f.run(time.Second)
		p.answer = nil
		f.run(7 * time.Second)
		if w.replicas != 2 {
			t.Errorf("%d replicas: two steps for one sample", w.replicas)
		}
		f.run(12 * time.Second)
		if w.replicas != 3 {
			t.Errorf("%d replicas, want 3 on the next sample", w.replicas)
		}
	})
}

// Prometheus's clock jumps ahead: what was counted by it starts anew.
func TestClockJumpsAhead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, w := newFakePrometheus(10*time.Second, 500), &fakeWorkload{replicas: 1}
		f := newFixture(p, w, func(t *Target) { t.Policy.HoldAfterStart = time.Hour })
		f.run(time.Minute)
		p.ahead = 2 * time.Hour
		f.run(30 * time.Minute)
		if w.replicas != 1 {
			t.Errorf("%d replicas: a jump of the clock passed for an hour", w.replicas)
		}
		f.run(time.Hour)
		if w.replicas != 4 {
			t.Errorf("%d replicas, want 4", w.replicas)
		}
	})
}

// Two Prometheis behind one address differ by some seconds: that is no jump.
func TestClocksApart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(newFakePrometheus(10*time.Second, 120), &fakeWorkload{replicas: 1}, func(t *Target) { t.Policy.HoldAfterStart = time.Minute })
		n := 0
		f.prometheus.answer = func(r sample.Result) sample.Result {
			if n++; n%2 == 0 {
				r.Now = r.Now.Add(3 * time.Second)
			}
			return r
		}
		f.run(2 * time.Minute)
		if f.workload.replicas != 3 {
			t.Errorf("%d replicas, want 3", f.workload.replicas)
		}
	})
}

func TestAlive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var hangs atomic.Bool
		hang := make(chan struct{})
		p := newFakePrometheus(10*time.Second, 30)
		p.value = func(time.Time) float64 {
			if hangs.Load() {
				<-hang
			}
			return 30
		}
		f := newFixture(p, &fakeWorkload{replicas: 1})
		if err := f.Alive(); err != nil {
			t.Errorf("before its start: %v", err)
		}
		go f.run(time.Hour)
		time.Sleep(time.Minute)
		if err := f.Alive(); err != nil {
			t.Error(err)
		}
		hangs.Store(true)
		time.Sleep(110 * time.Second)
		if err := f.Alive(); err != nil {
			t.Errorf("too early: %v", err)
		}
		time.Sleep(time.Minute)
		if f.Alive() == nil {
			t.Error("a loop that hangs for minutes is called alive")
		}
		hangs.Store(false)
		close(hang)
		time.Sleep(time.Minute)
		if err := f.Alive(); err != nil {
			t.Errorf("after it came round: %v", err)
		}
		time.Sleep(time.Hour)
	})
}
