package workload

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/workload/fake"
)

func TestSteadyStateCostsNoRequest(t *testing.T) {
	s := newServer()
	logged := whileWatching(t, s, func(t *testing.T, w *Workload) {
		if got := s.Take(); got != "list watch" {
			t.Fatalf("the watch made the requests %q", got)
		}
		for range 1000 {
			if scale := mustGet(t, w); scale.Replicas != 1 || *scale.Ready != 1 || scale.Asked {
				t.Fatalf("got %+v", scale)
			}
		}
		s.Change("bpm", "web", func(o *fake.Object) { o.Replicas = 3 })
		synctest.Wait()
		if scale := mustGet(t, w); scale.Replicas != 3 || scale.Asked {
			t.Errorf("got %+v after a change", scale)
		}
		if got := s.Take(); got != "" {
			t.Errorf("made the requests %q, want none", got)
		}
	})
	if logged != "" {
		t.Errorf("logged %s", logged)
	}
}

// The replicas of a custom resource are where its definition says, so that they
// are read through its scale, once for each change.
func TestCustomResourceIsReadOnceForEachChange(t *testing.T) {
	s := newServer()
	engine := Ref{"example.com/v1", "Engine", "bpm", "web"}
	simulate(t, s, func(t *testing.T, f *fixture) {
		f.Watch([]Ref{engine})
		w := f.Workload(engine)
		for _, want := range []string{"discover list watch get", "", ""} {
			scale := mustGet(t, w)
			if scale.Replicas != 1 || scale.Asked != (want != "") {
				t.Errorf("got %+v", scale)
			}
			if got := s.Take(); got != want {
				t.Errorf("made the requests %q, want %q", got, want)
			}
		}
		s.Change("bpm", "web", func(o *fake.Object) { o.Replicas = 3 })
		synctest.Wait()
		if scale := mustGet(t, w); scale.Replicas != 3 || s.Take() != "get" {
			t.Errorf("got %+v after a change", scale)
		}
		if err := set(t, w, mustGet(t, w), 4); err != nil {
			t.Error(err)
		}
		synctest.Wait()
		if scale := mustGet(t, w); scale.Replicas != 4 || s.Take() != "patch" {
			t.Errorf("got %+v after a write", scale)
		}
	})
}

// The answer to Set is as good as a Get, which never returns the number from
// before the write.
func TestGetAfterSet(t *testing.T) {
	for name, lags := range map[string]bool{"watch shows the write": false, "watch lags": true} {
		t.Run(name, func(t *testing.T) {
			s := newServer()
			whileWatching(t, s, func(t *testing.T, w *Workload) {
				s.Lag(lags)
				if err := set(t, w, mustGet(t, w), 2); err != nil {
					t.Fatal(err)
				}
				synctest.Wait()
				s.Take()
				scale := mustGet(t, w)
				if scale.Replicas != 2 || scale.ResourceVersion != "102" {
					t.Errorf("got %+v", scale)
				}
				if requests := s.Take(); !lags && requests != "" {
					t.Errorf("made the requests %q though the watch shows what was written", requests)
				}
			})
		})
	}
}

// A watch that hangs lets no write through that is wrong by what it does not
// show, and does not prevent the next one.
func TestHangingWatchIsSafe(t *testing.T) {
	s := newServer()
	whileWatching(t, s, func(t *testing.T, w *Workload) {
		mustGet(t, w)
		s.Lag(true)
		s.Change("bpm", "web", func(o *fake.Object) { o.Replicas, o.Paused = 3, "true" })
		old := mustGet(t, w)
		if old.Replicas != 1 || old.Pause.Any() || old.Asked {
			t.Fatalf("got %+v, want what the watch shows", old)
		}
		if err := set(t, w, old, 2); CauseOf(err) != CauseConflict {
			t.Fatalf("got %v, want a conflict", err)
		}
		for range 2 {
			if scale := mustGet(t, w); scale.Replicas != 3 || !scale.Pause.Any() || scale.ResourceVersion != "102" {
				t.Errorf("got %+v, want what the API server knows", scale)
			}
		}
		s.Change("bpm", "web", func(o *fake.Object) { o.Paused = "" })
		if scale := mustGet(t, w); scale.Pause.Any() {
			t.Errorf("got %+v", scale)
		}
		s.Lag(false)
		synctest.Wait()
		s.Take()
		if scale := mustGet(t, w); scale.Pause.Any() || scale.Asked || s.Take() != "" {
			t.Errorf("got %+v, want what the watch shows that has caught up", scale)
		}
	})
}

// The API server may be restored from a backup, whose versions are lower than
// those that were seen.
func TestRestoredBackup(t *testing.T) {
	s := newServer()
	whileWatching(t, s, func(t *testing.T, w *Workload) {
		if err := set(t, w, mustGet(t, w), 2); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		w.newest = "9000"
		if scale := mustGet(t, w); scale.Replicas != 2 || !scale.Asked {
			t.Errorf("got %+v, want what the API server knows", scale)
		}
		if scale := mustGet(t, w); scale.Replicas != 2 || scale.Asked {
			t.Errorf("got %+v, want what the watch shows", scale)
		}
	})
}

// The scale of a workload that changes all the time belongs to a version of
// which all of it was true.
func TestRestlessWorkload(t *testing.T) {
	for name, c := range map[string]struct {
		ref                Ref
		requests, versions string
	}{
		"its replicas are known with it":   {web, "list", "102"},
		"its scale has to be read as well": {Ref{"example.com/v1", "Engine", "bpm", "web"}, "discover list get list get list get", "107"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newServer()
			s.Restless = true
			simulate(t, s, func(t *testing.T, f *fixture) {
				w := f.Workload(c.ref)
				scale := mustGet(t, w)
				if requests := s.Take(); requests != c.requests || scale.ResourceVersion != c.versions {
					t.Errorf("made the requests %q and got %+v, want the version of the last list", requests, scale)
				}
				if err := set(t, w, scale, 2); CauseOf(err) != CauseConflict {
					t.Errorf("got %v, want a conflict", err)
				}
			})
		})
	}
}

// Without a watch every Get makes requests, and knows as much.
func TestNotWatched(t *testing.T) {
	s := newServer()
	s.Change("bpm", "web", func(o *fake.Object) { o.Paused = "true" })
	simulate(t, s, func(t *testing.T, f *fixture) {
		w := f.Workload(web)
		for range 3 {
			if scale := mustGet(t, w); scale.Ready == nil || !scale.Pause.Any() || !scale.Asked {
				t.Errorf("got %+v", scale)
			}
			if got := s.Take(); got != "list" {
				t.Errorf("made the requests %q, want a list", got)
			}
		}
	})
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
			s := newServer()
			s.Fail(fake.Forbidden, c.forbidden...)
			logged := whileWatching(t, s, func(t *testing.T, w *Workload) {
				mustGet(t, w)
				time.Sleep(time.Hour)
				if n := len(strings.Fields(s.Take())); n > 300 {
					t.Errorf("%d requests in an hour", n)
				}
				if scale := mustGet(t, w); (scale.Ready != nil) != c.known || scale.Replicas != 1 {
					t.Errorf("got %+v", scale)
				}
				if requests := s.Take(); requests != c.requests {
					t.Errorf("made the requests %q, want %q", requests, c.requests)
				}
				s.Fail(nil)
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
	s := newServer()
	logged := whileWatching(t, s, func(t *testing.T, w *Workload) {
		s.Change("bpm", "web", func(o *fake.Object) { o.Paused = "true" })
		synctest.Wait()
		mustGet(t, w)

		s.Fail(fake.Forbidden, "list", "watch")
		s.Break()
		synctest.Wait()
		if _, err := w.Get(t.Context()); CauseOf(err) != CauseForbidden {
			t.Errorf("got %v, want forbidden", err)
		}
		s.Fail(nil)
		time.Sleep(time.Minute)
		if scale := mustGet(t, w); !scale.Pause.Any() || scale.Asked {
			t.Errorf("got %+v, want what the watch shows", scale)
		}

		s.Fail(fake.Forbidden, "list", "watch")
		s.Break()
		time.Sleep(10 * time.Minute)
		if scale := mustGet(t, w); !scale.Pause.Any() || !scale.Asked {
			t.Errorf("got %+v, want a pause", scale)
		}
	})
	if lines := strings.Count(logged, "\n"); lines != 1 || !strings.Contains(logged, "list deployments.apps named web") {
		t.Errorf("logged\n%s", logged)
	}
}

// An outage of the API server causes no storm of lines or requests, and Get
// returns the error.
func TestAPIServerAway(t *testing.T) {
	s := newServer()
	logged := whileWatching(t, s, func(t *testing.T, w *Workload) {
		mustGet(t, w)
		s.Fail(fake.Away, "list", "watch", "get", "patch")
		s.Break()
		synctest.Wait()
		if _, err := w.Get(t.Context()); CauseOf(err) != CauseConnection || !strings.Contains(err.Error(), "connection refused") {
			t.Errorf("got %v", err)
		}
		s.Take()
		time.Sleep(time.Hour)
		if n := len(strings.Fields(s.Take())); n < 10 || n > 150 {
			t.Errorf("%d requests in an hour", n)
		}
		s.Fail(nil)
		time.Sleep(time.Minute)
		s.Take()
		mustGet(t, w)
		if got := s.Take(); got != "" {
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
	s := newServer()
	s.Endless = true
	whileWatching(t, s, func(t *testing.T, w *Workload) {
		mustGet(t, w)
		s.Take()
		s.Lag(true)
		s.Change("bpm", "web", func(o *fake.Object) { o.Replicas = 3 })
		time.Sleep(time.Minute)
		s.Lag(false)
		time.Sleep(2*watchLasts + time.Minute)
		if got := s.Take(); got != "watch" && got != "watch watch" {
			t.Errorf("made the requests %q", got)
		}
		if scale := mustGet(t, w); scale.Replicas != 3 || scale.Asked {
			t.Errorf("got %+v", scale)
		}
	})
}

// An API server that ends each watch at once is not flooded.
func TestShortWatches(t *testing.T) {
	s := newServer()
	s.Short = true
	whileWatching(t, s, func(t *testing.T, w *Workload) {
		time.Sleep(time.Hour)
		if n := strings.Count(s.Take(), "watch"); n < 10 || n > 150 {
			t.Errorf("%d watches in an hour", n)
		}
		if scale := mustGet(t, w); scale.Replicas != 1 {
			t.Errorf("got %+v", scale)
		}
	})
}

func TestDeleted(t *testing.T) {
	s := newServer()
	whileWatching(t, s, func(t *testing.T, w *Workload) {
		mustGet(t, w)
		s.Delete("bpm", "web")
		synctest.Wait()
		s.Take()
		if _, err := w.Get(t.Context()); CauseOf(err) != CauseNotFound {
			t.Errorf("got %v, want not found", err)
		}
		if got := s.Take(); got != "" {
			t.Errorf("made the requests %q", got)
		}
	})
}

// An object without a version would make the next write unconditional.
func TestWatchOfNonsense(t *testing.T) {
	s := newServer()
	whileWatching(t, s, func(t *testing.T, w *Workload) {
		mustGet(t, w)
		s.Change("bpm", "web", func(o *fake.Object) { o.Broken = true })
		synctest.Wait()
		if scale, err := w.Get(t.Context()); err == nil {
			t.Errorf("got %+v for a version of the workload", scale)
		}
		s.Change("bpm", "web", func(o *fake.Object) { o.Broken = false })
		synctest.Wait()
		if scale := mustGet(t, w); scale.Asked {
			t.Errorf("got %+v, want what the watch shows", scale)
		}
	})
}
