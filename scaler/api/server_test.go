package api

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/decide"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/journal"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/loop"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/loop/looptest"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/workload"
)

// serve returns a mux for a journal.
func serve(j *journal.Journal, change ...func(*Server)) *http.ServeMux {
	s := Server{Journal: j, Scaler: func() Scaler { return Scaler{Version: "1.2.3", Leads: true} }, Groups: func() []string { return nil }}
	for _, c := range change {
		c(&s)
	}
	mux := http.NewServeMux()
	s.Register(mux)
	return mux
}

func get(t *testing.T, mux http.Handler, path string, wantCode int, into any) []byte {
	t.Helper()
	w := httptest.NewRecorder()
	mux.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
	if w.Code != wantCode || w.Header().Get("Content-Type") != "application/json" {
		t.Fatalf("%s: %d %s: %s", path, w.Code, w.Header().Get("Content-Type"), w.Body)
	}
	if into != nil {
		if err := json.Unmarshal(w.Body.Bytes(), into); err != nil {
			t.Fatal(err)
		}
	}
	return w.Body.Bytes()
}

// Whatever was decided, the answers fit the published schema, and say the same
// as the decision.
func TestAnswersFitTheSchema(t *testing.T) {
	reasons := map[string]bool{}
	targets, decisions := compiled(t, "targets"), compiled(t, "decisions")
	for seed := range uint64(60) {
		synctest.Test(t, func(t *testing.T) {
			w := looptest.New(seed)
			j := journal.New(1 << 20)
			kept := j.Target(w.Target.Name)
			kept.Configure(w.Target)
			kept.Start()
			mux := serve(j)
			fits(t, targets, get(t, mux, "/api/v1/targets", 200, nil))
			var made []loop.Decision
			for range 40 {
				time.Sleep(10 * time.Second)
				d := w.Next()
				kept.Observe(d)
				made = append(made, d)
			}
			fits(t, targets, get(t, mux, "/api/v1/targets", 200, nil))
			var got Decisions
			fits(t, decisions, get(t, mux, "/api/v1/decisions?target=camunda", 200, &got))
			if len(got.Decisions) != len(made) {
				t.Fatalf("%d decisions, want %d", len(got.Decisions), len(made))
			}
			for i, d := range got.Decisions {
				want := made[len(made)-1-i]
				action, reason := want.Result()
				reasons[d.Reason] = true
				switch {
				case d.Action != string(action) || d.Reason != string(reason):
					t.Errorf("got %s %s, want %s %s", d.Action, d.Reason, action, reason)
				case (d.From == nil) != (want.Scale == nil) || d.From != nil && *d.From != want.From:
					t.Errorf("from %v, want %d", d.From, want.From)
				case d.To != nil && action != decide.None && *d.To != want.To:
					t.Errorf("to %d, want %d", *d.To, want.To)
				}
				for k, tr := range d.Triggers {
					s := want.Samples[k]
					if (tr.Value == nil) != (s.Missing() != "") || tr.Value != nil && *tr.Value != s.Value || (tr.AgeSeconds == nil) != s.Timestamp.IsZero() {
						t.Errorf("trigger %+v of sample %+v", tr, s)
					}
				}
			}
		})
	}
	for _, r := range decide.Reasons() {
		if !reasons[string(r)] {
			t.Errorf("no decision had the reason %s", r)
		}
	}
}

// Pages follow one another without a gap, to the first decision.
func TestDecisionsInPages(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := looptest.New(1)
		j := journal.New(1 << 20)
		kept := j.Target("camunda")
		kept.Configure(w.Target)
		for range 500 {
			time.Sleep(10 * time.Second)
			kept.Observe(w.Next())
		}
		mux := serve(j)
		var all []time.Time
		for path := "/api/v1/decisions?target=camunda&limit=120"; path != ""; {
			var page Decisions
			get(t, mux, path, 200, &page)
			for _, d := range page.Decisions {
				all = append(all, d.Time)
			}
			path = ""
			if page.Before != nil {
				path = "/api/v1/decisions?target=camunda&limit=120&before=" + page.Before.Format(time.RFC3339Nano)
			}
		}
		if len(all) != 500 {
			t.Fatalf("%d decisions, want 500", len(all))
		}
		for i := 1; i < len(all); i++ {
			if all[i-1].Sub(all[i]) != 10*time.Second {
				t.Fatalf("%s follows %s", all[i], all[i-1])
			}
		}
	})
}

// Targets are found by name or workload, in pages, and groups are counted.
func TestTargetsAreFound(t *testing.T) {
	j := journal.New(0)
	for i := range 250 {
		w := looptest.New(uint64(i))
		w.Target.Name = fmt.Sprintf("tenants/bpm/engine-%03d", i)
		w.Target.Workload.Name = fmt.Sprintf("engine-%03d", i)
		if i == 0 {
			w.Target.Name, w.Target.Workload = "orders", workload.Ref{Kind: "StatefulSet", Namespace: "shop", Name: "consumer"}
		}
		j.Target(w.Target.Name).Configure(w.Target)
	}
	mux := serve(j, func(s *Server) { s.Groups = func() []string { return []string{"tenants", "nothing"} } })
	for path, want := range map[string]struct {
		total, shown int
		first        string
	}{
		"":                              {250, 50, "orders"},
		"?offset=200&limit=100":         {250, 50, "tenants/bpm/engine-200"},
		"?offset=900":                   {250, 0, ""},
		"?search=SHOP":                  {1, 1, "orders"},
		"?search=statefulset/":          {1, 1, "orders"},
		"?search=engine-24":             {10, 10, "tenants/bpm/engine-240"},
		"?search=%3Cscript%3E":          {0, 0, ""},
		"?limit=1000&search=":           {250, 250, "orders"},
		"?limit=1&offset=1&search=-001": {1, 0, ""},
	} {
		t.Run(path, func(t *testing.T) {
			var got Targets
			fits(t, compiled(t, "targets"), get(t, mux, "/api/v1/targets"+path, 200, &got))
			if got.Total != want.total || len(got.Targets) != want.shown || want.shown > 0 && got.Targets[0].Name != want.first {
				t.Errorf("%d of %d, want %+v", len(got.Targets), got.Total, want)
			}
			if len(got.Groups) != 2 || got.Groups[0] != (Group{"tenants", 249}) || got.Groups[1] != (Group{"nothing", 0}) {
				t.Errorf("groups %+v", got.Groups)
			}
		})
	}
}

func TestBadRequests(t *testing.T) {
	j := journal.New(0)
	j.Target("camunda").Configure(looptest.New(1).Target)
	mux := serve(j)
	for path, want := range map[string]struct {
		code int
		text string
	}{
		"/api/v1/targets?limit=0":                             {400, `limit: "0": want a number from 1 to 1000`},
		"/api/v1/targets?offset=-1":                           {400, `offset: "-1"`},
		"/api/v1/targets?name=x":                              {400, "name: no such parameter: want search, limit, offset"},
		"/api/v1/decisions":                                   {400, "target: missing"},
		"/api/v1/decisions?target=x":                          {404, `no target has the name "x"`},
		"/api/v1/decisions?target=camunda&before=now":         {400, `before: "now": want a time`},
		"/api/v1/decisions?target=camunda&limit=1001":         {400, "limit"},
		"/api/v1/decisions?target=%zz":                        {400, "invalid URL escape"},
		"/api/v1/decisions?target=camunda&before=2026&limit=": {400, "limit"},
	} {
		t.Run(path, func(t *testing.T) {
			var got Error
			fits(t, compiled(t, "error"), get(t, mux, path, want.code, &got))
			if !strings.Contains(got.Error, want.text) {
				t.Errorf("got %q, want %q", got.Error, want.text)
			}
		})
	}
	server := httptest.NewServer(mux)
	defer server.Close()
	for _, method := range []string{http.MethodPost, http.MethodPut, http.MethodDelete, http.MethodPatch} {
		r, err := http.NewRequest(method, server.URL+"/api/v1/targets", nil)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		io.Copy(io.Discard, resp.Body)
		resp.Body.Close()
		if resp.StatusCode != http.StatusMethodNotAllowed {
			t.Errorf("%s: %s", method, resp.Status)
		}
	}
}

// A standby says that it stands by and which one leads, and a new leader shows
// what the last one did, as the workload's Events have it.
func TestHandover(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := looptest.New(1)
		j := journal.New(1 << 20)
		kept := j.Target("camunda")
		kept.Configure(w.Target)
		at := time.Now()
		standing := Scaler{Version: "1.2.3", Leader: "scaler-7f_X"}
		asked := 0
		mux := serve(j, func(s *Server) {
			s.Scaler = func() Scaler { return standing }
			s.LastEvent = func(_ context.Context, ref workload.Ref) Event {
				asked++
				return Event{Time: &at, Reason: "ScaledUp", Message: "Scaled from 1 to 2 replicas of " + ref.Name}
			}
		})
		var targets Targets
		get(t, mux, "/api/v1/targets", 200, &targets)
		if targets.Scaler != standing || targets.Targets[0].State != NotRunning {
			t.Errorf("standing by: got %+v", targets)
		}
		standing = Scaler{Version: "1.2.3", Leads: true}
		kept.Start()
		var got Decisions
		fits(t, compiled(t, "decisions"), get(t, mux, "/api/v1/decisions?target=camunda", 200, &got))
		if got.Target.State != NotDecided || got.Event == nil || got.Event.Message != "Scaled from 1 to 2 replicas of engine" {
			t.Errorf("leading: got %+v", got)
		}
		for range 100 {
			time.Sleep(10 * time.Second)
			kept.Observe(w.Next())
		}
		asked = 0
		get(t, mux, "/api/v1/decisions?target=camunda", 200, &got)
		if got.Target.LastAction == nil || asked > 0 {
			t.Errorf("after a step of its own: got %+v, Events were read %d times", got.Target, asked)
		}
		kept.Stop()
		time.Sleep(time.Second)
		kept.Start()
		get(t, mux, "/api/v1/targets", 200, &targets)
		if targets.Targets[0].State != NotDecided {
			t.Errorf("leading again: the state is %s, of the term before", targets.Targets[0].State)
		}
	})
}

// BenchmarkTargets is one page of ten thousand targets.
func BenchmarkTargets(b *testing.B) {
	j := journal.New(1 << 25)
	for i := range 10_000 {
		w := looptest.New(uint64(i % 50))
		name := fmt.Sprintf("tenants/bpm/engine-%05d", i)
		j.Target(name).Configure(w.Target)
		j.Target(name).Start()
		for range 3 {
			j.Target(name).Observe(w.Next())
		}
	}
	mux := serve(j)
	for name, path := range map[string]string{"first": "/api/v1/targets", "search": "/api/v1/targets?search=engine-0999"} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				w := httptest.NewRecorder()
				mux.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
			}
		})
	}
}
