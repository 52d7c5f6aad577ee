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
	Links                   []map[string]any
	Templating              struct {
		List []struct{ Name, Type string }
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
	Datasource               struct{ UID string }
	GridPos                  struct{ X, Y, W, H int }
	FieldConfig              struct{ Defaults struct{ Unit string } }
	Targets                  []struct {
		Expr       string
		Datasource struct{ UID string }
	}
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
		// Templating has queries that are no strings; they are not looked at here.
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
		if d.UID == "" || uids[d.UID] != "" {
			t.Errorf("%s: uid %q is empty or that of %s", name, d.UID, uids[d.UID])
		}
		uids[d.UID] = name
		if d.ID != nil || d.Version != nil || d.Editable || d.Title == "" || d.Description == "" || len(d.Links) == 0 {
			t.Errorf("%s: want no id and version, not editable, a title, a description and links", name)
		}
		vars := map[string]bool{}
		for _, v := range d.Templating.List {
			vars[v.Name] = true
		}
		if d.Templating.List[0].Name != "datasource" || !vars["namespace"] || !vars["job"] {
			t.Errorf("%s: want the variables datasource (first), namespace and job", name)
		}
		for _, a := range d.Annotations.List {
			if a.Datasource.UID != "${datasource}" {
				t.Errorf("%s: an annotation has a data source of its own", name)
			}
			checkQuery(t, name+": annotation", a.Expr)
		}
		ids := map[int]bool{}
		taken := map[[2]int]string{}
		for _, p := range d.Panels {
			at := name + ": " + p.Title
			if ids[p.ID] || p.Title == "" {
				t.Errorf("%s: its id %d is taken, or it has no title", at, p.ID)
			}
			ids[p.ID] = true
			for x := p.GridPos.X; x < p.GridPos.X+p.GridPos.W; x++ {
				for y := p.GridPos.Y; y < p.GridPos.Y+p.GridPos.H; y++ {
					if other := taken[[2]int{x, y}]; other != "" || x >= 24 {
						t.Fatalf("%s covers %s, or stands out", at, other)
					}
					taken[[2]int{x, y}] = p.Title
				}
			}
			if p.Type == "row" {
				continue
			}
			if p.Description == "" || p.FieldConfig.Defaults.Unit == "" || len(p.Targets) == 0 || p.Datasource.UID != "${datasource}" {
				t.Errorf("%s: want a description, a unit, a query, and the data source as a variable", at)
			}
			for _, q := range p.Targets {
				checkQuery(t, at, q.Expr)
				if q.Datasource.UID != "${datasource}" {
					t.Errorf("%s: a query has a data source of its own", at)
				}
			}
		}
	}
}

var (
	bare  = regexp.MustCompile(`_total\{[^}]*\}([^[]|$)`)
	short = regexp.MustCompile(`rate\([^[]*\[([^]]*)\]`)
)

func checkQuery(t *testing.T, at, query string) {
	t.Helper()
	filled := strings.NewReplacer("$__rate_interval", "1m", "$__range", "1h", "$__interval", "1m",
		"$namespace", "n", "$job", "j", "$target", "t").Replace(query)
	if strings.Contains(filled, "$") {
		t.Errorf("%s: an unknown variable in %s", at, query)
	}
	if _, err := runTool(promtool, "--experimental", "promql", "format", filled); err != nil {
		t.Errorf("%s: %v", at, err)
	}
	if bare.MatchString(query) {
		t.Errorf("%s: a counter without rate or increase: %s", at, query)
	}
	for _, m := range short.FindAllStringSubmatch(query, -1) {
		if m[1] != "$__rate_interval" && m[1] != "5m" {
			t.Errorf("%s: a rate over %s, want $__rate_interval or 5m: %s", at, m[1], query)
		}
	}
	if !strings.Contains(query, "job=~\"$job\"") {
		t.Errorf("%s: no job matcher: %s", at, query)
	}
}

var metric = regexp.MustCompile(`\b(camunda_[a-z_]+)(\{|\[|\s|\)|$)`)

// sources is the text of a folder's Go files, tests left out.
func sources(t *testing.T, folder string) string {
	t.Helper()
	top, err := root()
	if err != nil {
		t.Fatal(err)
	}
	paths, err := filepath.Glob(filepath.Join(top, folder, "*.go"))
	if err != nil || len(paths) == 0 {
		t.Fatalf("%s has no Go files (%v)", folder, err)
	}
	var all strings.Builder
	for _, path := range paths {
		if !strings.HasSuffix(path, "_test.go") {
			all.Write(read(t, folder+"/"+filepath.Base(path)))
		}
	}
	return all.String()
}

// No panel and no alert asks for a metric that there is not.
func TestMetricsExist(t *testing.T) {
	scaler := string(read(t, "scaler/metrics/metrics.go"))
	exporter := string(read(t, "exporter/camunda/metrics.go")) + sources(t, "exporter/collector")
	known := func(name string) bool {
		name = strings.TrimSuffix(name, "_bucket")
		name = strings.TrimSuffix(name, "_count")
		switch name {
		case "camunda_scaler_build_info", "camunda_exporter_build_info":
			return true // by prometheus/common's version collector
		}
		if short, ok := strings.CutPrefix(name, "camunda_scaler_"); ok {
			return strings.Contains(scaler, `"`+name+`"`) || strings.Contains(scaler, `desc("`+short+`"`)
		}
		return strings.Contains(exporter, `"`+name+`"`)
	}
	seen := map[string]bool{}
	look := func(where, query string) {
		for _, m := range metric.FindAllStringSubmatch(query, -1) {
			seen[m[1]] = true
			if !known(m[1]) {
				t.Errorf("%s: there is no metric %s", where, m[1])
			}
		}
	}
	for name, d := range dashboards(t) {
		for _, p := range d.Panels {
			for _, q := range p.Targets {
				look(name+": "+p.Title, q.Expr)
			}
		}
	}
	for _, g := range readRules(t).Groups {
		for _, r := range g.Rules {
			look(r.Alert, r.Expr)
		}
	}
	if len(seen) < 10 {
		t.Errorf("found only %v: the test looks at too little", seen)
	}
}
