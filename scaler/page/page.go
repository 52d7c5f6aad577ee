// Package page serves the scaler's pages: all targets in a table, and each with a
// picture of its past, its journal, and what would have to change for a step.
// They need no JavaScript, load nothing, and change nothing.
package page

import (
	"bytes"
	_ "embed"
	"html/template"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/api"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/config"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/explain"
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
