package dashboards

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	v1 "github.com/prometheus/client_golang/api/prometheus/v1"

	"github.com/camunda-autoscaler/camunda-autoscaler/testbed/prometheus"
)

const (
	folder = "../../dashboards"
	rules  = "../../alerts/camunda-autoscaler.yml"

	scrapeInterval = 10 * time.Second
)

// On the healthy stack every panel has data and no alert has anything to say.
// Then there is a fault, and those panels have data and those alerts arrive
// that are for it.
func TestDashboardsAndAlertsOnTheRealStack(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	s, err := Up(ctx, t.TempDir())
	check(t, err)
	t.Cleanup(s.Down)
	file, err := filepath.Abs(rules)
	check(t, err)
	several, stop, err := StartSeveral(ctx, t.TempDir(), s)
	check(t, err)
	t.Cleanup(stop)
	scrape := Scrape{Interval: scrapeInterval, Rules: file, Several: several}
	check(t, s.Prometheus.Reload(ctx, prometheus.Config{YAML: scrape.Configuration(s)}))
	prom, err := API(s.Prometheus.URL)
	check(t, err)

	check(t, AddWork(ctx, s.Engine.URL, 3))

	// There and back, for decisions of all kinds; and then someone sets the replicas by hand.
	check(t, s.SetRate(ctx, 120))
	check(t, AwaitReplicas(ctx, s, 3))
	check(t, s.SetRate(ctx, 5))
	check(t, SetReplicas(ctx, s, 4))
	check(t, AwaitReplicas(ctx, s, 2))
	for _, what := range []string{`steps_total{action="down"}`, `foreign_changes_total{target="camunda-deployment"}`, `sample_value{trigger="tasks"}`} {
		await(t, 30*time.Second, what+" is scraped", func() bool {
			v, _, _, err := prom.Query(ctx, "camunda_scaler_"+what+" > 0", time.Now())
			return err == nil && v.String() != ""
		})
	}

	left := unanswered(t)
	t.Run("every panel has data", func(t *testing.T) {
		await(t, time.Minute, "all queries but those for faults have a series", func() bool {
			left.evaluate(t, prom)
			return len(left.but(inAFault)) == 0
		})
		for _, name := range left.but(inAFault) {
			t.Error("empty: " + name)
		}
	})
	t.Run("each trigger has its bounds", func(t *testing.T) { triggersHaveBounds(t, prom) })
	t.Run("all alerts are quiet", func(t *testing.T) { alertsAreQuiet(t, prom) })
	t.Run("Alertmanager delivers", func(t *testing.T) { alertmanagerDelivers(t, s) })
	t.Run("the panels for faults have data in one", func(t *testing.T) {
		check(t, s.SetRate(ctx, 500))
		check(t, AwaitReplicas(ctx, s, 4))
		await(t, time.Minute, "the load is known at the maximum", func() bool {
			left.evaluate(t, prom)
			return !left.has("Next step up at: none")
		})
		s.Prometheus.Pause()
		await(t, time.Minute, "a query has failed", func() bool {
			return strings.Contains(get(t, s.Scaler+"/metrics"), `operation="query"`)
		})
		s.Prometheus.Resume()
		s.Cluster.StopAPIServer()
		await(t, 6*time.Minute, "all queries have had a series", func() bool {
			left.evaluate(t, prom)
			return len(left) == 0
		})
		for name := range left {
			t.Error("empty: " + name)
		}
	})
}

// inAFault are the queries without a series while all is well, by panel and
// legend, and one that needs the exporter to have looked for five minutes.
var inAFault = []string{
	"Instances with a start time hours off: {{job}}",
	"Next step up at: none",
	"Replicas: last known",
	"Failed requests: {{operation}}: {{cause}}",
	"Failed requests: {{endpoint}}: {{cause}}",
	"Failed queries: {{cause}}",
	"Failed requests to the API server: {{operation}}: {{cause}}",
}

// queries are the boards' that have had no series yet, by what they are called
// in a report.
type queries map[string]Query

func unanswered(t *testing.T) queries {
	boards, err := Load(folder)
	check(t, err)
	left := queries{}
	for _, d := range boards {
		for _, q := range d.Queries() {
			left[d.File+": "+q.name()+": "+q.Expr] = q
		}
	}
	if len(left) < 50 {
		t.Fatalf("found only %d queries: the test covers too little", len(left))
	}
	return left
}

func (q Query) name() string { return q.Panel + ": " + q.Legend }

// evaluate removes the queries that have a series now, for either target.
func (left queries) evaluate(t *testing.T, prom v1.API) {
	t.Helper()
	boards, err := Load(folder)
	check(t, err)
	now := time.Now()
	for _, d := range boards {
		b, err := d.Open(t.Context(), prom, now.Add(-time.Hour), now, scrapeInterval)
		check(t, err)
		for name, q := range left {
			if !strings.HasPrefix(name, d.File) {
				continue
			}
			for _, target := range []string{b.Variables["target"], Several} {
				series, err := b.With("target", target).Evaluate(t.Context(), q)
				check(t, err)
				if len(series) > 0 {
					delete(left, name)
				}
			}
		}
	}
}

func (left queries) has(name string) bool {
	for _, q := range left {
		if q.name() == name {
			return true
		}
	}
	return false
}

// but lists those that are not among the given ones.
func (left queries) but(these []string) []string {
	var names []string
	for name, q := range left {
		if !slices.Contains(these, q.name()) {
			names = append(names, name)
		}
	}
	return names
}

// triggersHaveBounds: with several triggers, each of which has its own rule, the
// lines are where the rules say, with as many replicas as there are.
func triggersHaveBounds(t *testing.T, prom v1.API) {
	boards, err := Load(folder)
	check(t, err)
	type bounds map[string]func(replicas float64) float64 // by trigger
	times := func(n float64) func(float64) float64 { return func(r float64) float64 { return n * r } }
	total := func(n float64) func(float64) float64 { return func(float64) float64 { return n } }
	want := map[string]bounds{ // by legend
		"next step up":   {"starts": times(50), "running": times(4), "tasks": total(3)},
		"next step down": {"starts": times(20), "running": func(r float64) float64 { return 4 * (r - 1) }, "tasks": total(1)},
	}
	lines := 0
	for _, d := range boards {
		b, err := d.Open(t.Context(), prom, time.Now().Add(-time.Hour), time.Now(), scrapeInterval)
		check(t, err)
		for _, q := range d.Queries() {
			if q.Panel != "Load and the next steps" {
				continue
			}
			for trigger, bound := range want[q.Legend] {
				await(t, time.Minute, q.Legend+" of "+trigger+" is where its rule says", func() bool {
					q.Instant, b.To = true, time.Now()
					series, err := b.With("target", Several).With("group", Several).With("trigger", trigger).Evaluate(t.Context(), q)
					check(t, err)
					replicas, err := b.Evaluate(t.Context(), Query{Instant: true, points: 1, Expr: fmt.Sprintf(`camunda_scaler_replicas{target=%q}`, Several)})
					check(t, err)
					return len(series) == 1 && len(replicas) == 1 && float64(series[0].Values[0].Value) == bound(float64(replicas[0].Values[0].Value))
				})
				lines++
			}
		}
	}
	if lines != 6 {
		t.Errorf("found %d lines, want six: the test covers too little", lines)
	}
}

func get(t *testing.T, url string) string {
	t.Helper()
	response, err := http.Get(url)
	check(t, err)
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	check(t, err)
	return string(text)
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// await polls until the condition holds; the test continues after a failure.
func await(t *testing.T, atMost time.Duration, what string, condition func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), atMost)
	defer cancel()
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	for !condition() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Errorf("not within %s: %s", atMost, what)
			return
		}
	}
}
