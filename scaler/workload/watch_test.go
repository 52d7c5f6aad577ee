package workload

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-kit/log"
	"github.com/go-kit/log/level"
)

// inBubble runs a test in virtual time, beside a watch, and returns what the
// watch logs at info and above.
func inBubble(t *testing.T, a *api, test func(t *testing.T, w *Workload)) string {
	t.Helper()
	var text strings.Builder
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		w := a.workload()
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			w.Watch(ctx, level.NewFilter(log.NewLogfmtLogger(&text), level.AllowInfo()))
		}()
		synctest.Wait()
		test(t, w)
		cancel()
		<-ended
	})
	return text.String()
}

func mustGet(t *testing.T, w *Workload) Scale {
	t.Helper()
	scale, err := w.Get(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return scale
}

func TestSteadyStateCostsNoRequest(t *testing.T) {
	a := newAPI()
	logged := inBubble(t, a, func(t *testing.T, w *Workload) {
		if got := a.take(); got != "list watch" {
			t.Fatalf("the watch asked %q", got)
		}
		if scale := mustGet(t, w); !scale.Asked || a.take() != "get" {
			t.Errorf("got %+v", scale)
		}
		for range 1000 {
			if scale := mustGet(t, w); scale.Replicas != 1 || scale.Ready == nil || scale.Asked {
				t.Fatalf("got %+v", scale)
			}
		}
		if got := a.take(); got != "" {
			t.Errorf("asked %q, want nothing", got)
		}
		a.change(true, func() { a.replicas = 3 })
		synctest.Wait()
		if scale := mustGet(t, w); scale.Replicas != 3 || a.take() != "get" {
			t.Errorf("got %+v after a change", scale)
		}
	})
	if logged != "" {
		t.Errorf("logged %s", logged)
	}
}

// What Set was told is as good as a Get, and never the number from before.
func TestGetAfterSet(t *testing.T) {
	for _, shown := range []bool{true, false} {
		a := newAPI()
		inBubble(t, a, func(t *testing.T, w *Workload) {
			if err := w.Set(t.Context(), mustGet(t, w), 2); err != nil {
				t.Fatal(err)
			}
			a.take()
			if shown {
				a.set(func() { a.streams[0].Modify(a.object()) })
				synctest.Wait()
			}
			scale := mustGet(t, w)
			if scale.Replicas != 2 || scale.ResourceVersion != "2" {
				t.Errorf("shown %t: got %+v", shown, scale)
			}
			if asked := a.take(); shown && asked != "" {
				t.Errorf("asked %q though the watch shows what was written", asked)
			}
		})
	}
}

// A watch that hangs does not let a write through that it would have shown to
// be wrong, and does not stand in the way of the next one.
func TestHangingWatchIsSafe(t *testing.T) {
	a := newAPI()
	inBubble(t, a, func(t *testing.T, w *Workload) {
		mustGet(t, w)
		a.change(false, func() { a.replicas, a.paused = 3, true })
		old := mustGet(t, w)
		if old.Replicas != 1 || old.Paused || old.Asked {
			t.Fatalf("got %+v, want what the watch shows", old)
		}
		if err := w.Set(t.Context(), old, 2); CauseOf(err) != CauseConflict {
			t.Fatalf("got %v, want a conflict", err)
		}
		for range 2 {
			if scale := mustGet(t, w); scale.Replicas != 3 || !scale.Paused || scale.ResourceVersion != "2" {
				t.Errorf("got %+v, want what the API server knows", scale)
			}
		}
		a.change(false, func() { a.paused = false })
		if scale := mustGet(t, w); scale.Paused {
			t.Errorf("got %+v", scale)
		}
	})
}

// What changes all the time is bound to a version at which all of it was true.
func TestRestlessWorkload(t *testing.T) {
	a := newAPI()
	a.restless = true
	w := a.workload()
	scale := mustGet(t, w)
	if asked := a.take(); asked != "list get list get list get" || scale.ResourceVersion != "6" {
		t.Errorf("asked %q and got %+v, want the version of the last list", asked, scale)
	}
	a.restless = false
	if err := w.Set(t.Context(), scale, 2); CauseOf(err) != CauseConflict {
		t.Errorf("got %v, want a conflict", err)
	}
}

// Without a watch every Get asks, and knows as much.
func TestNotWatched(t *testing.T) {
	a := newAPI()
	a.paused = true
	w := a.workload()
	for _, want := range []string{"list get", "list", "list"} {
		if scale := mustGet(t, w); scale.Ready == nil || !scale.Paused || !scale.Asked {
			t.Errorf("got %+v", scale)
		}
		if got := a.take(); got != want {
			t.Errorf("asked %q, want %q", got, want)
		}
	}
}

func TestMissingRightIsSaidOnce(t *testing.T) {
	for _, c := range []struct {
		forbidden []string
		asks      string
		known     bool
		logged    string
	}{
		{[]string{"list", "watch"}, "get", false, `level=warn namespace=bpm workload=deployment/web msg="the workload cannot be watched" missing_right="list deployments.apps named web" lost="the annotation camunda-autoscaler/paused, wait_for_ready, and who else`},
		{[]string{"watch"}, "list", true, `level=warn namespace=bpm workload=deployment/web msg="the workload cannot be watched" missing_right="watch deployments.apps named web" lost="each decision costs a request"`},
	} {
		a := newAPI()
		a.forbid(c.forbidden...)
		logged := inBubble(t, a, func(t *testing.T, w *Workload) {
			mustGet(t, w)
			time.Sleep(time.Hour)
			if n := len(strings.Fields(a.take())); n > 300 {
				t.Errorf("%d requests in an hour", n)
			}
			if scale := mustGet(t, w); (scale.Ready != nil) != c.known || scale.Replicas != 1 {
				t.Errorf("got %+v", scale)
			}
			if asked := a.take(); asked != c.asks {
				t.Errorf("asked %q, want %q", asked, c.asks)
			}
			a.forbid()
			time.Sleep(time.Minute)
			if scale := mustGet(t, w); scale.Ready == nil {
				t.Errorf("got %+v after the right was granted", scale)
			}
		})
		lines := strings.Split(strings.TrimSpace(logged), "\n")
		if len(lines) != 2 || !strings.HasPrefix(lines[0], c.logged) || lines[1] != `level=info namespace=bpm workload=deployment/web msg="the workload is watched now"` {
			t.Errorf("logged\n%s", logged)
		}
	}
}

// Whoever takes the right away does not end a pause by it. At first it is not
// believed at all: an API server that starts refuses for a moment.
func TestPauseOutlivesTheRightToSeeIt(t *testing.T) {
	a := newAPI()
	logged := inBubble(t, a, func(t *testing.T, w *Workload) {
		a.change(true, func() { a.paused = true })
		synctest.Wait()
		mustGet(t, w)
		end := func() { a.set(func() { a.streams[len(a.streams)-1].Stop() }) }

		a.forbid("list", "watch")
		end()
		synctest.Wait()
		if _, err := w.Get(t.Context()); CauseOf(err) != CauseForbidden {
			t.Errorf("got %v, want forbidden", err)
		}
		a.forbid()
		time.Sleep(time.Minute)
		if scale := mustGet(t, w); !scale.Paused || scale.Asked {
			t.Errorf("got %+v, want what the watch shows", scale)
		}

		a.forbid("list", "watch")
		end()
		time.Sleep(10 * time.Minute)
		if scale := mustGet(t, w); !scale.Paused || scale.Ready != nil {
			t.Errorf("got %+v, want a pause", scale)
		}
	})
	if lines := strings.Count(logged, "\n"); lines != 1 {
		t.Errorf("logged\n%s", logged)
	}
}

// While the API server is away there is no storm, neither of lines nor of
// requests, and Get says so.
func TestAPIServerAway(t *testing.T) {
	a := newAPI()
	logged := inBubble(t, a, func(t *testing.T, w *Workload) {
		mustGet(t, w)
		away := errors.New("connection refused")
		a.set(func() {
			for _, verb := range []string{"list", "watch", "get", "patch"} {
				a.refuse[verb] = away
			}
			a.streams[0].Stop()
		})
		synctest.Wait()
		if _, err := w.Get(t.Context()); !errors.Is(err, away) {
			t.Errorf("got %v", err)
		}
		a.take()
		time.Sleep(time.Hour)
		if n := len(strings.Fields(a.take())); n < 10 || n > 150 {
			t.Errorf("%d requests in an hour", n)
		}
		a.forbid()
		time.Sleep(time.Minute)
		a.take()
		mustGet(t, w)
		if got := a.take(); got != "" {
			t.Errorf("asked %q though there is a watch again", got)
		}
	})
	if logged != "" {
		t.Errorf("logged %s", logged)
	}
}

// A watch that nobody ends, its connection being dead, is renewed all the same.
func TestWatchIsRenewed(t *testing.T) {
	a := newAPI()
	inBubble(t, a, func(t *testing.T, w *Workload) {
		mustGet(t, w)
		a.change(false, func() { a.replicas = 3 })
		time.Sleep(2*watchLasts + time.Minute)
		if n := strings.Count(a.take(), "watch"); n < 2 || n > 3 {
			t.Errorf("%d watches", n)
		}
		if scale := mustGet(t, w); scale.Replicas != 3 {
			t.Errorf("got %+v", scale)
		}
	})
}

// An API server that ends each watch at once is not asked without a pause.
func TestShortWatches(t *testing.T) {
	a := newAPI()
	a.short = true
	inBubble(t, a, func(t *testing.T, w *Workload) {
		time.Sleep(time.Hour)
		if n := strings.Count(a.take(), "watch"); n < 10 || n > 150 {
			t.Errorf("%d watches in an hour", n)
		}
		if scale := mustGet(t, w); scale.Replicas != 1 {
			t.Errorf("got %+v", scale)
		}
	})
}

func TestDeleted(t *testing.T) {
	a := newAPI()
	inBubble(t, a, func(t *testing.T, w *Workload) {
		mustGet(t, w)
		a.set(func() { a.streams[0].Delete(a.object()) })
		synctest.Wait()
		a.take()
		if _, err := w.Get(t.Context()); CauseOf(err) != CauseNotFound {
			t.Errorf("got %v, want not found", err)
		}
		if got := a.take(); got != "" {
			t.Errorf("asked %q", got)
		}
	})
}

// An object without a version would make the next write unconditional.
func TestWatchOfNonsense(t *testing.T) {
	a := newAPI()
	inBubble(t, a, func(t *testing.T, w *Workload) {
		bad := a.object()
		bad.SetResourceVersion("")
		a.streams[0].Modify(bad)
		synctest.Wait()
		if watched, _ := w.sight(); watched != nil {
			t.Errorf("took %+v for a version of the workload", watched)
		}
	})
}
