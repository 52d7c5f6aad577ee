package dashboards

import (
	"encoding/json"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/common/model"
)

// A member of a group has the rule of its group, which is exported under the
// group's name: its board finds it, and the table of all targets has its load.
func TestDashboardsOfAGroup(t *testing.T) {
	t.Parallel()
	const name, scrape = "tenant-04-worker", 10 * time.Second
	boards, err := Load(folder)
	check(t, err)
	board := func(uid string) Dashboard {
		return boards[slices.IndexFunc(boards, func(d Dashboard) bool { return d.UID == uid })]
	}
	h := &History{From: historyEnd.Add(-time.Hour), To: historyEnd, Scrape: scrape, Targets: 6}
	server, err := h.Serve(t.Context(), t.TempDir())
	check(t, err)
	t.Cleanup(server.Kill)
	prom, err := API(server.URL)
	check(t, err)
	last := func(b *Board, q Query) map[string]float64 { // by target
		q.Instant = true
		series, err := b.Evaluate(t.Context(), q)
		check(t, err)
		all := map[string]float64{}
		for _, s := range series {
			all[string(s.Metric["target"])] = float64(s.Values[len(s.Values)-1].Value)
		}
		return all
	}

	b, err := board("camunda-autoscaling").Open(t.Context(), prom, h.From, h.To, scrape)
	check(t, err)
	b = b.With("target", name)
	for _, v := range b.Templating.List {
		if v.Name != "group" {
			continue
		}
		var query struct{ Query string }
		check(t, json.Unmarshal(v.Query, &query))
		parts := labelValues.FindStringSubmatch(b.fill(query.Query, scrape))
		groups, _, _, err := prom.LabelValues(t.Context(), parts[2], []string{parts[1]}, h.From, h.To)
		check(t, err)
		if !slices.Equal(groups, model.LabelValues{tenants}) {
			t.Fatalf("the group of %s is %v, want %s", name, groups, tenants)
		}
	}
	b = b.With("group", tenants)
	replicas := last(b, Query{Expr: `camunda_scaler_replicas`, points: 1})
	values := last(b, Query{Expr: `camunda_scaler_sample_value`, points: 1})
	bounds := map[string]float64{"next step up": 50 * replicas[name], "next step down": 20 * replicas[name]}
	for _, q := range b.Queries() {
		if want, ok := bounds[q.Legend]; ok && q.Panel == "Load and the next steps" {
			if got := last(b, q)[""]; got != want || want == 0 {
				t.Errorf("%s is %g, want %g", q.Legend, got, want)
			}
			delete(bounds, q.Legend)
		}
	}
	if len(bounds) > 0 {
		t.Errorf("found no query for %v: the test covers too little", bounds)
	}

	b, err = board("camunda-scaler").Open(t.Context(), prom, h.From, h.To, scrape)
	check(t, err)
	tables := 0
	for _, q := range b.Queries() {
		if q.Panel != "Which targets need attention?" || !strings.Contains(q.Expr, "camunda_scaler_rule") || strings.HasPrefix(q.Expr, "1000") {
			continue
		}
		tables++
		loads := last(b, q)
		if len(loads) != h.Targets {
			t.Errorf("%d targets have a load, want %d: %v", len(loads), h.Targets, loads)
		}
		for target, load := range loads {
			if want := values[target] / 50 / replicas[target]; math.Abs(load-want) > 1e-9 {
				t.Errorf("the load of %s is %g, want %g", target, load, want)
			}
		}
	}
	if tables != 1 {
		t.Errorf("%d columns of loads, want one", tables)
	}
}
