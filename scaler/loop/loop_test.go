package loop_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/sample"
)

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
		want := `level=info msg=scaled target=camunda namespace=default workload=deployment/web action=up from=1 to=2 value=120 per_instance=120 bound=50 reason=load_high sample_age=0s` + "\n"
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

// A restart is no way around the interval: a crash loop takes no step, whatever
// the load and however often there are new samples.
func TestRestartsTakeNoStep(t *testing.T) {
	for _, scrape := range []time.Duration{time.Second, 10 * time.Second} {
		for _, lives := range []time.Duration{time.Second, 1700 * time.Millisecond, 8 * time.Second} {
			t.Run(fmt.Sprint("scraped every ", scrape, ", restarted every ", lives), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					p, w := newFakePrometheus(scrape, 500), &fakeWorkload{replicas: 1}
					for range 100 {
						newFixture(p, w).run(lives)
					}
					if w.replicas != 1 {
						t.Errorf("%d replicas after restarts, want 1", w.replicas)
					}
					newFixture(p, w).run(20 * time.Second)
					if w.replicas < 2 {
						t.Errorf("%d replicas two intervals after the last start, want more", w.replicas)
					}
				})
			})
		}
	}
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
			if l["msg"] != "shadow scaled" && (l["msg"] != "would scale" || l["action"] != "up" || l["dry_run"] != "true") {
				t.Errorf("unexpected line %v", l)
			}
		}
		var shadow []string
		for _, l := range f.lines(t, "info") {
			if l["msg"] == "shadow scaled" {
				shadow = append(shadow, l["from"]+"-"+l["to"]+" "+l["reason"]+", "+l["replicas"])
			}
		}
		if want := []string{"1-2 load_high, 1", "2-3 load_high, 1", "3-4 load_high, 1"}; !slices.Equal(shadow, want) {
			t.Errorf("the shadow: got %q, want %q", shadow, want)
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

// Paused: nothing is written, whatever the load, and it says so.
func TestPausedNeverWrites(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(newFakePrometheus(10*time.Second, 500), &fakeWorkload{replicas: 1}, func(t *Target) { t.Pause = both })
		f.run(10 * time.Minute)
		if len(f.workload.sets) != 0 {
			t.Error("it wrote")
		}
		if got, want := f.reasons(t, "info"), "none paused"; got != want {
			t.Errorf("got %s, want %s", got, want)
		}
		if l := f.lines(t, "info")[0]; l["msg"] != "holding" || l["value"] != "500" || l["per_instance"] != "500" || l["from"] != "1" || l["to"] != "1" {
			t.Errorf("unexpected line %v", l)
		}
	})
}

// A loop that takes over from another, as after a reload, keeps its beat: no
// second decision within the interval, and none is left out.
func TestContinueKeepsTheBeat(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, w := newFakePrometheus(time.Second, 1000), &fakeWorkload{replicas: 1}
		old := newFixture(p, w)
		for range 20 {
			old.run(3 * time.Second)
			next := newFixture(p, w)
			next.Continue(old.Loop)
			old = next
		}
		if len(w.sets) < 3 || w.replicas != 4 {
			t.Fatalf("%d writes to %d replicas, want 3 to 4", len(w.sets), w.replicas)
		}
		for i := 1; i < len(w.sets); i++ {
			if gap := w.sets[i].Sub(w.sets[i-1]); gap < 8*time.Second || gap > 12*time.Second {
				t.Errorf("%s between two steps, want about 10 s", gap)
			}
		}
	})
}

func TestEvents(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &fakeWorkload{replicas: 1, setErr: errors.New("refused")}
		f := newFixture(newFakePrometheus(10*time.Second, 120), w)
		f.run(25 * time.Second) // two failed writes, of which the second is no news
		w.setErr = nil
		f.run(time.Minute)
		f.prometheus.value = func(time.Time) float64 { return 40 }
		f.run(10 * time.Second)
		var got []string
		for _, e := range f.events {
			got = append(got, fmt.Sprint(e.Warning, " ", e.Reason, ": ", e.Message))
		}
		want := []string{
			"true ScalingFailed: Could not scale from 1 to 2 replicas: 120 on 1 is 120 per replica, and the bound is 50 (connection: refused)",
			"false ScaledUp: Scaled from 1 to 2 replicas: 120 on 1 is 120 per replica, and the bound is 50",
			"false ScaledUp: Scaled from 2 to 3 replicas: 120 on 2 is 60 per replica, and the bound is 50",
			"false ScaledDown: Scaled from 3 to 2 replicas: 40 on 3 is 13.33 per replica, and the bound is 20",
		}
		if !slices.Equal(got, want) {
			t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
	})
}
