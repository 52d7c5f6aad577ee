package loop_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/decide"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/loop"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/loop/looptest"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/metrics"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/sample"
)

// Nothing that is wrong with the answer may ever scale, however long it lasts;
// it is said once, and repeated at debug once per interval.
func TestHoldsAndSaysWhyOnce(t *testing.T) {
	for _, c := range []struct {
		name   string
		answer func(sample.Result) sample.Result
		want   decide.Reason
	}{
		{"no data", func(sample.Result) sample.Result { return sample.Result{Outcome: sample.NoData} }, decide.NoData},
		{"many series", func(r sample.Result) sample.Result {
			return sample.Result{Outcome: sample.ManySeries, Series: 2, Now: r.Now}
		}, decide.ManySeries},
		{"no number", func(r sample.Result) sample.Result { return sample.Result{Outcome: sample.NotANumber, Now: r.Now} }, decide.NotANumber},
		{"future", func(r sample.Result) sample.Result {
			r.Outcome, r.Timestamp = sample.Future, r.Now.Add(time.Minute)
			return r
		}, decide.FromFuture},
		{"error", func(sample.Result) sample.Result {
			return sample.Result{Outcome: sample.Failed, Err: errors.New("no route")}
		}, decide.QueryFailed},
		{"stale", func(r sample.Result) sample.Result {
			r.Timestamp = r.Now.Add(-30*time.Second - time.Millisecond)
			return r
		}, decide.Stale},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newFixture(newFakePrometheus(10*time.Second, 0), &fakeWorkload{replicas: 4})
				f.prometheus.answer = c.answer
				f.run(9 * time.Minute)
				if len(f.workload.sets) != 0 {
					t.Fatal("scaled")
				}
				if got, want := f.reasons(t, "info"), "none "+string(c.want); got != want {
					t.Errorf("at info got %s, want %s", got, want)
				}
				if n := len(f.lines(t, "debug")); n < 40 || n > 54 {
					t.Errorf("%d lines at debug in nine minutes, want about one per interval", n)
				}
				if l := f.lines(t, "info")[0]; l["from"] != "4" || l["value"] != "null" || l["per_instance"] != "null" {
					t.Errorf("unexpected line %v", l)
				}
				f.prometheus.answer = nil
				f.run(21 * time.Second)
				if f.workload.replicas == 4 {
					t.Error("nothing was done after it was over")
				}
			})
		})
	}
}

// The exporter stops: its last sample is used once, then it grows old.
func TestSampleGrowsStale(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(newFakePrometheus(10*time.Second, 0), &fakeWorkload{replicas: 4})
		last := time.Now().Add(10 * time.Second)
		f.prometheus.answer = func(r sample.Result) sample.Result {
			if r.Timestamp.After(last) {
				r.Timestamp = last
			}
			return r
		}
		f.run(5 * time.Minute)
		if f.workload.replicas != 3 {
			t.Errorf("%d replicas, want one step on the last sample", f.workload.replicas)
		}
		if got, want := f.reasons(t, "info"), "down load_low, none sample_used, none stale"; got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	})
}

// A failed write uses the sample up, for it may have happened.
func TestOneAttemptPerSample(t *testing.T) {
	for _, applied := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			w := &fakeWorkload{replicas: 1, setErr: context.DeadlineExceeded, applied: applied}
			f := newFixture(newFakePrometheus(10*time.Second, 1000), w)
			f.run(19 * time.Second)
			if len(w.sets) != 1 {
				t.Errorf("%d writes on one sample, want 1", len(w.sets))
			}
			w.setErr = nil
			f.run(10 * time.Second)
			if want := 2 + map[bool]int32{true: 1}[applied]; w.replicas != want || len(w.sets) != 2 {
				t.Errorf("%d replicas after %d writes, want %d after 2", w.replicas, len(w.sets), want)
			}
			if l := f.lines(t, "error"); len(l) != 1 || l[0]["reason"] != "write_failed" || l[0]["cause"] != "timeout" || l[0]["action"] != "none" {
				t.Errorf("unexpected lines %v", l)
			}
		})
	}
}

// Somebody changes the workload between the read and the write.
func TestConflictIsNotForced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &fakeWorkload{replicas: 1, takes: time.Second}
		f := newFixture(newFakePrometheus(10*time.Second, 60), w)
		time.AfterFunc(10500*time.Millisecond, func() {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.replicas, w.version = 7, 100
		})
		f.run(15 * time.Second)
		if w.replicas != 7 {
			t.Errorf("%d replicas, want the 7 that were set by hand", w.replicas)
		}
		if l := f.lines(t, "error"); len(l) != 1 || l[0]["cause"] != "conflict" {
			t.Errorf("unexpected lines %v", l)
		}
	})
}

// A failed read does not use the sample up: it is tried again while it is
// fresh, and not after.
func TestFailedReadsAreTriedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &fakeWorkload{replicas: 1, getErr: errors.New("connection refused")}
		f := newFixture(newFakePrometheus(time.Hour, 500), w)
		time.Sleep(time.Hour - 11*time.Second) // one sample comes in eleven seconds
		time.AfterFunc(30*time.Second, func() { w.mu.Lock(); w.getErr = nil; w.mu.Unlock() })
		f.run(2 * time.Minute)
		if w.replicas != 2 {
			t.Errorf("%d replicas, want one step on the sample", w.replicas)
		}
		if w.gets > 40 {
			t.Errorf("%d reads, want fewer: attempts back off", w.gets)
		}
	})
}

// The sample was fresh when it was found, but no more when all was known that
// the decision needs.
func TestSampleGrowsOldOnTheWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &fakeWorkload{replicas: 1, getTakes: 31 * time.Second}
		f := newFixture(newFakePrometheus(10*time.Second, 500), w, func(t *Target) { t.Policy.MaxSampleAge = 30 * time.Second })
		f.run(5 * time.Minute)
		if len(w.sets) != 0 {
			t.Error("scaled on a sample that was too old")
		}
		if got, want := f.reasons(t, "info"), "none stale"; got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	})
}

func TestFailedReadsEndWithTheSample(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &fakeWorkload{replicas: 1, getErr: errors.New("connection refused")}
		f := newFixture(newFakePrometheus(time.Hour, 500), w, func(t *Target) { t.Policy.MaxSampleAge = 30 * time.Second })
		time.Sleep(time.Hour - 11*time.Second)
		time.AfterFunc(55*time.Second, func() { w.mu.Lock(); w.getErr = nil; w.mu.Unlock() })
		f.run(2 * time.Minute)
		if w.replicas != 1 {
			t.Errorf("%d replicas: scaled on a sample that was too old", w.replicas)
		}
		if got, want := f.reasons(t, "info"), "none stale, none workload_unreadable, none stale"; got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	})
}

// TestEverythingFailsForAnHour: a hundred targets at once, each with two
// triggers and a query for its maximum, and neither goroutines nor memory nor
// series pile up.
func TestEverythingFailsForAnHour(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := metrics.New()
		ctx, cancel := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		var workloads []*fakeWorkload
		for i := range 100 {
			p, q := newFakePrometheus(10*time.Second, 0), newFakePrometheus(10*time.Second, 0)
			w := &fakeWorkload{replicas: 4, getErr: errors.New("no API server")}
			target := newTarget(triggers("a", "b"), func(t *Target) { t.Name = fmt.Sprint("target-", i) })
			told := m.Target(target.Name)
			told.Configure(target)
			l := loop.New(&target, told.Sources(Sources{Triggers: []Reader{p, q}, Max: p}), told.Scaler(w), told)
			p.answer = func(r sample.Result) sample.Result {
				if time.Since(p.began)/time.Minute%2 == 0 { // fails here and there in turn
					return sample.Result{Outcome: sample.Failed, Err: errors.New("no Prometheus")}
				}
				return r
			}
			q.answer = p.answer
			workloads = append(workloads, w)
			wg.Go(func() { looptest.Run(ctx, l) })
		}
		count := func() (goroutines, series int, heap uint64) {
			synctest.Wait()
			n, err := testutil.GatherAndCount(m)
			if err != nil {
				t.Fatal(err)
			}
			var mem runtime.MemStats
			runtime.GC()
			runtime.ReadMemStats(&mem)
			return runtime.NumGoroutine(), n, mem.HeapAlloc
		}
		time.Sleep(5 * time.Minute)
		goroutines, series, heap := count()
		time.Sleep(time.Hour)
		laterGoroutines, laterSeries, laterHeap := count()
		if laterGoroutines > goroutines || laterSeries > series {
			t.Errorf("after an hour %d goroutines and %d series, before %d and %d", laterGoroutines, laterSeries, goroutines, series)
		}
		// A hundred bytes for each of the 36,000 decisions would be seen.
		if laterHeap > heap+1<<20 {
			t.Errorf("after an hour %d bytes in use, before %d", laterHeap, heap)
		}
		t.Logf("goroutines %d and %d, series %d and %d, bytes %d and %d", goroutines, laterGoroutines, series, laterSeries, heap, laterHeap)
		for _, w := range workloads {
			if len(w.sets) > 0 {
				t.Fatal("scaled")
			}
		}
		cancel()
		wg.Wait()
	})
}
