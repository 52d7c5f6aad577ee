package check

import (
	"encoding/json"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

type dashboard struct {
	UID, Title, Description string
	ID, Version             *int
	Editable                bool
	Tags                    []string
	Links                   []struct {
		Type, URL             string
		IncludeVars, KeepTime bool
	}
	Templating struct {
		List []struct {
			Name, Type string
			Current    struct{ Value string }
		}
	}
	Annotations struct {
		List []struct {
			Expr       string
			Datasource struct{ UID string }
		}
	}
	Panels []panel
}

type panel struct {
	ID                       int
	Type, Title, Description string
	Collapsed                bool
	Datasource               struct{ UID string }
	GridPos                  struct{ X, Y, W, H int }
	FieldConfig              struct {
		Defaults struct {
			Unit, NoValue string
			Mappings      []mapping
		}
	}
	Targets []struct {
		Expr       string
		Datasource struct{ UID string }
	}
	Panels []panel
}

type mapping struct {
	Type    string
	Options struct{ Match string }
}

// all lists a dashboard's panels, with those in collapsed rows.
func (d dashboard) all() []panel {
	var all []panel
	for _, p := range d.Panels {
		all = append(append(all, p), p.Panels...)
	}
	return all
}

func dashboards(t *testing.T) map[string]dashboard {
	t.Helper()
	top, err := root()
	if err != nil {
		t.Fatal(err)
	}
	paths, err := filepath.Glob(filepath.Join(top, "dashboards", "*.json"))
	if err != nil || len(paths) != 3 {
		t.Fatalf("want three dashboards, found %v (%v)", paths, err)
	}
	all := map[string]dashboard{}
	for _, path := range paths {
		name := filepath.Base(path)
		var d dashboard
		if err := json.Unmarshal(read(t, "dashboards/"+name), &d); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		all[name] = d
	}
	return all
}

func TestDashboards(t *testing.T) {
	uids := map[string]string{}
	for name, d := range dashboards(t) {
		t.Run(name, func(t *testing.T) {
			if d.UID == "" || uids[d.UID] != "" {
				t.Errorf("uid %q is empty or that of %s", d.UID, uids[d.UID])
			}
			uids[d.UID] = name
			if d.ID != nil || d.Version != nil || d.Editable || d.Title == "" || d.Description == "" {
				t.Error("want no id and version, not editable, a title and a description")
			}
			checkDatasource(t, d)
			checkVariables(t, d)
			for _, a := range d.Annotations.List {
				if a.Datasource.UID != "${datasource}" {
					t.Error("an annotation has a data source of its own")
				}
				checkQuery(t, "annotation", a.Expr)
			}
			ids := map[int]bool{}
			for _, p := range d.all() {
				if ids[p.ID] || p.Title == "" {
					t.Errorf("%s: its id %d is taken, or it has no title", p.Title, p.ID)
				}
				ids[p.ID] = true
				if p.Type != "row" {
					checkPanel(t, p)
					for _, q := range p.Targets {
						checkQuery(t, p.Title, q.Expr)
					}
				}
			}
			checkLayout(t, d.Panels)
		})
	}
}

// The dashboards of the examples look like ours.
func TestExampleDashboards(t *testing.T) {
	top, err := root()
	if err != nil {
		t.Fatal(err)
	}
	paths, err := filepath.Glob(filepath.Join(top, exampleDashboards))
	if err != nil || len(paths) < 2 {
		t.Fatalf("found %v (%v): the test covers too little", paths, err)
	}
	for _, path := range paths {
		name, err := filepath.Rel(top, path)
		if err != nil {
			t.Fatal(err)
		}
		t.Run(name, func(t *testing.T) {
			var d dashboard
			if err := json.Unmarshal(read(t, name), &d); err != nil {
				t.Fatal(err)
			}
			checkDatasource(t, d)
			for _, p := range d.all() {
				if p.Type != "row" {
					checkPanel(t, p)
				}
			}
			checkLayout(t, d.Panels)
		})
	}
}

const exampleDashboards = "examples/*/*/*/files/dashboard*.json"

// A dashboard opens on the default data source.
func checkDatasource(t *testing.T, d dashboard) {
	for i, v := range d.Templating.List {
		if (v.Type == "datasource") != (i == 0) || i == 0 && v.Current.Value != "default" {
			t.Errorf("variable %s: want the data source first, with the value default", v.Name)
		}
	}
}

// All other variables let everything through.
func checkVariables(t *testing.T, d dashboard) {
	names := map[string]bool{}
	for _, v := range d.Templating.List {
		names[v.Name] = true
	}
	for _, name := range []string{"datasource", "cluster", "namespace", "job"} {
		if !names[name] {
			t.Errorf("want the variable %s", name)
		}
	}
}

func checkPanel(t *testing.T, p panel) {
	t.Helper()
	if p.Description == "" || p.FieldConfig.Defaults.Unit == "" || len(p.Targets) == 0 || p.Datasource.UID != "${datasource}" {
		t.Errorf("%s: want a description, a unit, a query, and the data source as a variable", p.Title)
	}
	for _, q := range p.Targets {
		if q.Datasource.UID != "${datasource}" {
			t.Errorf("%s: a query has a data source of its own", p.Title)
		}
	}
	if p.Type == "stat" {
		unknown := false
		for _, m := range p.FieldConfig.Defaults.Mappings {
			unknown = unknown || m.Type == "special" && m.Options.Match == "null+nan"
		}
		if !unknown || p.FieldConfig.Defaults.NoValue != "unknown" {
			t.Errorf("%s: no value has the color of a good one: want the mapping null+nan and unknown as noValue", p.Title)
		}
	}
	// At 1440 pixels with the menu docked a column has 46 pixels and a letter of
	// a title at most 8; the rest is the panel's frame and its description's icon.
	if room := (46*p.GridPos.W - 66) / 8; len(p.Title) > room {
		t.Errorf("%s: the title is cut at 1440 pixels: %d letters, and there is room for %d", p.Title, len(p.Title), room)
	}
}

// checkLayout: no panel covers another, and at most six stats are in a line.
func checkLayout(t *testing.T, panels []panel) {
	t.Helper()
	taken := map[[2]int]string{}
	stats := map[int]int{} // by line
	for _, p := range panels {
		for x := p.GridPos.X; x < p.GridPos.X+p.GridPos.W; x++ {
			for y := p.GridPos.Y; y < p.GridPos.Y+p.GridPos.H; y++ {
				if other := taken[[2]int{x, y}]; other != "" || x >= 24 {
					t.Fatalf("%s covers %s, or stands out", p.Title, other)
				}
				taken[[2]int{x, y}] = p.Title
			}
		}
		if p.Type == "stat" {
			if stats[p.GridPos.Y]++; stats[p.GridPos.Y] > 6 {
				t.Errorf("%s: more than six stats are in its line", p.Title)
			}
		}
		if len(p.Panels) > 0 {
			checkLayout(t, p.Panels)
		}
	}
}

// A link leads to one board. It hands over the data source, the cluster, the
// namespace and the time, which each board has; a job or a target that the
// other board does not know would empty it. Only a target's own link names it.
func TestDashboardLinks(t *testing.T) {
	all := dashboards(t)
	uids := map[string]bool{}
	for _, d := range all {
		uids[d.UID] = true
	}
	const handover = "${datasource:queryparam}&${cluster:queryparam}&${namespace:queryparam}"
	for name, d := range all {
		t.Run(name, func(t *testing.T) {
			found := map[string]bool{}
			for _, l := range d.Links {
				if page, ok := strings.CutPrefix(l.URL, "https://github.com/camunda-autoscaler/camunda-autoscaler/blob/main/"); ok {
					file, title, _ := strings.Cut(page, "#")
					if title != strings.ToLower(d.Title) || !strings.Contains(string(read(t, file)), "\n## "+d.Title+"\n") {
						t.Errorf("%s is not about this board", l.URL)
					}
					continue
				}
				uid, query, _ := strings.Cut(strings.TrimPrefix(l.URL, "/d/"), "?")
				found[uid] = true
				if l.Type != "link" || !uids[uid] || query != handover || l.IncludeVars || !l.KeepTime {
					t.Errorf("want a link to a board with %s and the time, not %+v", handover, l)
				}
			}
			if len(found) != len(all)-1 || found[d.UID] {
				t.Errorf("want a link to each other board, found %v", found)
			}
		})
	}
	if text := string(read(t, "dashboards/scaler.json")); !strings.Contains(text, "/d/camunda-autoscaling?"+handover+"&var-target=${__data.fields.Target:percentencode}&${__url_time_range}") {
		t.Error("scaler.json: a target does not lead to its board")
	}
}

var (
	// As good as a rate is a counter beside its own value one step before.
	bare  = regexp.MustCompile(`_total\{[^}]*\}([^[]|$)`)
	short = regexp.MustCompile(`rate\([^[]*\[([^]]*)\]`)
)

func checkQuery(t *testing.T, at, query string) {
	t.Helper()
	filled := strings.NewReplacer("$__rate_interval", "1m", "$__range", "1h", "$__interval_ms", "60000", "$__interval", "1m",
		"$cluster", "c", "$namespace", "n", "$job", "j", "$target", "t", "$group", "t", "$trigger", "t", `"$1"`, `"1"`).Replace(query)
	if strings.Contains(filled, "$") {
		t.Errorf("%s: an unknown variable in %s", at, query)
	}
	if _, err := runTool(promtool, "--experimental", "promql", "format", filled); err != nil {
		t.Errorf("%s: %v", at, err)
	}
	if bare.MatchString(query) && !strings.Contains(query, "offset $__interval") {
		t.Errorf("%s: a counter without rate or increase: %s", at, query)
	}
	for _, m := range short.FindAllStringSubmatch(query, -1) {
		if m[1] != "$__rate_interval" {
			t.Errorf("%s: a rate over %s, want $__rate_interval: %s", at, m[1], query)
		}
	}
	for _, matcher := range []string{`cluster=~"$cluster"`, `namespace=~"$namespace"`, `job=~"$job"`} {
		if strings.Count(query, matcher) != strings.Count(query, "{") {
			t.Errorf("%s: a selector without %s: %s", at, matcher, query)
		}
	}
}

var metric = regexp.MustCompile(`\b(camunda_[a-z_]+)(\{|\[|\s|\)|$)`)

// exported are the metrics that the programs export: the tables of docs/metrics.md, which are made from what the
// programs' own tests compare with.
func exported(t *testing.T) map[string]bool {
	t.Helper()
	all := map[string]bool{"camunda_scaler_build_info": true, "camunda_exporter_build_info": true} // by prometheus/common
	for _, m := range regexp.MustCompile("(?m)^\\| `(camunda_[a-z_]+)` \\| (histogram)?").FindAllStringSubmatch(string(read(t, "docs/metrics.md")), -1) {
		all[m[1]] = true
		if m[2] != "" {
			all[m[1]+"_bucket"], all[m[1]+"_count"], all[m[1]+"_sum"] = true, true, true
		}
	}
	return all
}

// Panels and alerts query only metrics that exist.
func TestMetricsExist(t *testing.T) {
	known := exported(t)
	seen := map[string]bool{}
	check := func(where, query string) {
		for _, m := range metric.FindAllStringSubmatch(query, -1) {
			seen[m[1]] = true
			if !known[m[1]] {
				t.Errorf("%s: there is no metric %s", where, m[1])
			}
		}
	}
	for name, d := range dashboards(t) {
		for _, p := range d.all() {
			for _, q := range p.Targets {
				check(name+": "+p.Title, q.Expr)
			}
		}
	}
	for _, g := range readRules(t).Groups {
		for _, r := range g.Rules {
			check(r.Alert, r.Expr)
		}
	}
	if len(seen) < 10 {
		t.Errorf("found only %v: the test covers too little", seen)
	}
}
