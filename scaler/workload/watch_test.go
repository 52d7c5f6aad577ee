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

// whileWatching runs a test in virtual time while a watch runs, and returns what
// the watch logs at info and above.
func whileWatching(t *testing.T, a *api, test func(t *testing.T, w *Workload)) string {
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
	logged := whileWatching(t, a, func(t *testing.T, w *Workload) {
		if got := a.take(); got != "list watch" {
			t.Fatalf("the watch made the requests %q", got)
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
			t.Errorf("made the requests %q, want none", got)
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

// The answer to Set is as good as a Get, which never returns the number from
// before the write.
func TestGetAfterSet(t *testing.T) {
	for name, shown := range map[string]bool{"watch shows the write": true, "watch lags": false} {
		t.Run(name, func(t *testing.T) {
			a := newAPI()
			whileWatching(t, a, func(t *testing.T, w *Workload) {
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
					t.Errorf("got %+v", scale)
				}
				if requests := a.take(); shown && requests != "" {
					t.Errorf("made the requests %q though the watch shows what was written", requests)
				}
			})
		})
	}
}

// A watch that hangs lets no write through that is wrong by what it does not
// show, and does not prevent the next one.
func TestHangingWatchIsSafe(t *testing.T) {
	a := newAPI()
	whileWatching(t, a, func(t *testing.T, w *Workload) {
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

// The scale of a workload that changes all the time belongs to a version of
// which all of it was true.
func TestRestlessWorkload(t *testing.T) {
	a := newAPI()
	a.restless = true
	w := a.workload()
	scale := mustGet(t, w)
	if requests := a.take(); requests != "list get list get list get" || scale.ResourceVersion != "6" {
		t.Errorf("made the requests %q and got %+v, want the version of the last list", requests, scale)
	}
	a.restless = false
	if err := w.Set(t.Context(), scale, 2); CauseOf(err) != CauseConflict {
		t.Errorf("got %v, want a conflict", err)
	}
}

// Without a watch every Get makes requests, and knows as much.
func TestNotWatched(t *testing.T) {
	a := newAPI()
	a.paused = true
	w := a.workload()
	for _, want := range []string{"list get", "list", "list"} {
		if scale := mustGet(t, w); scale.Ready == nil || !scale.Paused || !scale.Asked {
			t.Errorf("got %+v", scale)
		}
		if got := a.take(); got != want {
			t.Errorf("made the requests %q, want %q", got, want)
		}
	}
}

func TestMissingRightIsLoggedOnce(t *testing.T) {
	for _, c := range []struct {
		name      string
		forbidden []string
		requests  string // of each Get
		known     bool
		logged    string
	}{
		{"list and watch", []string{"list", "watch"}, "get", false, `level=warn namespace=bpm workload=deployment/web msg="workload cannot be watched" missing_right="list deployments.apps named web" lost="the annotation camunda-autoscaler/paused, ready replicas`},
		{"watch", []string{"watch"}, "list", true, `level=warn namespace=bpm workload=deployment/web msg="workload cannot be watched" missing_right="watch deployments.apps named web" lost="each decision costs a request"`},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := newAPI()
			a.forbid(c.forbidden...)
			logged := whileWatching(t, a, func(t *testing.T, w *Workload) {
				mustGet(t, w)
				time.Sleep(time.Hour)
				if n := len(strings.Fields(a.take())); n > 300 {
					t.Errorf("%d requests in an hour", n)
				}
				if scale := mustGet(t, w); (scale.Ready != nil) != c.known || scale.Replicas != 1 {
					t.Errorf("got %+v", scale)
				}
				if requests := a.take(); requests != c.requests {
					t.Errorf("made the requests %q, want %q", requests, c.requests)
				}
				a.forbid()
				time.Sleep(time.Minute)
				if scale := mustGet(t, w); scale.Ready == nil {
					t.Errorf("got %+v after the right was granted", scale)
				}
			})
			lines := strings.Split(strings.TrimSpace(logged), "\n")
			if len(lines) != 2 || !strings.HasPrefix(lines[0], c.logged) || lines[1] != `level=info namespace=bpm workload=deployment/web msg="workload is watched again"` {
				t.Errorf("logged\n%s", logged)
			}
		})
	}
}

// Losing the right to list does not end a pause. At first a refusal is ignored:
// an API server that starts refuses everything for a moment.
func TestPauseOutlivesTheRightToSeeIt(t *testing.T) {
	a := newAPI()
	logged := whileWatching(t, a, func(t *testing.T, w *Workload) {
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

// An outage of the API server causes no storm of lines or requests, and Get
// returns the error.
func TestAPIServerAway(t *testing.T) {
	a := newAPI()
	logged := whileWatching(t, a, func(t *testing.T, w *Workload) {
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
			t.Errorf("made the requests %q though there is a watch again", got)
		}
	})
	if logged != "" {
		t.Errorf("logged %s", logged)
	}
}

// A watch that never ends, because its connection is dead, is renewed all the
// same.
func TestWatchIsRenewed(t *testing.T) {
	a := newAPI()
	whileWatching(t, a, func(t *testing.T, w *Workload) {
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

// An API server that ends each watch at once is not flooded.
func TestShortWatches(t *testing.T) {
	a := newAPI()
	a.short = true
	whileWatching(t, a, func(t *testing.T, w *Workload) {
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
	whileWatching(t, a, func(t *testing.T, w *Workload) {
		mustGet(t, w)
		a.set(func() { a.streams[0].Delete(a.object()) })
		synctest.Wait()
		a.take()
		if _, err := w.Get(t.Context()); CauseOf(err) != CauseNotFound {
			t.Errorf("got %v, want not found", err)
		}
		if got := a.take(); got != "" {
			t.Errorf("made the requests %q", got)
		}
	})
}

// An object without a version would make the next write unconditional.
func TestWatchOfNonsense(t *testing.T) {
	a := newAPI()
	whileWatching(t, a, func(t *testing.T, w *Workload) {
		bad := a.object()
		bad.SetResourceVersion("")
		a.streams[0].Modify(bad)
		synctest.Wait()
		if watched, _ := w.known(); watched != nil {
			t.Errorf("took %+v for a version of the workload", watched)
		}
	})
}
