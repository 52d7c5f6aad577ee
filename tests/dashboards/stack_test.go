package dashboards

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	v1 "github.com/prometheus/client_golang/api/prometheus/v1"

	"github.com/camunda-autoscaler/camunda-autoscaler/testbed/prometheus"
	"github.com/camunda-autoscaler/camunda-autoscaler/testbed/stack"
)

const (
	folder = "../../dashboards"
	rules  = "../../alerts/camunda-autoscaler.yml"
)

// On the healthy stack every panel has data and no alert has anything to say.
// Then there is a fault, and those panels have data and those alerts arrive
// that are for it.
func TestDashboardsAndAlertsOnTheRealStack(t *testing.T) {
	for name, value := range ExporterEnvironment {
		t.Setenv(name, value) // the services inherit it
	}
	ctx := t.Context()
	begun := time.Now()
	s, err := stack.Up(ctx, t.TempDir(), 5, os.Stderr)
	check(t, err)
	t.Cleanup(s.Down)
	file, err := filepath.Abs(rules)
	check(t, err)
	several, stop, err := StartSeveral(ctx, t.TempDir(), s)
	check(t, err)
	t.Cleanup(stop)
	scrape := Scrape{Interval: 10 * time.Second, Rules: file, Several: several}
	check(t, s.Prometheus.Reload(ctx, prometheus.Config{YAML: scrape.Configuration(s)}))
	prom, err := API(s.Prometheus.URL)
	check(t, err)

	check(t, AddWork(ctx, s.Engine.URL, 3))

	// There and back, for decisions of all kinds; and somebody lends a hand.
	check(t, s.SetRate(ctx, 120))
	check(t, AwaitReplicas(ctx, s, 3))
	check(t, s.SetRate(ctx, 5))
	check(t, SetReplicas(ctx, s, 4))
	check(t, AwaitReplicas(ctx, s, 2))
	for _, what := range []string{`decisions_total{action="down"}`, `foreign_changes_total{target="camunda-deployment"}`, `sample_value{trigger="tasks"}`} {
		await(t, 30*time.Second, what+" is scraped", func() bool {
			v, _, _, err := prom.Query(ctx, "camunda_scaler_"+what+" > 0", time.Now())
			return err == nil && v.String() != ""
		})
	}

	t.Run("every panel has data", func(t *testing.T) {
		panelsHaveData(t, prom, begun, func(panel string) bool { return !inAFault[panel] })
	})
	t.Run("each trigger has its bounds", func(t *testing.T) { triggersHaveBounds(t, prom, begun) })
	t.Run("all alerts are quiet", func(t *testing.T) { alertsAreQuiet(t, prom) })
	t.Run("Alertmanager delivers", func(t *testing.T) { alertmanagerDelivers(t, s) })
	t.Run("the panels for faults have data in one", func(t *testing.T) {
		s.Cluster.StopAPIServer()
		check(t, s.SetRate(ctx, 500))
		panelsHaveData(t, prom, begun, func(panel string) bool { return inAFault[panel] })
	})
}

// panelsHaveData asks all queries again and again until each has been answered
// by a series, be it of the one target or the other.
func panelsHaveData(t *testing.T, prom v1.API, begun time.Time, which func(panel string) bool) {
	boards, err := Load(folder)
	check(t, err)
	empty := map[string]bool{} // by file, panel and query
	await(t, time.Minute, "each query has a series", func() bool {
		asked := 0
		clear(empty)
		for _, d := range boards {
			b, err := d.Open(t.Context(), prom, begun, time.Now())
			check(t, err)
			for _, q := range d.Queries() {
				if !which(q.Panel) {
					continue
				}
				asked++
				found := 0
				for _, target := range []string{b.Variables["target"], Several} {
					series, err := b.With("target", target).Ask(t.Context(), q)
					check(t, err)
					found += len(series)
				}
				if found == 0 {
					empty[d.File+": "+q.Panel+": "+b.Fill(q.Expr)] = true
				}
			}
		}
		if asked == 0 {
			t.Fatal("nothing was asked: the test looks at nothing")
		}
		return len(empty) == 0
	})
	for query := range empty {
		t.Error("empty: " + query)
	}
}

// triggersHaveBounds: with two replicas, and several triggers, each of which
// has its own rule, the lines are where the rules say.
func triggersHaveBounds(t *testing.T, prom v1.API, begun time.Time) {
	boards, err := Load(folder)
	check(t, err)
	want := map[string]map[string]float64{ // by legend and trigger
		"next step up":   {"starts": 2 * 50, "running": 2 * 4, "tasks": 3},
		"next step down": {"starts": 2 * 20, "running": 1 * 4, "tasks": 1},
	}
	lines := 0
	for _, d := range boards {
		b, err := d.Open(t.Context(), prom, begun, time.Now())
		check(t, err)
		for _, q := range d.Queries() {
			bounds, ok := want[strings.TrimSuffix(q.Legend, " {{trigger}}")]
			if !ok || q.Panel != "Load and the bounds at this size" {
				continue
			}
			await(t, time.Minute, q.Legend+" has the rules' bounds", func() bool {
				q.Instant, b.End = true, time.Now()
				series, err := b.With("target", Several).Ask(t.Context(), q)
				check(t, err)
				for _, s := range series {
					if float64(s.Values[0].Value) != bounds[string(s.Metric["trigger"])] {
						return false
					}
				}
				return len(series) == len(bounds)
			})
			lines++
		}
	}
	if lines != 2 {
		t.Errorf("found %d lines, want two: the test looks at too little", lines)
	}
}

// inAFault are the panels that are empty while all is well.
var inAFault = map[string]bool{
	"Failed requests": true, // to the engine; and the scaler's of any kind
	"Held by":         true,
	"Held now":        true,
	"Holds by cause":  true,
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// await asks until the answer is yes; it goes on after a failure.
func await(t *testing.T, atMost time.Duration, what string, ask func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), atMost)
	defer cancel()
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	for !ask() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Errorf("not within %s: %s", atMost, what)
			return
		}
	}
}
