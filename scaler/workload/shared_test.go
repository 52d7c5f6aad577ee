package workload

import (
	"context"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/workload/fake"
)

// of returns the workloads that refs name.
func (f *fixture) of(refs []Ref) (all []*Workload) {
	for _, ref := range refs {
		all = append(all, f.Workload(ref))
	}
	return all
}

// getAll gets all workloads at once, and returns how many did not succeed.
func getAll(t *testing.T, all []*Workload) (failed int) {
	t.Helper()
	var mu sync.Mutex
	var wg sync.WaitGroup
	for _, w := range all {
		wg.Go(func() {
			if scale, err := w.Get(t.Context()); err != nil || scale.Replicas < 1 || scale.Ready == nil {
				mu.Lock()
				defer mu.Unlock()
				failed++
			}
		})
	}
	wg.Wait()
	return failed
}

// goroutines returns how many there are, once those that are about to end have
// ended if it is more than want.
func goroutines(want int) int {
	for range 100_000 {
		if runtime.NumGoroutine() <= want {
			break
		}
		runtime.Gosched()
	}
	return runtime.NumGoroutine()
}

// Many workloads of a namespace cost one list, in pages, and one watch, also if
// all of them want to know at once.
func TestManyShareOneWatch(t *testing.T) {
	s := fake.New()
	refs := names(s, "bpm", 1200)
	simulate(t, s, func(t *testing.T, f *fixture) {
		before := runtime.NumGoroutine()
		f.Watch(refs)
		all := f.of(refs)
		if failed := getAll(t, all); failed > 0 {
			t.Errorf("%d failed", failed)
		}
		if got := s.Take(); got != "list list list watch" {
			t.Errorf("made the requests %q, want three pages and a watch", got)
		}
		if n := goroutines(before + 5); n > before+5 {
			t.Errorf("%d goroutines for one watch", n-before)
		}
		for range 10 {
			s.Change("bpm", refs[7].Name, func(o *fake.Object) { o.Replicas++ })
		}
		synctest.Wait()
		if scale := mustGet(t, all[7]); scale.Replicas != 11 || scale.Asked {
			t.Errorf("got %+v", scale)
		}
		time.Sleep(time.Hour)
		getAll(t, all)
		for verb := range strings.FieldsSeq(s.Take()) {
			if verb != "watch" {
				t.Errorf("a quiet hour cost a %s", verb)
			}
		}
		s.Create(fake.Object{Namespace: "bpm", Name: "late", UID: "l", Replicas: 2})
		f.Watch(append(refs, Ref{"apps/v1", "Deployment", "bpm", "late"}))
		synctest.Wait()
		if scale := mustGet(t, f.Workload(Ref{"apps/v1", "Deployment", "bpm", "late"})); scale.Replicas != 2 || s.Take() != "" {
			t.Errorf("got %+v, want what the watch shows", scale)
		}
		f.Watch(nil)
		synctest.Wait()
		if n := goroutines(before); s.Watches() != 0 || n > before {
			t.Errorf("%d watches and %d goroutines are left", s.Watches(), n-before)
		}
	})
}

// How many workloads of a kind decides what is watched: each, their namespace,
// or all namespaces.
func TestWhatIsWatched(t *testing.T) {
	for _, c := range []struct {
		namespaces, each int
		want             int // watches
	}{
		{1, 1, 1}, {1, 2, 2}, {1, 3, 1}, {2, 2, 4}, {10, 3, 10}, {49, 1, 49}, {50, 1, 1}, {60, 4, 1},
	} {
		t.Run(fmt.Sprint(c.namespaces, " namespaces with ", c.each), func(t *testing.T) {
			s := fake.New()
			simulate(t, s, func(t *testing.T, f *fixture) {
				var refs []Ref
				for i := range c.namespaces {
					refs = append(refs, names(s, fmt.Sprint("tenant-", i), c.each)...)
				}
				f.Watch(refs)
				synctest.Wait()
				s.Take()
				if failed := getAll(t, f.of(refs)); failed > 0 || s.Take() != "" {
					t.Errorf("%d failed, or made requests", failed)
				}
				if got := s.Watches(); got != c.want {
					t.Errorf("%d watches, want %d", got, c.want)
				}
				// The same in another kind is watched apart.
				f.Watch(append(refs, Ref{"apps/v1", "StatefulSet", "tenant-0", "web-00000"}))
				synctest.Wait()
				if got := s.Watches(); got != c.want+1 {
					t.Errorf("%d watches with another kind, want %d", got, c.want+1)
				}
				f.Watch(refs[:1])
				synctest.Wait()
				if got := s.Watches(); got != 1 {
					t.Errorf("%d watches of one workload", got)
				}
			})
		})
	}
}

// A Role with names allows no watch of others. Each workload is watched by its
// name then, and together as soon as that is allowed.
func TestRightsOnNames(t *testing.T) {
	s := fake.New()
	refs := names(s, "bpm", 5)
	named := func(_ context.Context, r fake.Request) *fake.Failure {
		if (r.Verb == "list" || r.Verb == "watch") && r.Name == "" {
			return fake.Forbidden
		}
		return nil
	}
	s.Hook(named)
	simulate(t, s, func(t *testing.T, f *fixture) {
		all := f.of(refs)
		f.Watch(refs)
		if failed := getAll(t, all); failed > 0 {
			t.Errorf("%d failed", failed)
		}
		synctest.Wait()
		s.Take()
		if failed := getAll(t, all); failed > 0 || s.Take() != "" {
			t.Errorf("%d failed, or made requests", failed)
		}
		time.Sleep(time.Hour)
		if got := strings.Count(s.Take(), "list"); got > 10 {
			t.Errorf("%d lists in an hour", got)
		}
		if got := f.text.String(); got != "level=info namespace=bpm kind=Deployment msg=\"workloads are watched one by one\" missing_right=\"list deployments.apps\"\n" {
			t.Errorf("logged\n%s", got)
		}
		s.Hook(nil)
		time.Sleep(20 * time.Minute)
		if s.Watches() != 1 || !strings.Contains(f.text.String(), "workloads are watched together") {
			t.Errorf("%d watches, logged\n%s", s.Watches(), f.text)
		}
		s.Take()
		s.Change("bpm", refs[0].Name, func(o *fake.Object) { o.Replicas = 4 })
		synctest.Wait()
		if scale := mustGet(t, all[0]); scale.Replicas != 4 || s.Take() != "" {
			t.Errorf("got %+v", scale)
		}

		// The right is taken away again.
		s.Hook(named)
		s.Break()
		time.Sleep(time.Minute)
		if failed := getAll(t, all); failed > 0 || s.Watches() != 5 {
			t.Errorf("%d failed, %d watches, want 5", failed, s.Watches())
		}
	})
}

// Without any right to list, each scale is read alone.
func TestManyWithoutRights(t *testing.T) {
	s := fake.New()
	refs := names(s, "bpm", 5)
	s.Fail(fake.Forbidden, "list", "watch")
	simulate(t, s, func(t *testing.T, f *fixture) {
		f.Watch(refs)
		synctest.Wait()
		s.Take()
		for _, w := range f.of(refs) {
			if scale := mustGet(t, w); scale.Replicas != 1 || scale.Ready != nil || s.Take() != "get" {
				t.Errorf("got %+v", scale)
			}
		}
		if got := strings.Count(f.text.String(), "level=warn"); got != 5 {
			t.Errorf("%d warnings, want one for each:\n%s", got, f.text)
		}
	})
}

// The right to list all, but not to watch them, costs a request for each read.
func TestManyThatCannotBeWatched(t *testing.T) {
	s := fake.New()
	refs := names(s, "bpm", 5)
	s.Fail(fake.Forbidden, "watch")
	simulate(t, s, func(t *testing.T, f *fixture) {
		f.Watch(refs)
		synctest.Wait()
		s.Take()
		if failed := getAll(t, f.of(refs)); failed > 0 {
			t.Errorf("%d failed", failed)
		}
		if got := s.Take(); got != "list list list list list" {
			t.Errorf("made the requests %q", got)
		}
		time.Sleep(time.Hour)
		if got := strings.Count(s.Take(), "list"); got > 0 {
			t.Errorf("%d lists in an hour", got)
		}
		if got := f.text.String(); strings.Count(got, "\n") != 1 || !strings.Contains(got, `missing_right="watch deployments.apps" lost="each decision costs a request"`) {
			t.Errorf("logged\n%s", got)
		}
	})
}

// An outage of the API server with many workloads: one attempt at a time, and
// after it one watch and no list, since the server still knows what was seen.
func TestOutageWithMany(t *testing.T) {
	s := fake.New()
	refs := names(s, "bpm", 1000)
	simulate(t, s, func(t *testing.T, f *fixture) {
		all := f.of(refs)
		f.Watch(refs)
		getAll(t, all)
		time.Sleep(time.Minute)
		s.Fail(fake.Away, "list", "watch", "get", "patch")
		s.Break()
		time.Sleep(time.Second)
		s.Take()
		if failed := getAll(t, all); failed != 1000 || s.Take() != "" {
			t.Errorf("%d failed, want all, by no request of theirs", failed)
		}
		s.Change("bpm", refs[0].Name, func(o *fake.Object) { o.Replicas = 4 })
		time.Sleep(3 * time.Second)
		s.Fail(nil)
		s.Take()
		time.Sleep(20 * time.Second)
		if failed := getAll(t, all); failed > 0 || mustGet(t, all[0]).Replicas != 4 {
			t.Errorf("%d failed after the outage", failed)
		}
		if got := s.Take(); got != "watch" {
			t.Errorf("made the requests %q after the outage, want one watch", got)
		}

		// A longer one: the attempts are few, and the answer comes soon after it.
		s.Fail(fake.Away, "list", "watch", "get", "patch")
		s.Break()
		time.Sleep(time.Hour)
		if n := len(strings.Fields(s.Take())); n < 100 || n > 1000 {
			t.Errorf("%d attempts in an hour", n)
		}
		s.Fail(nil)
		time.Sleep(11 * time.Second)
		if failed := getAll(t, all); failed > 0 {
			t.Errorf("%d failed after the outage", failed)
		}
	})
}

// A server that has forgotten what was seen costs one list.
func TestForgottenVersion(t *testing.T) {
	s := fake.New()
	refs := names(s, "bpm", 1000)
	simulate(t, s, func(t *testing.T, f *fixture) {
		all := f.of(refs)
		f.Watch(refs)
		getAll(t, all)
		for name, forget := range map[string]func(){
			"while it is open": s.Forget,
			"while it is not": func() {
				s.Lag(true)
				s.Forget()
				s.Break()
				s.Lag(false)
			},
		} {
			time.Sleep(time.Minute)
			s.Take()
			s.Lag(true)
			s.Change("bpm", refs[0].Name, func(o *fake.Object) { o.Replicas++ })
			forget()
			s.Lag(false)
			time.Sleep(time.Minute)
			if got := s.Take(); strings.Count(got, "list") != 2 || strings.Count(got, "watch") > 2 {
				t.Errorf("%s: made the requests %q, want one list in two pages", name, got)
			}
			if scale := mustGet(t, all[0]); scale.Asked || scale.Replicas != s.Get("bpm", refs[0].Name).Replicas {
				t.Errorf("%s: got %+v", name, scale)
			}
		}
	})
}

// Bookmarks keep a watch that sees no change from being forgotten.
func TestBookmarks(t *testing.T) {
	s := fake.New()
	refs := names(s, "bpm", 3)
	simulate(t, s, func(t *testing.T, f *fixture) {
		f.Watch(refs)
		synctest.Wait()
		time.Sleep(time.Minute)
		s.Bookmark()
		synctest.Wait()
		s.Compact()
		s.Take()
		s.Break()
		time.Sleep(time.Second)
		if got := s.Take(); got != "watch" {
			t.Errorf("made the requests %q, want one watch", got)
		}
	})
}
