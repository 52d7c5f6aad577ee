package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/journal"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/workload"
)

// Server answers from a journal.
type Server struct {
	Journal   *journal.Journal
	Scaler    func() Scaler
	Groups    func() []string                                   // names of the targets whose queries name their workloads
	LastEvent func(ctx context.Context, ref workload.Ref) Event // nil if Events are not read
}

// The numbers of targets and decisions in one answer.
const (
	defaultLimit = 50
	maxLimit     = 1000
)

// Register adds the paths.
func (s Server) Register(mux *http.ServeMux) {
	mux.HandleFunc("GET /api/v1/targets", handle(s.targets))
	mux.HandleFunc("GET /api/v1/decisions", handle(s.decisions))
}

// badRequest is an error that another request corrects.
type badRequest struct {
	code int
	text string
}

func (e *badRequest) Error() string { return e.text }

func bad(code int, format string, args ...any) error {
	return &badRequest{code, fmt.Sprintf(format, args...)}
}

func handle(answer func(r *http.Request, q url.Values) (any, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		code := http.StatusOK
		q, err := url.ParseQuery(r.URL.RawQuery)
		var body any
		if err == nil {
			body, err = answer(r, q)
		}
		if err != nil {
			code, body = http.StatusBadRequest, Error{err.Error()}
			if refused, ok := errors.AsType[*badRequest](err); ok {
				code = refused.code
			}
		}
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("X-Content-Type-Options", "nosniff")
		w.Header().Set("Cache-Control", "no-store")
		w.WriteHeader(code)
		_ = json.NewEncoder(w).Encode(body) // the client may have gone
	}
}

// number reads a parameter, from least to most.
func number(q url.Values, name string, otherwise, least, most int) (int, error) {
	if !q.Has(name) {
		return otherwise, nil
	}
	n, err := strconv.Atoi(q.Get(name))
	if err != nil || n < least || n > most {
		return 0, bad(http.StatusBadRequest, "%s: %q: want a number from %d to %d", name, q.Get(name), least, most)
	}
	return n, nil
}

func known(q url.Values, names ...string) error {
	for name := range q {
		if !strings.Contains(" "+strings.Join(names, " ")+" ", " "+name+" ") {
			return bad(http.StatusBadRequest, "%s: no such parameter: want %s", name, strings.Join(names, ", "))
		}
	}
	return nil
}

func (s Server) targets(_ *http.Request, q url.Values) (any, error) {
	if err := known(q, "search", "limit", "offset"); err != nil {
		return nil, err
	}
	limit, err := number(q, "limit", defaultLimit, 1, maxLimit)
	if err != nil {
		return nil, err
	}
	offset, err := number(q, "offset", 0, 0, 1<<31-1)
	if err != nil {
		return nil, err
	}
	names := s.Find(q.Get("search"))
	out := Targets{Scaler: s.Scaler(), Total: len(names), Targets: []Target{}, Groups: s.GroupsNow()}
	for _, name := range names[min(offset, len(names)):min(offset+limit, len(names))] {
		if t := s.Journal.Find(name); t != nil { // else it has just gone
			out.Targets = append(out.Targets, NewTarget(name, t.Status()))
		}
	}
	return out, nil
}

// Find returns the names of the targets that have a text in their name or in
// that of their workload, whatever its case.
func (s Server) Find(text string) []string {
	names := s.Journal.Names()
	if text == "" {
		return names
	}
	text = strings.ToLower(text)
	var found []string
	for _, name := range names {
		t := s.Journal.Find(name)
		if t == nil {
			continue
		}
		ref := t.Config().Workload
		if strings.Contains(strings.ToLower(name+"\n"+ref.Namespace+"\n"+ref.String()), text) {
			found = append(found, name)
		}
	}
	return found
}

// GroupsNow returns the targets whose queries name their workloads.
func (s Server) GroupsNow() []Group {
	out := []Group{}
	names := s.Journal.Names()
	for _, group := range s.Groups() {
		n := 0
		for _, name := range names {
			if strings.HasPrefix(name, group+"/") {
				n++
			}
		}
		out = append(out, Group{group, n})
	}
	return out
}

func (s Server) decisions(r *http.Request, q url.Values) (any, error) {
	if err := known(q, "target", "limit", "before"); err != nil {
		return nil, err
	}
	limit, err := number(q, "limit", defaultLimit, 1, maxLimit)
	if err != nil {
		return nil, err
	}
	before := time.Now().Add(time.Second)
	if text := q.Get("before"); text != "" {
		if before, err = time.Parse(time.RFC3339Nano, text); err != nil {
			return nil, bad(http.StatusBadRequest, "before: %q: want a time such as 2026-11-26T10:00:00Z", text)
		}
	}
	name := q.Get("target")
	if name == "" {
		return nil, bad(http.StatusBadRequest, "target: missing: want one of those that /api/v1/targets lists")
	}
	t := s.Journal.Find(name)
	if t == nil {
		return nil, bad(http.StatusNotFound, "target: no target has the name %q: want one of those that /api/v1/targets lists", name)
	}
	status := t.Status()
	out := Decisions{Scaler: s.Scaler(), Target: NewTarget(name, status), Decisions: []Decision{}}
	for e := range t.Backward(before) {
		if len(out.Decisions) == limit {
			out.Before = &out.Decisions[limit-1].Time
			break
		}
		out.Decisions = append(out.Decisions, NewDecision(e))
	}
	if status.Acted == nil && s.LastEvent != nil {
		out.Event = new(s.LastEvent(r.Context(), status.Target.Workload))
	}
	return out, nil
}
