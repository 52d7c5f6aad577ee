package page

import (
	"net/http"
	"net/url"
	"path"
	"strconv"
	"strings"
	"time"

	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/api"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/decide"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/explain"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/journal"
)

// row is a target in the table.
type row struct {
	api.Target
	Link     string
	Class    string
	Up, Down string
	For      string // since when, as a duration
	Decided  bool   // whether Last is of now
}

// ServeHTTP serves the table.
func (p Pages) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		http.Error(w, "method not allowed: want GET", http.StatusMethodNotAllowed)
		return
	}
	h := p.head(r, "Targets", "")
	q := r.URL.Query()
	search := q.Get("search")
	names := p.Server.Find(search)
	offset, err := strconv.Atoi(q.Get("offset"))
	if err != nil || offset < 0 || offset >= len(names) {
		offset = 0
	}
	var rows []row
	for _, name := range names[offset:min(offset+perPage, len(names))] {
		if t := p.Server.Journal.Find(name); t != nil {
			rows = append(rows, newRow(name, t.Status(), h.Time))
		}
	}
	var empty []string
	for _, g := range p.Server.GroupsNow() {
		if g.Workloads == 0 && h.Scaler.Leads {
			empty = append(empty, g.Name)
		}
	}
	page := func(offset int) string {
		if offset < 0 || offset >= len(names) {
			return ""
		}
		q.Set("offset", strconv.Itoa(offset))
		return "?" + q.Encode()
	}
	data := struct {
		head
		Search         string
		Total          int
		First, Last    int
		Rows           []row
		Previous, Next string
		Empty          []string
	}{h, search, len(names), min(offset+1, len(names)), offset + len(rows), rows, "", page(offset + perPage), empty}
	if offset > 0 {
		data.Previous = page(max(0, offset-perPage))
	}
	write(w, indexTemplate, h, data, http.StatusOK)
}

func newRow(name string, s journal.Status, now time.Time) row {
	t := api.NewTarget(name, s)
	r := row{Target: t, Link: address(name), Class: class(t), Decided: t.Last != nil && t.State != api.NotDecided && t.State != api.NotRunning}
	if r.Decided {
		r.Up, r.Down = t.Last.Bounds()
		r.For = explain.Duration(now.Sub(*t.Since))
	}
	return r
}

// class is how a state looks.
func class(t api.Target) string {
	if t.Last == nil {
		return "off"
	}
	switch t.State {
	case "scaled", "would scale":
		return "acted"
	case "holding":
		if chosen(decide.Reason(t.Last.Reason)) {
			return "off"
		}
		return "held"
	case "scaling failed":
		return "held"
	case "waiting":
		return "waits"
	case "nothing to do":
		if decide.Reason(t.Last.Reason) == decide.LoadHighAtMax {
			return "waits"
		}
		return "fine"
	}
	return "off"
}

// chosen reports whether people have chosen that the scaler holds.
func chosen(r decide.Reason) bool { return r == decide.Paused || r == decide.SwitchedOff }

// address is a target's page, from the table.
func address(name string) string {
	segments := strings.Split(name, "/")
	for i, s := range segments {
		segments[i] = url.PathEscape(s)
	}
	at := "targets/" + strings.Join(segments, "/")
	if path.Clean("/"+name) != "/"+name || strings.HasPrefix(name, "/") { // a browser would change it
		return "targets/?" + url.Values{"name": {name}}.Encode()
	}
	return at
}
