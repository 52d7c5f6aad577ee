package loop_test

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/decide"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/sample"
)

// triggers makes a policy of the default rule for each of the names.
func triggers(names ...string) func(*Target) {
	return func(t *Target) {
		t.Policy.Triggers = nil
		for _, name := range names {
			t.Policy.Triggers = append(t.Policy.Triggers, decide.Trigger{Name: name, Rule: decide.DefaultRule(), OnNoData: decide.HoldOnNoData})
		}
	}
}

func failing(sample.Result) sample.Result {
	return sample.Result{Outcome: sample.Failed, Err: errors.New("down")}
}

func empty(sample.Result) sample.Result { return sample.Result{Outcome: sample.NoData} }

// Up if any wants it, down only if all do; however their scrapes interleave,
// one step per interval.
func TestSeveralTriggers(t *testing.T) {
	for _, apart := range []time.Duration{0, time.Second, 4 * time.Second, 9 * time.Second} {
		synctest.Test(t, func(t *testing.T) {
			a := newFakePrometheus(10*time.Second, 500)
			time.Sleep(apart)
			b := newFakePrometheus(10*time.Second, 0)
			f := newTriggers([]*fakePrometheus{a, b}, &fakeWorkload{replicas: 1}, triggers("a", "b"))
			f.run(2 * time.Minute)
			if f.workload.replicas != 4 {
				t.Errorf("%s apart: %d replicas, want 4: one trigger is enough to go up", apart, f.workload.replicas)
			}
			a.value = func(time.Time) float64 { return 130 }
			f.run(time.Minute)
			if f.workload.replicas != 4 {
				t.Errorf("%s apart: %d replicas, want 4: one trigger is not enough to go down", apart, f.workload.replicas)
			}
			a.value = func(time.Time) float64 { return 0 }
			f.run(2 * time.Minute)
			if f.workload.replicas != 1 {
				t.Errorf("%s apart: %d replicas, want 1", apart, f.workload.replicas)
			}
			for i := 1; i < len(f.workload.sets); i++ {
				if gap := f.workload.sets[i].Sub(f.workload.sets[i-1]); gap < 8*time.Second {
					t.Errorf("%s apart: %s between two steps", apart, gap)
				}
			}
			l := f.lines(t, "info")[0]
			if l["trigger"] != "a" || l["value"] != "500" {
				t.Errorf("%s apart: unexpected line %v", apart, l)
			}
		})
	}
}

func TestMissingTrigger(t *testing.T) {
	for _, c := range []struct {
		name     string
		answer   func(sample.Result) sample.Result
		optional bool
		other    float64 // what the other trigger says, at 2 replicas
		want     int32
		reason   decide.Reason
	}{
		{"a failed one keeps from going down", failing, false, 0, 2, decide.QueryFailed},
		{"an empty one as well", empty, false, 0, 2, decide.NoData},
		{"but not from going up", failing, false, 500, 4, ""},
		{"an optional one is left out", failing, true, 0, 1, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a, b := newFakePrometheus(10*time.Second, 0), newFakePrometheus(10*time.Second, c.other)
				a.answer = c.answer
				f := newTriggers([]*fakePrometheus{a, b}, &fakeWorkload{replicas: 2}, triggers("a", "b"), func(t *Target) {
					t.Policy.Triggers[0].Optional = c.optional
				})
				f.run(5 * time.Minute)
				if f.workload.replicas != c.want {
					t.Errorf("%d replicas, want %d", f.workload.replicas, c.want)
				}
				if l := f.lines(t, "info")[0]; c.reason != "" && (l["reason"] != string(c.reason) || l["trigger"] != "a") {
					t.Errorf("unexpected line %v", l)
				}
				if failed := c.answer(sample.Result{}).Outcome == sample.Failed; (f.Worked() == nil) != (!failed || c.optional) {
					t.Errorf("ready: %v", f.Worked())
				}
				if a.polls > 60 && c.reason == decide.QueryFailed { // each up to ten seconds
					t.Errorf("%d attempts in five minutes, want fewer: they back off", a.polls)
				}
			})
		})
	}
}

// What each trigger says is told by its name.
func TestTriggersMetrics(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := newFakePrometheus(10*time.Second, 60), newFakePrometheus(10*time.Second, 70)
		f := newTriggers([]*fakePrometheus{a, b}, &fakeWorkload{replicas: 2}, triggers("a", "b"), func(t *Target) {
			t.Policy.Triggers[1].Rule.Absolute = true
			t.Policy.Limits.Max = 2
		})
		f.run(15 * time.Second)
		for _, c := range []struct {
			metric, trigger string
			want            float64
		}{
			{"sample_value", "a", 60},
			{"sample_value", "b", 70},
			{"sample_age_seconds", "a", 5},
			{"sample_age_seconds", "b", 5},
		} {
			if got := f.gather(t, c.metric, "trigger", c.trigger); got == nil || *got != c.want {
				t.Errorf("%s of %s: got %v, want %v", c.metric, c.trigger, got, c.want)
			}
		}
	})
}

// What bounds the steps up may come from a query. It never forces down, and
// without it nothing goes up by the load.
func TestMaxReplicasQuery(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, partitions := newFakePrometheus(10*time.Second, 1000), newFakePrometheus(10*time.Second, 2.9)
		f := newFixtureFrom(Sources{Triggers: []Reader{p}, Max: partitions}, &fakeWorkload{replicas: 1})
		f.run(2 * time.Minute)
		if most := f.gather(t, "max_replicas"); f.workload.replicas != 2 || most == nil || *most != 2 {
			t.Errorf("%d replicas of %v, want 2", f.workload.replicas, most)
		}
		partitions.value = func(time.Time) float64 { return -1 }
		f.run(time.Minute)
		if f.workload.replicas != 2 {
			t.Errorf("%d replicas, want the 2 that there were", f.workload.replicas)
		}
		for _, answer := range []func(sample.Result) sample.Result{failing, empty} {
			partitions.answer = answer
			f.run(time.Minute)
			if most := f.gather(t, "max_replicas"); f.workload.replicas != 2 || most != nil {
				t.Errorf("%d replicas of %v, want 2 of an unknown number", f.workload.replicas, most)
			}
			if l := f.lines(t, ""); l[len(l)-1]["reason"] != string(decide.MaxUnknown) {
				t.Errorf("unexpected line %v", l[len(l)-1])
			}
		}
		partitions.answer, partitions.value = nil, func(time.Time) float64 { return 100 }
		f.run(2 * time.Minute)
		if f.workload.replicas != 4 {
			t.Errorf("%d replicas, want max_replicas, 4", f.workload.replicas)
		}
	})
}
