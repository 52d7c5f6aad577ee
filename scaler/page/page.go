// Package page serves the scaler's pages: all targets in a table, and each with a
// picture of its past, its journal, and what would have to change for a step.
// They need no JavaScript, load nothing, and change nothing.
package page

import (
	"bytes"
	_ "embed"
	"fmt"
	"html/template"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/api"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/config"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/decide"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/explain"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/journal"
	"github.com/camunda-autoscaler/camunda-autoscaler/service/web"
)

// Pages serves the pages.
type Pages struct {
	Server     api.Server
	Name       string                       // of the program
	Links      []Link                       // to its other paths
	Prometheus func(config.Target) *url.URL // where a person finds the Prometheus of a target
	Grafana    *url.URL                     // of the dashboard; nil if that is unknown
	Now        func() time.Time
}

// Link is one to another path of the program.
type Link struct{ Address, Text string }

// Register adds the paths of targets. The table is for /.
func (p Pages) Register(mux *http.ServeMux) {
	mux.HandleFunc("GET /targets/{name...}", p.target)
}

//go:embed style.css
var style string

//go:embed index.html
var indexText string

//go:embed target.html
var targetText string

//go:embed parts.html
var partsText string

var functions = template.FuncMap{
	"style":    func() template.CSS { return template.CSS(style) },
	"replicas": api.Replicas, "measured": api.Measured, "age": api.Age, "describe": api.Describe, "rule": api.DescribeRule, "facts": api.ReplicaLines,
	"number": func(v *float64) string {
		if v == nil {
			return "–"
		}
		return explain.Number(*v)
	},
	"clock": func(t time.Time) string { return t.UTC().Format("15:04:05") },
	"day":   func(t time.Time) string { return t.UTC().Format(time.DateOnly) },
	"exact": func(t time.Time) string { return t.UTC().Format(time.RFC3339) },
}

func parse(name, text string) *template.Template {
	return template.Must(template.Must(template.New(name).Funcs(functions).Parse(partsText)).Parse(text))
}

var indexTemplate, targetTemplate = parse("index", indexText), parse("target", targetText)

// perPage is how many targets or runs of decisions are on a page.
const perPage = 50

// head is what both pages start with.
type head struct {
	Title   string
	Name    string
	Version string
	Root    string // relative
	Scaler  api.Scaler
	Leader  string
	Time    time.Time
	Refresh int    // seconds; 0 if the page does not refresh itself
	Toggle  string // address of the page that does, or does not any more
	Links   []Link
}

const refreshSeconds = 10

func (p Pages) head(r *http.Request, title, root string) head {
	h := head{Title: title, Name: p.Name, Root: root, Scaler: p.Server.Scaler(), Time: p.Now(), Links: p.Links}
	h.Version = h.Scaler.Version
	h.Leader, _, _ = strings.Cut(h.Scaler.Leader, "_")
	q := r.URL.Query()
	if q.Get("refresh") != "" {
		h.Refresh = refreshSeconds
		q.Del("refresh")
	} else {
		q.Set("refresh", strconv.Itoa(refreshSeconds))
	}
	h.Toggle = "?" + q.Encode()
	return h
}

func write(w http.ResponseWriter, t *template.Template, h head, data any, code int) {
	var page bytes.Buffer
	if err := t.Execute(&page, data); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	if h.Refresh > 0 {
		w.Header().Set("Refresh", strconv.Itoa(h.Refresh))
	}
	web.WritePage(w, code, page.Bytes(), style, "'self'")
}

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

// ranges are the parts of the past that a picture can show.
var ranges = []time.Duration{30 * time.Minute, 3 * time.Hour, 12 * time.Hour, 24 * time.Hour}

const defaultRange = 3 * time.Hour

type rangeLink struct {
	Text, Address string
	Current       bool
}

// run is a row of the journal.
type run struct {
	api.Run
	Class   string
	Change  string // of the replicas
	Foreign string // what another writer did
}

func (p Pages) target(w http.ResponseWriter, r *http.Request) {
	name := r.PathValue("name")
	if name == "" {
		name = r.URL.Query().Get("name")
	}
	root := strings.Repeat("../", strings.Count(strings.TrimPrefix(r.URL.EscapedPath(), "/"), "/"))
	h := p.head(r, name, root)
	t := p.Server.Journal.Find(name)
	if t == nil {
		write(w, targetTemplate, h, struct {
			head
			Missing bool
		}{h, true}, http.StatusNotFound)
		return
	}
	q := r.URL.Query()
	long := defaultRange
	if asked, err := time.ParseDuration(q.Get("range")); err == nil && slices.Contains(ranges, asked) {
		long = asked
	}
	before := h.Time.Add(time.Second)
	if asked, err := time.Parse(time.RFC3339Nano, q.Get("before")); err == nil {
		before = asked
	}
	status := t.Status()
	data := struct {
		head
		row
		Missing bool
		Charts  []chart
		Shadow  []string // how a dry run compares with what really happens
		Ranges  []rangeLink
		Runs    []run
		Older   string
		Newest  string // page of the journal; "" if this is it
		Event   *api.Event
		Ago     string // of the last action
		Queries []queryLink
		Grafana string
		Reason  string // address of what it means
	}{head: h, row: newRow(name, status, h.Time)}
	history := history(t, h.Time, long)
	data.Charts, data.Shadow = history.charts(status.Target.Policy.Triggers), history.compare().lines()
	for _, d := range ranges {
		q.Set("range", d.String())
		data.Ranges = append(data.Ranges, rangeLink{explain.Duration(d), "?" + q.Encode(), d == long})
	}
	q.Set("range", long.String())
	data.Runs, data.Older = runs(t, before)
	if data.Older != "" {
		q.Set("before", data.Older)
		data.Older = "?" + q.Encode() + "#journal"
	}
	if q.Get("before") != "" && r.URL.Query().Get("before") != "" {
		q.Del("before")
		data.Newest = "?" + q.Encode() + "#journal"
	}
	switch {
	case status.Acted != nil:
		data.Ago = explain.Duration(h.Time.Sub(status.Acted.At))
	case p.Server.LastEvent != nil:
		data.Event = new(p.Server.LastEvent(r.Context(), status.Target.Workload))
	}
	data.Queries, data.Grafana = p.queries(status.Target, long), p.dashboard(name, long)
	write(w, targetTemplate, h, data, http.StatusOK)
}

// history returns a target's decisions of a time before now.
func history(t *journal.Target, now time.Time, long time.Duration) past {
	p := past{from: now.Add(-long), to: now}
	for e := range t.Backward(now.Add(time.Second)) {
		if e.At.Before(p.from) {
			break
		}
		p.entries = append(p.entries, e)
	}
	slices.Reverse(p.entries)
	if n := len(p.entries); n > 0 {
		// A journal that is younger than that fills the picture.
		p.from = maxTime(p.from, p.entries[0].At.Add(-time.Second))
		if p.to.Sub(p.from) < time.Minute {
			p.from = p.to.Add(-time.Minute)
		}
	}
	return p
}

func maxTime(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// runs returns a page of the journal, and where the next one starts.
func runs(t *journal.Target, before time.Time) (out []run, older string) {
	const most = 5000 // decisions that one page looks at
	var joined []api.Run
	n := 0
	for e := range t.Backward(before) {
		if n++; n > most {
			return rows(joined), joined[len(joined)-1].Oldest.Time.Format(time.RFC3339Nano)
		}
		if joined = api.Join(joined, api.NewBrief(e)); len(joined) > perPage {
			return rows(joined[:perPage]), joined[perPage-1].Oldest.Time.Format(time.RFC3339Nano)
		}
	}
	return rows(joined), ""
}

func rows(runs []api.Run) (out []run) {
	for _, r := range runs {
		d := r.Newest
		row := run{Run: r, Change: "–"}
		if d.From != nil {
			row.Change = strconv.Itoa(int(*d.From))
			if *d.To != *d.From {
				row.Change += " → " + strconv.Itoa(int(*d.To))
			}
		}
		if f := r.Oldest.Foreign; f != nil {
			row.Foreign = fmt.Sprintf("another writer: %d → %d", f.From, f.To)
			if f.Kind == "recreated" {
				row.Foreign = "the workload was created again"
			}
		}
		out = append(out, row)
	}
	return out
}

// queryLink leads to a query's graph.
type queryLink struct{ Name, Query, Address string }

func (p Pages) queries(t config.Target, long time.Duration) (links []queryLink) {
	base := p.Prometheus(t)
	for i, q := range t.Queries {
		l := queryLink{Name: t.Policy.Triggers[i].Name, Query: q.PromQL}
		if base != nil {
			at := base.JoinPath("graph")
			at.RawQuery = url.Values{"g0.expr": {q.PromQL}, "g0.tab": {"0"}, "g0.range_input": {explain.Duration(long)}}.Encode()
			l.Address = at.String()
		}
		links = append(links, l)
	}
	return links
}

func (p Pages) dashboard(target string, long time.Duration) string {
	if p.Grafana == nil {
		return ""
	}
	at := *p.Grafana
	q := at.Query()
	q.Set("var-target", target)
	q.Set("from", "now-"+explain.Duration(long))
	q.Set("to", "now")
	at.RawQuery = q.Encode()
	return at.String()
}
