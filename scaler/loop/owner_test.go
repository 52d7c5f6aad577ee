package loop

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-kit/log"

	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/workload"
)

// Another autoscaler writes the replicas: hands off, until it has gone.
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
		if l := f.lines(t, "info"); len(l) != 1 || l[0]["reason"] != "owned_by_other" || l[0]["owner"] != "horizontalpodautoscaler/web" || l[0]["started"] != "500" {
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
			t.Error("it goes on to ask for HPAs")
		}
		w.hpa = "web"
		w.change(hpa, 1)
		f.run(5 * time.Minute)
		if w.replicas != 1 {
			t.Errorf("%d replicas, want 1: the HPA is there again", w.replicas)
		}
		w.change(user, 1)
		f.run(11 * time.Second)
		if w.replicas < 2 {
			t.Errorf("%d replicas, want more: somebody else has written since", w.replicas)
		}
	})
}

// Whether the autoscaler is there cannot be found out: hold, and say why.
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
		w := &fakeWorkload{replicas: 1, paused: true}
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
		w.paused = false
		f.run(11 * time.Second)
		if got := f.gather(t, "paused"); w.replicas < 2 || *got != 0 {
			t.Errorf("%d replicas, and paused is %v", w.replicas, *got)
		}
	})
}

// A change by hand is told once, and stands until the load asks for another.
func TestForeignChangeIsToldOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &fakeWorkload{replicas: 2}
		f := newFixture(newFakePrometheus(10*time.Second, 100), w, func(t *Target) { t.Policy.Limits.Max = 2 })
		f.run(time.Minute)
		w.change(user, 3)
		f.run(5 * time.Minute)
		want := `level=info msg="replicas changed by somebody else" target=camunda namespace=default workload=deployment/web manager=kubectl from=2 to=3`
		if n := strings.Count(f.log.String(), want); n != 1 || strings.Count(f.log.String(), "somebody else") != 1 {
			t.Errorf("told %d times:\n%s", n, f.log)
		}
		if got := f.gather(t, "foreign_changes_total"); got == nil || *got != 1 {
			t.Errorf("counted %v, want 1", got)
		}
		if w.replicas != 3 {
			t.Errorf("%d replicas, want the 3 that were set by hand", w.replicas)
		}
		w.uid = "another"
		f.run(time.Minute)
		if n := strings.Count(f.log.String(), `msg="the workload was recreated"`); n != 1 {
			t.Errorf("recreation told %d times", n)
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
		f := newFixture(newFakePrometheus(10*time.Second, 500), &fakeWorkload{replicas: 1})
		w := &full{}
		f.logger = log.NewLogfmtLogger(log.NewSyncWriter(w))
		f.run(2 * time.Minute)
		if w.lines == 0 || f.workload.replicas != 4 || f.Worked() != nil {
			t.Errorf("%d lines, %d replicas, %v", w.lines, f.workload.replicas, f.Worked())
		}
	})
}
