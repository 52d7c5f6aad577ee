// Package dashboards evaluates the queries of Grafana's dashboards on a real
// Prometheus, with the steps and variables that Grafana uses.
package dashboards

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"time"

	v1 "github.com/prometheus/client_golang/api/prometheus/v1"
	"github.com/prometheus/common/model"
)

// Dashboard is what a dashboard's JSON queries.
type Dashboard struct {
	File, UID, Title string
	Annotations      struct {
		List []struct{ Name, Expr, Step string }
	}
	Templating struct {
		List []Variable
	}
	Panels []Panel
}

// Panel is one of a dashboard's; a collapsed row has panels in it.
type Panel struct {
	Title, Type string
	Interval    string // minimum step; may be empty
	// MaxDataPoints is 0 for as many as there are pixels.
	MaxDataPoints int
	GridPos       struct{ W int }
	Panels        []Panel
	Targets       []struct {
		Expr, LegendFormat string
		Instant            bool
	}
}

// Variable is one of those at a dashboard's top.
type Variable struct {
	Name, Type string
	AllValue   string
	Query      json.RawMessage // a string, or an object that has it
}

// Load reads the *.json files of a folder.
func Load(folder string) ([]Dashboard, error) {
	paths, err := filepath.Glob(filepath.Join(folder, "*.json"))
	if err != nil {
		return nil, err
	}
	if len(paths) == 0 {
		return nil, fmt.Errorf("there are no dashboards (*.json) in %s", folder)
	}
	all := make([]Dashboard, len(paths))
	for i, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			return nil, err
		}
		if err := json.Unmarshal(text, &all[i]); err != nil {
			return nil, fmt.Errorf("read %s: %w", path, err)
		}
		all[i].File = filepath.Base(path)
	}
	return all, nil
}

// Query is one query to Prometheus.
type Query struct {
	Panel  string // its title, or the annotation's name
	Expr   string // as it is in the file
	Legend string

	Instant bool // evaluated at the end of the range only
	points  int  // how many Grafana has room for
	step    time.Duration
}

// An annotation has room for a hundred points, however wide the screen is. A
// panel has one point a pixel; it is 1,100 pixels wide at 1440 x 900 with the
// menu docked, if it covers all columns.
const (
	annotationPoints = 100
	boardWidth       = 1100
	columns          = 24
)

// Queries lists those of the panels, and then those of the annotations.
func (d Dashboard) Queries() []Query {
	var all []Query
	var add func(panels []Panel)
	add = func(panels []Panel) {
		for _, p := range panels {
			add(p.Panels)
			points := p.MaxDataPoints
			if points == 0 {
				points = boardWidth * p.GridPos.W / columns
			}
			for _, t := range p.Targets {
				all = append(all, Query{p.Title, t.Expr, t.LegendFormat, t.Instant, points, interval(p.Interval)})
			}
		}
	}
	add(d.Panels)
	for _, a := range d.Annotations.List {
		all = append(all, Query{Panel: a.Name, Expr: a.Expr, points: annotationPoints, step: interval(a.Step)})
	}
	return all
}

func interval(text string) time.Duration {
	d, err := model.ParseDuration(text)
	if err != nil {
		return 0
	}
	return time.Duration(d)
}

// steps are those that Grafana rounds to.
var steps = []time.Duration{
	time.Second, 2 * time.Second, 5 * time.Second, 10 * time.Second, 15 * time.Second, 20 * time.Second, 30 * time.Second,
	time.Minute, 2 * time.Minute, 5 * time.Minute, 10 * time.Minute, 15 * time.Minute, 20 * time.Minute, 30 * time.Minute,
	time.Hour, 2 * time.Hour, 3 * time.Hour, 6 * time.Hour, 12 * time.Hour, 24 * time.Hour,
}

// Step is the step that Grafana has for a query over a time range: as many
// points as there is room for, and not less than the panel's or else the data
// source's minimum.
func (q Query) Step(length, scrape time.Duration) time.Duration {
	least := q.step
	if least == 0 {
		least = scrape
	}
	exact := length / time.Duration(q.points)
	if exact < least {
		return least
	}
	return slices.MinFunc(steps, func(a, b time.Duration) int { return int((a - exact).Abs() - (b - exact).Abs()) })
}

// Board is a dashboard over a time range of a Prometheus, with its variables
// filled in as when it is first opened.
type Board struct {
	Dashboard
	Variables map[string]string
	From, To  time.Time

	api    v1.API
	scrape time.Duration
}

var labelValues = regexp.MustCompile(`^label_values\((.*), (\w+)\)$`)

// Open fills in the variables, one after the other. Without values to choose
// from, one that can be all is all, and another is empty. The scrape interval
// is that of the data source.
func (d Dashboard) Open(ctx context.Context, api v1.API, from, to time.Time, scrape time.Duration) (*Board, error) {
	b := &Board{Dashboard: d, From: from, To: to, api: api, scrape: scrape, Variables: map[string]string{}}
	for _, v := range d.Templating.List {
		var text string
		var object struct{ Query string }
		if json.Unmarshal(v.Query, &text) != nil {
			if err := json.Unmarshal(v.Query, &object); err != nil {
				return nil, fmt.Errorf("%s: variable %s: %w", d.File, v.Name, err)
			}
			text = object.Query
		}
		switch v.Type {
		case "datasource":
		case "query":
			parts := labelValues.FindStringSubmatch(b.fill(text, 0))
			if parts == nil {
				return nil, fmt.Errorf("%s: variable %s: %s is no label_values(…)", d.File, v.Name, text)
			}
			values, _, _, err := api.LabelValues(ctx, parts[2], []string{parts[1]}, from, to)
			if err != nil {
				return nil, fmt.Errorf("%s: variable %s: %s: %w", d.File, v.Name, parts[0], err)
			}
			b.Variables[v.Name] = v.AllValue
			if v.AllValue == "" && len(values) > 0 {
				b.Variables[v.Name] = string(slices.Min(values))
			}
		default:
			return nil, fmt.Errorf("%s: variable %s: its type %s is not known here", d.File, v.Name, v.Type)
		}
	}
	return b, nil
}

// With is the board with another value of a variable.
func (b *Board) With(variable, value string) *Board {
	other := *b
	other.Variables = maps.Clone(b.Variables)
	other.Variables[variable] = value
	return &other
}

var reference = regexp.MustCompile(`\$(\w+)|\$\{(\w+)\}`)

// fill replaces the variables in a query; those that are not known stay.
func (b *Board) fill(query string, step time.Duration) string {
	seconds := func(d time.Duration) string { return fmt.Sprintf("%ds", int(d.Seconds())) }
	own := map[string]string{
		"__interval":      seconds(step),
		"__interval_ms":   fmt.Sprint(step.Milliseconds()),
		"__rate_interval": seconds(max(step+b.scrape, 4*b.scrape)),
		"__range":         seconds(b.To.Sub(b.From)),
	}
	return reference.ReplaceAllStringFunc(query, func(r string) string {
		name := reference.FindStringSubmatch(r)
		for _, known := range []map[string]string{b.Variables, own} {
			if value, ok := known[name[1]+name[2]]; ok {
				return value
			}
		}
		return r
	})
}

// Evaluate returns a query's series: over the time range in Grafana's own steps, or
// with one value each.
func (b *Board) Evaluate(ctx context.Context, q Query) (model.Matrix, error) {
	step := q.Step(b.To.Sub(b.From), b.scrape)
	expr := b.fill(q.Expr, step)
	if !q.Instant {
		value, _, _, err := b.api.QueryRange(ctx, expr, v1.Range{Start: b.From.Truncate(step), End: b.To.Truncate(step), Step: step})
		if err != nil {
			return nil, fmt.Errorf("%s: %s: %s: %w", b.File, q.Panel, expr, err)
		}
		return value.(model.Matrix), nil
	}
	value, _, _, err := b.api.Query(ctx, expr, b.To)
	if err != nil {
		return nil, fmt.Errorf("%s: %s: %s: %w", b.File, q.Panel, expr, err)
	}
	var matrix model.Matrix
	for _, s := range value.(model.Vector) {
		matrix = append(matrix, &model.SampleStream{Metric: s.Metric, Values: []model.SamplePair{{Timestamp: s.Timestamp, Value: s.Value}}})
	}
	return matrix, nil
}
