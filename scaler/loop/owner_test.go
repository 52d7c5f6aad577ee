package loop_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-kit/log"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/loop"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/loop/looptest"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/report"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/workload"
)

// Another autoscaler of the workload has it alone, until it has gone.
func TestOwnedByAnHPA(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &fakeWorkload{replicas: 2, writer: hpa, hpa: "web"}
		f := newFixture(newFakePrometheus(10*time.Second, 500), w)
		f.run(10 * time.Minute)
		if len(w.sets) != 0 {
			t.Fatal("it wrote what another autoscaler writes")
		}
		if w.hpaChecks < 9 || w.hpaChecks > 10 {
			t.Errorf("%d checks in ten minutes, want one a minute", w.hpaChecks)
		}
		if l := f.lines(t, "info"); len(l) != 1 || l[0]["reason"] != "owned_by_other" || l[0]["owner"] != "horizontalpodautoscaler/web" || l[0]["value"] != "500" {
			t.Errorf("unexpected lines %v", l)
		}
		w.hpa = ""
		f.run(90 * time.Second)
		if w.replicas != 4 {
			t.Errorf("%d replicas, want 4 after the HPA has gone", w.replicas)
		}
		checks := w.hpaChecks
		f.run(5 * time.Minute)
		if w.hpaChecks != checks {
			t.Error("it goes on to list HPAs")
		}
		w.hpa = "web"
		w.change(hpa, 1)
		f.run(5 * time.Minute)
		if w.replicas != 1 {
			t.Errorf("%d replicas, want 1: the HPA is there again", w.replicas)
		}
		w.change(user, 2)
		f.run(5 * time.Minute)
		if w.replicas != 2 {
			t.Errorf("%d replicas, want 2: the HPA is still there", w.replicas)
		}
	})
}

// The writes of a HorizontalPodAutoscaler need not tell that it is one: they
// leave no trace on a workload that was created by server-side apply without
// replicas, and a vendor's control plane has a name of its own.
func TestHPAThatIsNotKnownByItsWrites(t *testing.T) {
	for name, writer := range map[string]workload.Writer{
		"no trace":      {},
		"vendor's name": {Manager: "vendor-autoscaler", Subresource: "scale"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := &fakeWorkload{replicas: 2, writer: writer, hpa: "web"}
				f := newFixture(newFakePrometheus(10*time.Second, 500), w)
				f.run(5 * time.Minute)
				if l := f.lines(t, "info"); len(w.sets) != 0 || len(l) != 1 || l[0]["reason"] != "owned_by_other" || l[0]["owner"] != "horizontalpodautoscaler/web" {
					t.Fatalf("%d writes at the start, lines %v", len(w.sets), l)
				}
				w.hpa = ""
				f.run(2 * time.Minute)
				if w.replicas != 4 {
					t.Fatalf("%d replicas, want 4 after the HPA has gone", w.replicas)
				}
				w.hpa = "late"
				w.change(writer, 3)
				sets := len(w.sets)
				f.run(5 * time.Minute)
				if l := f.lines(t, "info"); len(w.sets) != sets || l[len(l)-1]["owner"] != "horizontalpodautoscaler/late" {
					t.Errorf("%d writes after another HPA's, line %v", len(w.sets)-sets, l[len(l)-1])
				}
			})
		})
	}
}

// The right to list HPAs is optional, and an outage of theirs stops nothing: the
// known names of writers are what remains.
func TestHPAsCannotBeListed(t *testing.T) {
	for name, c := range map[string]struct {
		err    error
		checks int // in ten minutes
	}{
		"no right": {apierrors.NewForbidden(schema.GroupResource{Resource: "horizontalpodautoscalers"}, "", errors.New("no rule")), 1},
		"outage":   {errors.New("500"), 10},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := &fakeWorkload{replicas: 2, hpaErr: c.err}
				f := newFixture(newFakePrometheus(10*time.Second, 500), w)
				f.run(10 * time.Minute)
				if w.replicas != 4 || w.hpaChecks < c.checks-1 || w.hpaChecks > c.checks {
					t.Errorf("%d replicas, %d checks, want 4 and about %d", w.replicas, w.hpaChecks, c.checks)
				}
				w.change(hpa, 2)
				f.run(5 * time.Minute)
				if l := f.lines(t, "info"); w.replicas != 2 || l[len(l)-1]["owner"] != "kube-controller-manager" || l[len(l)-1]["err"] == "" {
					t.Errorf("%d replicas, last line %v", w.replicas, l[len(l)-1])
				}
			})
		})
	}
}

// Two scalers that do not share a Lease, such as one that somebody runs on a
// laptop, take no two steps within an interval. The other takes over when one
// has gone.
func TestTwoScalers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &fakeWorkload{replicas: 1}
		var load atomic.Int64
		load.Store(160)
		p := newFakePrometheus(10*time.Second, 0)
		p.value = func(time.Time) float64 { return float64(load.Load()) }
		a, b := newFixture(p, w), newFixture(&fakePrometheus{began: p.began, every: p.every, value: p.value}, w)
		ctx, stop := context.WithCancel(t.Context())
		both := func(ctx context.Context) {
			var ended sync.WaitGroup
			ended.Go(func() { looptest.Run(ctx, a.Loop) })
			time.Sleep(70 * time.Millisecond)
			ended.Go(func() { looptest.Run(ctx, b.Loop) })
			ended.Wait()
		}
		go both(ctx)
		time.Sleep(2 * time.Minute)
		load.Store(10)
		time.Sleep(2 * time.Minute)
		stop()
		synctest.Wait()
		if w.replicas != 1 || len(w.sets) != 6 {
			t.Errorf("%d replicas after %d writes, want 1 after 6", w.replicas, len(w.sets))
		}
		for i := 1; i < len(w.sets); i++ {
			if apart := w.sets[i].Sub(w.sets[i-1]); apart < 9*time.Second {
				t.Errorf("two steps within %s", apart)
			}
		}
		waited := 0
		for _, f := range []*fixture{a, b} {
			for _, l := range f.lines(t, "info") {
				if l["reason"] == "owned_by_other" && l["owner"] == "another camunda-scaler" {
					waited++
				}
			}
		}
		if waited == 0 {
			t.Errorf("neither noticed the other:\n%s\n%s", a.log, b.log)
		}
		load.Store(160)
		began := time.Now()
		b.run(2 * time.Minute)
		if w.replicas != 4 || w.sets[6].Sub(began) > 70*time.Second {
			t.Errorf("%d replicas: the other has not taken over", w.replicas)
		}
	})
}

// Neither its own step whose answer was lost, nor that of the former leader, nor
// that of the scaler beside which it is on trial is another scaler's.
func TestNoOtherScaler(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &fakeWorkload{replicas: 1, setErr: errors.New("EOF"), applied: true}
		f := newFixture(newFakePrometheus(10*time.Second, 500), w)
		f.run(25 * time.Second) // two steps
		w.setErr = nil
		next := newFixture(f.prometheus, w)
		next.run(25 * time.Second)
		if w.replicas != 4 {
			t.Errorf("%d replicas, want 4", w.replicas)
		}
		trial := newFixture(f.prometheus, w, func(t *Target) { t.DryRun = true; t.Policy.Limits.Max = 10 })
		trial.run(25 * time.Second)
		w.change(own, 5)
		trial.run(25 * time.Second)
		for _, f := range []*fixture{f, next, trial} {
			if reasons := f.reasons(t, ""); strings.Contains(reasons, "owned_by_other") {
				t.Error(reasons)
			}
		}
	})
}

// A dry run beside an HPA is how the two are compared.
func TestDryRunBesideAnHPA(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &fakeWorkload{replicas: 2, writer: workload.Writer{Manager: "keda-operator"}, hpa: "keda-hpa-camunda"}
		f := newFixture(newFakePrometheus(10*time.Second, 500), w, func(t *Target) { t.DryRun = true })
		f.run(25 * time.Second)
		if got := f.reasons(t, ""); got != "up load_high, up load_high" || len(w.sets) != 0 {
			t.Errorf("decided %q and wrote %v, want two steps up and no write", got, w.sets)
		}
	})
}

// Whether the autoscaler still exists cannot be found out: hold, and log why.
func TestOwnerUnknown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &fakeWorkload{replicas: 2, writer: workload.Writer{Manager: "keda-operator"}, hpaErr: errors.New("refused")}
		f := newFixture(newFakePrometheus(10*time.Second, 500), w)
		f.run(10 * time.Minute)
		if len(w.sets) != 0 {
			t.Fatal("it wrote what another autoscaler may write")
		}
		if l := f.lines(t, "info"); len(l) != 1 || l[0]["owner"] != "keda-operator" || l[0]["err"] != "refused" {
			t.Errorf("unexpected lines %v", l)
		}
	})
}

func TestPausedByAnnotation(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &fakeWorkload{replicas: 1, pause: both}
		f := newFixture(newFakePrometheus(10*time.Second, 500), w)
		f.run(10 * time.Minute)
		if len(w.sets) != 0 {
			t.Fatal("it wrote")
		}
		if l := f.lines(t, "info"); len(l) != 1 || l[0]["reason"] != "paused" || l[0]["paused_by"] != "annotation" {
			t.Errorf("unexpected lines %v", l)
		}
		if got := f.gather(t, "paused"); got == nil || *got != 1 {
			t.Errorf("paused is %v, want 1", got)
		}
		w.pause = workload.Pause{}
		f.run(11 * time.Second)
		if got := f.gather(t, "paused"); w.replicas < 2 || got != nil {
			t.Errorf("%d replicas, and paused is %v, want none", w.replicas, got)
		}
	})
}

// A change by hand is logged once, and stands as long as the rule allows it.
func TestForeignChangeIsLoggedOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &fakeWorkload{replicas: 2}
		f := newFixture(newFakePrometheus(10*time.Second, 100), w, func(t *Target) { t.Policy.Limits.Max = 2 })
		f.run(time.Minute)
		w.change(user, 3)
		f.run(5 * time.Minute)
		want := `level=info msg="replicas changed by another writer" target=camunda namespace=default workload=deployment/web manager=kubectl from=2 to=3`
		if n := strings.Count(f.log.String(), want); n != 1 || strings.Count(f.log.String(), "another writer") != 1 {
			t.Errorf("logged %d times:\n%s", n, f.log)
		}
		if got := f.gather(t, "foreign_changes_total"); got == nil || *got != 1 {
			t.Errorf("counted %v, want 1", got)
		}
		if w.replicas != 3 {
			t.Errorf("%d replicas, want the 3 that were set by hand", w.replicas)
		}
		w.uid = "another"
		f.run(time.Minute)
		if n := strings.Count(f.log.String(), `msg="workload recreated"`); n != 1 {
			t.Errorf("the recreation is logged %d times", n)
		}
	})
}

// A GitOps tool resets the replicas whenever they differ from its own.
func TestContestedReplicas(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &fakeWorkload{replicas: 1}
		f := newFixture(newFakePrometheus(10*time.Second, 500), w)
		reset := time.NewTicker(3 * time.Second)
		defer reset.Stop()
		done := make(chan struct{})
		go func() {
			for {
				select {
				case <-reset.C:
					w.mu.Lock()
					replicas := w.replicas
					w.mu.Unlock()
					if replicas != 1 {
						w.change(workload.Writer{Manager: "argocd-controller"}, 1)
					}
				case <-done:
					return
				}
			}
		}()
		f.run(5 * time.Minute)
		reloaded := newFixture(f.prometheus, w) // which makes nothing forgotten
		reloaded.Continue(f.Loop)
		f = reloaded
		f.run(4 * time.Minute)
		if len(w.sets) != 2 {
			t.Errorf("%d steps, want 2 and then none", len(w.sets))
		}
		if l := f.lines(t, "info"); l[len(l)-1]["reason"] != "contested" {
			t.Errorf("unexpected line %v", l[len(l)-1])
		}
		f.run(3 * time.Minute)
		if len(w.sets) < 3 {
			t.Error("it gave up for good")
		}
		close(done)
		synctest.Wait()
	})
}

// full is a disk that is full.
type full struct{ lines int }

func (w *full) Write([]byte) (int, error) {
	w.lines++
	return 0, errors.New("no space left on device")
}

// The log cannot be written: the work goes on.
func TestLogThatCannotBeWritten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		disk, w := &full{}, &fakeWorkload{replicas: 1}
		from := Sources{Triggers: []Reader{newFakePrometheus(10*time.Second, 500)}}
		f := fixture{Loop: loop.New(new(newTarget()), from, w, report.NewLog(log.NewLogfmtLogger(log.NewSyncWriter(disk))))}
		f.run(2 * time.Minute)
		if disk.lines == 0 || w.replicas != 4 || f.Worked() != nil {
			t.Errorf("%d lines, %d replicas, %v", disk.lines, w.replicas, f.Worked())
		}
	})
}
