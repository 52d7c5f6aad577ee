// Package dashboards reads Grafana's dashboards and asks a real Prometheus what
// they ask. For the test beside it, and for the pictures in the documentation.
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

// Dashboard is what is asked of Prometheus in a dashboard's JSON.
type Dashboard struct {
	File, Title string
	Annotations struct {
		List []struct{ Name, Expr, IconColor string }
	}
	Templating struct {
		List []Variable
	}
	Panels []struct {
		ID      int
		Title   string
		Targets []struct {
			Expr, LegendFormat string
			Instant            bool
		}
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

// Query is one question to Prometheus.
type Query struct {
	PanelID int    // 0 for an annotation
	Panel   string // its title, or the annotation's name
	Expr    string // as it is in the file
	Legend  string
	Instant bool // only its last value is shown
}

// Queries lists those of the panels, and then those of the annotations.
func (d Dashboard) Queries() []Query {
	var all []Query
	for _, p := range d.Panels {
		for _, t := range p.Targets {
			all = append(all, Query{p.ID, p.Title, t.Expr, t.LegendFormat, t.Instant})
		}
	}
	for _, a := range d.Annotations.List {
		all = append(all, Query{Panel: a.Name, Expr: a.Expr})
	}
	return all
}

// The rate interval is Grafana's for a data source whose scrape interval is
// not set (15s): four of them.
const (
	Step         = 5 * time.Second
	rateInterval = "1m"
)

// Board is a dashboard over a time range of a Prometheus, with its variables
// filled in as when it is first opened.
type Board struct {
	Dashboard
	Variables map[string]string

	api v1.API
	v1.Range
}

var labelValues = regexp.MustCompile(`^label_values\((.*), (\w+)\)$`)

// Open fills in the variables, one after the other; an error says which of
// them has nothing to choose from.
func (d Dashboard) Open(ctx context.Context, api v1.API, from, to time.Time) (*Board, error) {
	b := &Board{
		Dashboard: d, api: api, Range: v1.Range{Start: from, End: to, Step: Step},
		Variables: map[string]string{"__rate_interval": rateInterval, "__range": to.Sub(from).Round(time.Second).String()},
	}
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
			parts := labelValues.FindStringSubmatch(b.Fill(text))
			if parts == nil {
				return nil, fmt.Errorf("%s: variable %s: %s is no label_values(…)", d.File, v.Name, text)
			}
			values, _, _, err := api.LabelValues(ctx, parts[2], []string{parts[1]}, from, to)
			if err != nil {
				return nil, fmt.Errorf("%s: variable %s: %s: %w", d.File, v.Name, parts[0], err)
			}
			if len(values) == 0 {
				return nil, fmt.Errorf("%s: variable %s: %s has no values", d.File, v.Name, parts[0])
			}
			if b.Variables[v.Name] = v.AllValue; v.AllValue == "" {
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

// Fill replaces the variables in a query; those that are not known stay.
func (b *Board) Fill(query string) string {
	return reference.ReplaceAllStringFunc(query, func(r string) string {
		name := reference.FindStringSubmatch(r)
		if value, ok := b.Variables[name[1]+name[2]]; ok {
			return value
		}
		return r
	})
}

// Ask returns a query's series: over the time range, or with one value each.
func (b *Board) Ask(ctx context.Context, q Query) (model.Matrix, error) {
	expr := b.Fill(q.Expr)
	if !q.Instant {
		value, _, _, err := b.api.QueryRange(ctx, expr, b.Range)
		if err != nil {
			return nil, fmt.Errorf("%s: %s: %s: %w", b.File, q.Panel, expr, err)
		}
		return value.(model.Matrix), nil
	}
	value, _, _, err := b.api.Query(ctx, expr, b.End)
	if err != nil {
		return nil, fmt.Errorf("%s: %s: %s: %w", b.File, q.Panel, expr, err)
	}
	var matrix model.Matrix
	for _, s := range value.(model.Vector) {
		matrix = append(matrix, &model.SampleStream{Metric: s.Metric, Values: []model.SamplePair{{Timestamp: s.Timestamp, Value: s.Value}}})
	}
	return matrix, nil
}
