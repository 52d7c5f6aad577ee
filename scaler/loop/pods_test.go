package loop_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"testing"
	"testing/synctest"
	"time"

	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/decide"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/kubeapi"
)

// fakePods are Pods that work, or not, as the test says.
type fakePods struct {
	busy    map[string]float64
	busyErr error
	pods    []kubeapi.Pod
	costs   map[string]int32 // that were written
	costErr error
	marked  time.Time // when they were written
	looks   int
}

func (p *fakePods) Busy(context.Context) (map[string]float64, error) {
	p.looks++
	return p.busy, p.busyErr
}

func (p *fakePods) List(context.Context) ([]kubeapi.Pod, error) { return p.pods, nil }

func (p *fakePods) SetDeletionCosts(_ context.Context, costs map[kubeapi.Pod]int32) error {
	if p.costErr != nil {
		return p.costErr
	}
	p.costs, p.marked = map[string]int32{}, time.Now()
	for pod, cost := range costs {
		p.costs[pod.Name] = cost
	}
	return nil
}

func threePods() *fakePods {
	p := &fakePods{busy: map[string]float64{}}
	for i := range 3 {
		p.pods = append(p.pods, kubeapi.Pod{Name: fmt.Sprint("web-", i)})
	}
	return p
}

// Just before a step down, and at no other time, the Pods are looked at, and
// those whose cost is another are marked: the more a Pod works the more, and one
// of which nothing is known most of all.
func TestPodsAreMarkedBeforeAStepDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := threePods()
		p.busy = map[string]float64{"web-0": 0.2, "web-2": -1, "another": 5}
		p.pods[2].Cost = 4 // it worked once
		w := &fakeWorkload{replicas: 3}
		load := 90.0
		prom := newFakePrometheus(10*time.Second, 0)
		prom.value = func(time.Time) float64 { return load }
		f := newFixtureFrom(Sources{Triggers: []Reader{prom}, Pods: p}, w, func(t *Target) { t.Policy.BusyPods = &decide.BusyPods{} })
		f.run(time.Minute)
		if p.looks != 0 || p.costs != nil {
			t.Errorf("%d looks and costs %v without a step", p.looks, p.costs)
		}
		load = 45
		f.run(15 * time.Second)
		if want := map[string]int32{"web-0": 1, "web-1": math.MaxInt32, "web-2": 0}; w.replicas != 2 || p.looks != 1 || !maps.Equal(p.costs, want) {
			t.Errorf("%d replicas after %d looks, with the costs %v, want %v", w.replicas, p.looks, p.costs, want)
		}
	})
}

// The controller that chooses which Pods go gets a moment to see what was written on
// them; a step that needs no mark comes at once.
func TestMarksSettleBeforeTheStep(t *testing.T) {
	for _, c := range []struct {
		name string
		cost int32 // of the idle Pod
		want time.Duration
	}{{"marked", 3, 500 * time.Millisecond}, {"nothing to mark", 0, 0}} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := threePods()
				p.busy = map[string]float64{"web-0": 1, "web-1": 1, "web-2": 0}
				p.pods[0].Cost, p.pods[1].Cost, p.pods[2].Cost = 1, 1, c.cost
				w := &fakeWorkload{replicas: 3}
				start := time.Now()
				f := newFixtureFrom(Sources{Triggers: []Reader{newFakePrometheus(10*time.Second, 45)}, Pods: p}, w, func(t *Target) { t.Policy.BusyPods = &decide.BusyPods{} })
				f.run(15 * time.Second)
				if len(w.sets) != 1 {
					t.Fatalf("%d steps, want 1", len(w.sets))
				}
				since := p.marked
				if c.want == 0 {
					since = start.Add(w.sets[0].Sub(start).Truncate(time.Second)) // of the sample
				}
				if got := w.sets[0].Sub(since); got != c.want {
					t.Errorf("the step comes %s later, want %s", got, c.want)
				}
			})
		})
	}
}

// Pods that still have to go for the last step are not idle ones for the next.
func TestPodsThatAreStillToGoCountOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := threePods()
		p.busy = map[string]float64{"web-0": 1, "web-1": 1, "web-2": 0}
		w := &fakeWorkload{replicas: 2} // the last step was from 3, and web-2 is still there
		f := newFixtureFrom(Sources{Triggers: []Reader{newFakePrometheus(10*time.Second, 15)}, Pods: p}, w, func(t *Target) {
			t.Policy.BusyPods = &decide.BusyPods{WaitForIdle: time.Hour}
		})
		f.run(15 * time.Second)
		if l := last(t, f); w.replicas != 2 || l["reason"] != "wait_for_idle" || l["idle_pods"] != "0" {
			t.Errorf("%d replicas and %v: a busy Pod would go", w.replicas, l)
		}
	})
}

// A Pod that has not started does not work; one that has ended is not there.
func TestPendingPodsAreIdle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := threePods()
		p.busy = map[string]float64{"web-0": 1, "web-1": 1}
		p.pods[2].Pending = true
		w := &fakeWorkload{replicas: 3}
		f := newFixtureFrom(Sources{Triggers: []Reader{newFakePrometheus(10*time.Second, 30)}, Pods: p}, w, func(t *Target) {
			t.Policy.BusyPods = &decide.BusyPods{WaitForIdle: time.Hour}
		})
		f.run(15 * time.Second)
		if w.replicas != 2 {
			t.Errorf("%d replicas, want 2: one Pod is pending", w.replicas)
		}
		p.pods = p.pods[:2]
		f.run(time.Minute)
		if w.replicas != 2 || last(t, f)["reason"] != "wait_for_idle" {
			t.Errorf("%d replicas and %v, want 2 that work", w.replicas, last(t, f))
		}
	})
}

// A Pod that works and is not ready would go before all idle ones, so the step waits
// until it is ready. One that is known to do nothing may go, and one of which nothing
// is known, as it crashes, keeps no other.
func TestUnreadyPods(t *testing.T) {
	for _, c := range []struct {
		name string
		busy map[string]float64 // web-1 is unready
		want int32
	}{
		{"works", map[string]float64{"web-0": 1, "web-1": 1, "web-2": 0}, 3},
		{"idle", map[string]float64{"web-0": 1, "web-1": 0, "web-2": 1}, 2},
		{"unknown", map[string]float64{"web-0": 1, "web-2": 0}, 2},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p, w := threePods(), &fakeWorkload{replicas: 3}
				p.busy, p.pods[1].Unready = c.busy, true
				f := newFixtureFrom(Sources{Triggers: []Reader{newFakePrometheus(10*time.Second, 45)}, Pods: p}, w, func(t *Target) {
					t.Policy.BusyPods = &decide.BusyPods{WaitForIdle: time.Hour}
				})
				f.run(15 * time.Second)
				if w.replicas != c.want {
					t.Errorf("%d replicas, want %d: %v", w.replicas, c.want, last(t, f))
				}
			})
		})
	}
}

// Of a StatefulSet the Pods with the highest numbers go: it waits for just those,
// and marks none.
func TestAStatefulSetWaitsForItsLastPods(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := threePods()
		p.busy = map[string]float64{"web-0": 0, "web-1": 0, "web-2": 1}
		w := &fakeWorkload{replicas: 3}
		f := newFixtureFrom(Sources{Triggers: []Reader{newFakePrometheus(10*time.Second, 45)}, Pods: p}, w, func(t *Target) {
			t.Workload.Kind, t.Policy.BusyPods = "StatefulSet", &decide.BusyPods{WaitForIdle: time.Hour}
		})
		f.run(time.Minute)
		if w.replicas != 3 || last(t, f)["reason"] != "wait_for_idle" {
			t.Errorf("%d replicas and %v: web-2 works", w.replicas, last(t, f))
		}
		p.busy = map[string]float64{"web-0": 1, "web-1": 1, "web-2": 0}
		f.run(15 * time.Second)
		if w.replicas != 2 || p.costs != nil {
			t.Errorf("%d replicas, want 2, and costs %v", w.replicas, p.costs)
		}
	})
}

// What is not known, or cannot be written, holds the step or not, and is said.
func TestUnknownPods(t *testing.T) {
	for _, c := range []struct {
		name  string
		pods  fakePods
		cause string
	}{
		{"query", fakePods{busyErr: errors.New("no series")}, "result"},
		{"write", fakePods{busy: map[string]float64{"web-0": 1}, pods: []kubeapi.Pod{{Name: "web-0"}}, costErr: context.DeadlineExceeded}, "timeout"},
	} {
		for _, step := range []bool{false, true} {
			t.Run(fmt.Sprint(c.name, " ", step), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					p, w := c.pods, &fakeWorkload{replicas: 3}
					f := newFixtureFrom(Sources{Triggers: []Reader{newFakePrometheus(10*time.Second, 45)}, Pods: &p}, w, func(t *Target) {
						t.Policy.BusyPods = &decide.BusyPods{StepUnknown: step}
					})
					f.run(15 * time.Second)
					l := last(t, f)
					if step && (w.replicas != 2 || l["pods_err"] == "" || l["err"] != "") {
						t.Errorf("%d replicas and %v", w.replicas, l)
					}
					if !step && (w.replicas != 3 || l["reason"] != "busy_unknown" || l["cause"] != c.cause || l["err"] == "") {
						t.Errorf("%d replicas and %v", w.replicas, l)
					}
				})
			})
		}
	}
}

// A dry run looks at no Pod.
func TestADryRunLooksAtNoPod(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := threePods()
		f := newFixtureFrom(Sources{Triggers: []Reader{newFakePrometheus(10*time.Second, 0)}, Pods: p}, &fakeWorkload{replicas: 3}, func(t *Target) {
			t.DryRun, t.Policy.BusyPods = true, &decide.BusyPods{}
		})
		f.run(time.Minute)
		if l := last(t, f); p.looks != 0 || l["action"] != "down" {
			t.Errorf("%d looks, %v", p.looks, l)
		}
	})
}

// last is the last decision's line.
func last(t *testing.T, f *fixture) map[string]string {
	t.Helper()
	lines := f.lines(t, "")
	return lines[len(lines)-1]
}
