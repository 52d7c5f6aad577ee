package loop

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-kit/log"
	"github.com/go-kit/log/level"
	"github.com/go-logfmt/logfmt"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/decide"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/metrics"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/sample"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/workload"
)

// fakePrometheus scrapes every so often, beginning when it is made, and its
// clock may differ from this machine's.
type fakePrometheus struct {
	began  time.Time
	every  time.Duration
	ahead  time.Duration                            // of its clock
	answer func(newest sample.Result) sample.Result // what to say instead; nil to answer well
	value  func(ts time.Time) float64
	polls  int
}

func newFakePrometheus(every time.Duration, load float64) *fakePrometheus {
	return &fakePrometheus{began: time.Now(), every: every, value: func(time.Time) float64 { return load }}
}

func (p *fakePrometheus) Newest(context.Context) sample.Result {
	p.polls++
	elapsed := time.Since(p.began).Truncate(p.every)
	r := sample.Result{Outcome: sample.Value, Timestamp: p.began.Add(elapsed + p.ahead), Now: time.Now().Add(p.ahead)}
	if p.answer != nil {
		return p.answer(r)
	}
	return r
}

func (p *fakePrometheus) At(_ context.Context, newest sample.Result) sample.Result {
	newest.Value = p.value(newest.Timestamp)
	return newest
}

// fakeWorkload is a scale with optimistic locking.
type fakeWorkload struct {
	mu       sync.Mutex
	replicas int32
	version  int
	getErr   error
	setErr   error
	applied  bool // with setErr: the write happened nevertheless
	takes    time.Duration
	sets     []time.Time
	gets     int
}

func (w *fakeWorkload) Get(ctx context.Context) (workload.Scale, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.gets++
	if ctx.Err() != nil {
		return workload.Scale{}, ctx.Err()
	}
	return workload.Scale{Replicas: w.replicas, ResourceVersion: fmt.Sprint(w.version)}, w.getErr
}

func (w *fakeWorkload) Set(ctx context.Context, read workload.Scale, replicas int32) error {
	select {
	case <-time.After(w.takes):
	case <-ctx.Done():
		return ctx.Err()
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.sets = append(w.sets, time.Now())
	if read.ResourceVersion != fmt.Sprint(w.version) {
		return apierrors.NewConflict(schema.GroupResource{Resource: "deployments"}, "web", errors.New("changed"))
	}
	if w.setErr == nil || w.applied {
		w.replicas = replicas
		w.version++
	}
	return w.setErr
}

type fixture struct {
	*Loop
	prometheus *fakePrometheus
	workload   *fakeWorkload
	log        *bytes.Buffer
	registry   *prometheus.Registry
}

func newFixture(p *fakePrometheus, w *fakeWorkload, change ...func(*Target)) *fixture {
	target := Target{
		Name: "camunda", Workload: workload.Ref{APIVersion: "apps/v1", Kind: "Deployment", Namespace: "default", Name: "web"},
		Rule: decide.DefaultRule(), Interval: 10 * time.Second, MaxSampleAge: 30 * time.Second,
	}
	for _, c := range change {
		c(&target)
	}
	m := metrics.New()
	f := &fixture{prometheus: p, workload: w, log: &bytes.Buffer{}, registry: prometheus.NewRegistry()}
	f.registry.MustRegister(m)
	f.Loop = New(target, p, w, m.Target(target.Name), log.NewLogfmtLogger(f.log))
	return f
}

// run runs the loop for a while of simulated time.
func (f *fixture) run(d time.Duration) {
	ctx, cancel := context.WithTimeout(context.Background(), d)
	defer cancel()
	f.Run(ctx)
}

// lines returns the log, at that level or all if it is "".
func (f *fixture) lines(t *testing.T, atLevel string) []map[string]string {
	t.Helper()
	var lines []map[string]string
	d := logfmt.NewDecoder(bytes.NewReader(f.log.Bytes()))
	for d.ScanRecord() {
		l := map[string]string{}
		for d.ScanKeyval() {
			l[string(d.Key())] = string(d.Value())
		}
		if atLevel == "" || l["level"] == atLevel {
			lines = append(lines, l)
		}
	}
	if err := d.Err(); err != nil {
		t.Fatal(err)
	}
	return lines
}

func (f *fixture) reasons(t *testing.T, atLevel string) string {
	t.Helper()
	var reasons []string
	for _, l := range f.lines(t, atLevel) {
		reasons = append(reasons, l["action"]+" "+l["reason"])
	}
	return strings.Join(reasons, ", ")
}

func TestScalesStepByStep(t *testing.T) {
	for _, every := range []time.Duration{time.Second, 5 * time.Second, 10 * time.Second} {
		synctest.Test(t, func(t *testing.T) {
			f := newFixture(newFakePrometheus(every, 120), &fakeWorkload{replicas: 1})
			f.run(time.Minute)
			if f.workload.replicas != 3 {
				t.Errorf("scraped every %s: %d replicas, want 3", every, f.workload.replicas)
			}
			for i := 1; i < len(f.workload.sets); i++ {
				if gap := f.workload.sets[i].Sub(f.workload.sets[i-1]); gap < 8*time.Second || gap > 12*time.Second {
					t.Errorf("scraped every %s: %s between two steps, want about 10 s", every, gap)
				}
			}
			if got, want := f.reasons(t, "info"), "up load_high, up load_high, none within_bounds"; got != want {
				t.Errorf("scraped every %s: got %s, want %s", every, got, want)
			}
		})
	}
}

func TestALineHasAllKeys(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(newFakePrometheus(10*time.Second, 120), &fakeWorkload{replicas: 1})
		f.run(11 * time.Second)
		want := `level=info msg=scaled target=camunda namespace=default workload=deployment/web action=up from=1 to=2 started=120 per_instance=120 bound=50 reason=load_high sample_age=0s` + "\n"
		if got := f.log.String(); got != want {
			t.Errorf("got\n%swant\n%s", got, want)
		}
	})
}

// A new sample is noticed within a second of its scrape, and while none can be
// due Prometheus is left alone.
func TestPollsOnlyWhenASampleCanBeDue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(newFakePrometheus(10*time.Second, 30), &fakeWorkload{replicas: 1})
		time.Sleep(1234 * time.Millisecond)
		f.run(10 * time.Minute)
		lines := f.lines(t, "")
		if n := len(lines); n < 59 || n > 60 {
			t.Errorf("%d decisions in ten minutes, want 59 or 60", n)
		}
		for _, l := range lines {
			age, err := time.ParseDuration(l["sample_age"])
			if err != nil || age > time.Second {
				t.Errorf("a sample was noticed %s after its scrape: %v", l["sample_age"], err)
			}
		}
		if f.prometheus.polls > 4*60+20 {
			t.Errorf("%d polls in ten minutes, want at most four an interval", f.prometheus.polls)
		}
	})
}

// On a start nothing is done on a sample that may have been acted on before.
func TestRestartDoesNotStepTwiceOnOneSample(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, w := newFakePrometheus(10*time.Second, 500), &fakeWorkload{replicas: 1}
		for range 9 { // a crash loop, while there is one new sample
			newFixture(p, w).run(time.Second)
		}
		if w.replicas != 1 {
			t.Errorf("%d replicas after restarts without a new sample, want 1", w.replicas)
		}
		newFixture(p, w).run(2 * time.Second)
		if w.replicas != 2 {
			t.Errorf("%d replicas after a new sample, want 2", w.replicas)
		}
	})
}

func TestClockSkewDoesNotMatter(t *testing.T) {
	for _, ahead := range []time.Duration{-time.Hour, time.Hour} {
		synctest.Test(t, func(t *testing.T) {
			f := newFixture(newFakePrometheus(10*time.Second, 120), &fakeWorkload{replicas: 1})
			f.prometheus.ahead = ahead
			f.run(time.Minute)
			if f.workload.replicas != 3 {
				t.Errorf("Prometheus's clock %s ahead: %d replicas, want 3", ahead, f.workload.replicas)
			}
		})
	}
}

// Prometheus's clock is set back an hour: the scaler goes on when it sees
// samples by the new clock.
func TestClockSetBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(newFakePrometheus(10*time.Second, 60), &fakeWorkload{replicas: 2})
		f.prometheus.ahead = time.Hour
		f.run(35 * time.Second)
		f.prometheus.ahead, f.prometheus.value = 0, func(time.Time) float64 { return 200 }
		f.run(55 * time.Second)
		if f.workload.replicas != 4 {
			t.Errorf("%d replicas, want 4", f.workload.replicas)
		}
	})
}

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
				f.run(10 * time.Minute)
				if len(f.workload.sets) != 0 {
					t.Fatal("scaled")
				}
				if got, want := f.reasons(t, "info"), "none "+string(c.want); got != want {
					t.Errorf("at info got %s, want %s", got, want)
				}
				if n := len(f.lines(t, "debug")); n < 45 || n > 60 {
					t.Errorf("%d lines at debug in ten minutes, want about one per interval", n)
				}
				if l := f.lines(t, "info")[0]; l["from"] != "4" || l["started"] != "null" || l["per_instance"] != "null" {
					t.Errorf("unexpected line %v", l)
				}
				f.prometheus.answer = nil
				f.run(11 * time.Second)
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
		if got, want := f.reasons(t, "info"), "down load_low, none stale"; got != want {
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
			if want := int32(2 + boolInt(applied)); w.replicas != want || len(w.sets) != 2 {
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
		time.Sleep(time.Hour - time.Second) // one sample comes in a second
		time.AfterFunc(20*time.Second, func() { w.mu.Lock(); w.getErr = nil; w.mu.Unlock() })
		f.run(2 * time.Minute)
		if w.replicas != 2 {
			t.Errorf("%d replicas, want one step on the sample", w.replicas)
		}
		if w.gets > 40 {
			t.Errorf("%d reads, want fewer: attempts back off", w.gets)
		}
	})
}

func TestFailedReadsEndWithTheSample(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &fakeWorkload{replicas: 1, getErr: errors.New("connection refused")}
		f := newFixture(newFakePrometheus(time.Hour, 500), w)
		time.Sleep(time.Hour - time.Second)
		time.AfterFunc(45*time.Second, func() { w.mu.Lock(); w.getErr = nil; w.mu.Unlock() })
		f.run(2 * time.Minute)
		if w.replicas != 1 {
			t.Errorf("%d replicas: scaled on a sample that was too old", w.replicas)
		}
		if got, want := f.reasons(t, "info"), "none workload_unreadable, none stale"; !strings.HasPrefix(got, "none stale") && !strings.Contains(got, want) {
			t.Errorf("got %s, want %s", got, want)
		}
	})
}

// A stop lets a write that is under way finish.
func TestStopFinishesTheWrite(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &fakeWorkload{replicas: 1, takes: 3 * time.Second}
		f := newFixture(newFakePrometheus(10*time.Second, 500), w)
		f.run(11 * time.Second)
		if w.replicas != 2 {
			t.Errorf("%d replicas, want the write to have finished", w.replicas)
		}
	})
}

func TestDryRunNeverWrites(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(newFakePrometheus(10*time.Second, 500), &fakeWorkload{replicas: 1}, func(t *Target) { t.DryRun = true })
		f.run(35 * time.Second)
		if len(f.workload.sets) != 0 {
			t.Error("it wrote")
		}
		for _, l := range f.lines(t, "") {
			if l["msg"] != "would scale" || l["action"] != "up" || l["dry_run"] != "true" {
				t.Errorf("unexpected line %v", l)
			}
		}
	})
}

func TestOnce(t *testing.T) {
	noData := func(sample.Result) sample.Result { return sample.Result{Outcome: sample.NoData} }
	for _, c := range []struct {
		name   string
		change func(*fixture)
		err    string
		sets   int
	}{
		{"a fresh sample is decided on at once", func(*fixture) {}, "", 1},
		{"nothing to do is a decision too", func(f *fixture) { f.workload.replicas = 10 }, "", 0},
		{"no data", func(f *fixture) { f.prometheus.answer = noData }, "no_data", 0},
		{"no workload", func(f *fixture) { f.workload.getErr = errors.New("gone") }, "gone", 0},
		{"a failed write", func(f *fixture) { f.workload.setErr = errors.New("refused") }, "refused", 1},
		{"no number", func(f *fixture) {
			f.prometheus.answer = func(r sample.Result) sample.Result { r.Outcome = sample.NotANumber; return r }
		}, "not_a_number", 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newFixture(newFakePrometheus(10*time.Second, 500), &fakeWorkload{replicas: 1})
				c.change(f)
				ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
				defer cancel()
				err := f.Once(ctx)
				if (err == nil) != (c.err == "") || err != nil && !strings.Contains(err.Error(), c.err) {
					t.Errorf("got %v, want %q", err, c.err)
				}
				if len(f.workload.sets) != c.sets {
					t.Errorf("%d writes, want %d", len(f.workload.sets), c.sets)
				}
			})
		})
	}
}

func TestReady(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(newFakePrometheus(10*time.Second, 30), &fakeWorkload{replicas: 1})
		if f.Worked() == nil {
			t.Error("ready before the first cycle")
		}
		f.run(15 * time.Second)
		if err := f.Worked(); err != nil {
			t.Error(err)
		}
		f.workload.getErr = errors.New("down")
		f.run(time.Minute)
		if f.Worked() == nil {
			t.Error("ready although the workload could not be read for a minute")
		}
		f.workload.getErr = nil
		f.run(time.Minute)
		f.prometheus.answer = func(sample.Result) sample.Result {
			return sample.Result{Outcome: sample.Failed, Err: errors.New("down")}
		}
		f.run(time.Minute)
		if f.Worked() == nil {
			t.Error("ready although Prometheus was away for a minute")
		}
	})
}

// TestEverythingFailsForAnHour: a hundred targets at once, and neither
// goroutines nor series pile up.
func TestEverythingFailsForAnHour(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := metrics.New()
		registry := prometheus.NewRegistry()
		registry.MustRegister(m)
		ctx, cancel := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		var loops []*fixture
		for i := range 100 {
			f := newFixture(newFakePrometheus(10*time.Second, 0), &fakeWorkload{replicas: 4})
			f.target.Name = fmt.Sprint("target-", i)
			f.metrics, f.logger = m.Target(f.target.Name), level.NewFilter(log.NewLogfmtLogger(io.Discard), level.AllowNone())
			f.workload.getErr = errors.New("no API server")
			f.prometheus.answer = func(r sample.Result) sample.Result {
				if time.Since(f.prometheus.began)/time.Minute%2 == 0 { // fails here and there in turn
					return sample.Result{Outcome: sample.Failed, Err: errors.New("no Prometheus")}
				}
				return r
			}
			loops = append(loops, f)
			wg.Go(func() { f.Run(ctx) })
		}
		count := func() (goroutines, series int) {
			synctest.Wait()
			n, err := testutil.GatherAndCount(registry)
			if err != nil {
				t.Fatal(err)
			}
			return runtime.NumGoroutine(), n
		}
		time.Sleep(5 * time.Minute)
		goroutines, series := count()
		time.Sleep(time.Hour)
		laterGoroutines, laterSeries := count()
		if laterGoroutines > goroutines || laterSeries > series {
			t.Errorf("after an hour %d goroutines and %d series, before %d and %d", laterGoroutines, laterSeries, goroutines, series)
		}
		for _, f := range loops {
			if len(f.workload.sets) > 0 {
				t.Fatal("scaled")
			}
		}
		cancel()
		wg.Wait()
	})
}

// BenchmarkCycle is one whole cycle that decides, without network.
func BenchmarkCycle(b *testing.B) {
	p := newFakePrometheus(time.Nanosecond, 30)
	f := newFixture(p, &fakeWorkload{replicas: 1})
	f.logger = level.NewFilter(log.NewLogfmtLogger(io.Discard), level.AllowInfo())
	ts := time.Now()
	p.answer = func(r sample.Result) sample.Result {
		ts = ts.Add(10 * time.Second)
		r.Timestamp, r.Now = ts, ts
		return r
	}
	b.ReportAllocs()
	for b.Loop() {
		f.cycle(b.Context())
	}
}
