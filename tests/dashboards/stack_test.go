package dashboards

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	v1 "github.com/prometheus/client_golang/api/prometheus/v1"

	"github.com/camunda-autoscaler/camunda-autoscaler/demo/stack"
	"github.com/camunda-autoscaler/camunda-autoscaler/testbed/prometheus"
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
	check(t, s.Prometheus.Reload(ctx, prometheus.Config{YAML: Scrape{Interval: 10 * time.Second, Rules: file}.Configuration(s)}))
	prom, err := API(s.Prometheus.URL)
	check(t, err)

	check(t, AddWork(ctx, s.Engine.URL, 3))

	// There and back, for decisions of all kinds.
	check(t, s.SetRate(ctx, 120))
	check(t, AwaitReplicas(ctx, s, 3))
	check(t, s.SetRate(ctx, 5))
	check(t, AwaitReplicas(ctx, s, 2))
	await(t, 30*time.Second, "the last step is scraped", func() bool {
		v, _, _, err := prom.Query(ctx, `camunda_scaler_decisions_total{action="down"} > 0`, time.Now())
		return err == nil && v.String() != ""
	})

	t.Run("every panel has data", func(t *testing.T) {
		panelsHaveData(t, prom, begun, func(panel string) bool { return !inAFault[panel] })
	})
	t.Run("all alerts are quiet", func(t *testing.T) { alertsAreQuiet(t, prom) })
	t.Run("Alertmanager delivers", func(t *testing.T) { alertmanagerDelivers(t, s) })
	t.Run("the panels for faults have data in one", func(t *testing.T) {
		s.Cluster.StopAPIServer()
		check(t, s.SetRate(ctx, 500))
		panelsHaveData(t, prom, begun, func(panel string) bool { return inAFault[panel] })
	})
}

// panelsHaveData asks all queries again and again until each has been answered
// by a series.
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
				series, err := b.Ask(t.Context(), q)
				check(t, err)
				if len(series) == 0 {
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

// inAFault are the panels that are empty while all is well.
var inAFault = map[string]bool{
	"Failed requests": true, // to the engine; and the scaler's of any kind
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
