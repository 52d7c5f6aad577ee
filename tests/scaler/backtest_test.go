package scaler

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/camunda-autoscaler/camunda-autoscaler/testbed/prometheus"
)

// replayed is what a test reads of a backtest's report.
type replayed struct {
	Samples int
	Runs    []struct {
		Name  string
		Steps []struct {
			Time     time.Time
			Sample   time.Time `json:"sample_time"`
			From, To int
			Reason   string
		}
		Figures struct {
			Compared float64 `json:"compared_seconds"`
			Same     float64 `json:"same_as_recorded_seconds"`
		}
	}
}

func backtest(t *testing.T, args ...string) replayed {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), program, append([]string{"backtest", "--output=json"}, args...)...)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v\n%s", err, stderr.String())
	}
	var r replayed
	if err := json.Unmarshal(out, &r); err != nil {
		t.Fatal(err)
	}
	return r
}

// What a real scaler did on a real API server by a real Prometheus, a replay of
// that Prometheus does as well: all of its steps, on the same samples. So does
// one of the file that it kept when the Prometheus has gone, and of what promtool
// finds in its data.
func TestBacktestTakesTheLiveSteps(t *testing.T) {
	t.Parallel()
	ns := namespace(t)
	createWorkload(t, ns, "Deployment", "camunda-deployment", 1)
	loads := []int{30, 120, 120, 120, 120, 500, 500, 500, 130, 130, 5, 5, 5, 60, 60, 10, 10}
	var scrapes atomic.Int32
	engine := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		n := min(int(scrapes.Add(1)), len(loads))
		w.Header().Set("Content-Type", "text/plain; version=0.0.4")
		fmt.Fprintln(w, started(loads[n-1]))
	}))
	t.Cleanup(engine.Close)
	const every = 5 * time.Second
	file := filepath.Join(t.TempDir(), "scaler.yml")
	// The scaler's own metrics are scraped as well, so its address is fixed.
	listener := httptest.NewServer(nil)
	address := listener.Listener.Addr().String()
	listener.Close()
	dir := t.TempDir()
	server, err := prometheus.Start(t.Context(), dir, prometheus.Config{
		ScrapeInterval: every, Jobs: map[string][]string{"camunda": {strings.TrimPrefix(engine.URL, "http://")}, "scaler": {address}},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Kill)
	text := fmt.Sprintf("prometheus: {url: %s}\ninterval: 5s\ntargets: [{name: camunda, workload: {namespace: %s}}]\n", server.URL, ns)
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	startedAt := time.Now()
	s := startScaler(t, nil, "--config.file="+file, "--web.listen-address="+address)
	deadline := time.Now().Add(2 * time.Duration(len(loads)) * every)
	for int(scrapes.Load()) < len(loads)+2 && time.Now().Before(deadline) {
		time.Sleep(200 * time.Millisecond)
	}
	var live []line
	for _, l := range s.decisions(t) {
		if l["action"] != "none" {
			live = append(live, l)
		}
	}
	if len(live) < 6 {
		t.Fatalf("only %d live steps", len(live))
	}
	s.Kill()

	cache := filepath.Join(t.TempDir(), "cache.csv")
	args := []string{"--config.file=" + file, "--from=" + startedAt.UTC().Format(time.RFC3339Nano), "--to=" + time.Now().UTC().Format(time.RFC3339Nano), "--replicas=1", "--cache=" + cache}
	check := func(what string, r replayed) {
		t.Helper()
		steps := r.Runs[0].Steps
		for i := range max(len(live), len(steps)) {
			if i >= len(live) || i >= len(steps) {
				t.Fatalf("%s: %d live steps, %d replayed: %v", what, len(live), len(steps), steps)
			}
			l, step := live[i], steps[i]
			at, err := time.Parse(time.RFC3339, l["ts"])
			if err != nil {
				t.Fatal(err)
			}
			age, err := time.ParseDuration(l["sample_age"])
			if err != nil {
				t.Fatal(err)
			}
			if fmt.Sprintf("%d-%d %s", step.From, step.To, step.Reason) != fmt.Sprintf("%s-%s %s", l["from"], l["to"], l["reason"]) || at.Add(-age).Sub(step.Sample).Abs() > time.Second {
				t.Errorf("%s: step %d: live %v, replayed %+v", what, i, l, step)
			}
		}
	}
	first := backtest(t, args...)
	check("from Prometheus", first)
	// The replicas are scraped up to an interval later, and change every other one.
	if n := len(first.Runs); n != 2 || first.Runs[1].Name != "recorded" || first.Runs[0].Figures.Same < 0.4*first.Runs[0].Figures.Compared {
		t.Errorf("next to what was recorded: got %+v", first.Runs)
	}
	server.Kill()
	check("from the cache", backtest(t, args...))
	promtool, err := prometheus.Promtool(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, format := range []string{"dump", "dump-openmetrics"} {
		cmd := exec.CommandContext(t.Context(), promtool, "tsdb", format, filepath.Join(dir, "data"))
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("promtool tsdb %s: %v", format, err)
		}
		dump := filepath.Join(t.TempDir(), format)
		if err := os.WriteFile(dump, out, 0o644); err != nil {
			t.Fatal(err)
		}
		r := backtest(t, "--config.file="+file, args[1], "--replicas=1", "--file="+dump)
		check("from promtool tsdb "+format, r)
		if n := len(r.Runs); n != 2 || r.Runs[1].Name != "recorded" {
			t.Errorf("promtool tsdb %s: the recorded replicas are not in the report", format)
		}
	}
	t.Logf("%d steps on %d samples", len(live), first.Samples)
}

// A dry run on a real workload leaves it alone, and shows where it would be.
func TestShadowOfADryRun(t *testing.T) {
	t.Parallel()
	ns := namespace(t)
	createWorkload(t, ns, "Deployment", "camunda-deployment", 1)
	s := startScaler(t, startPrometheus(t, newScraped(t, started(120)), time.Second), append(quick(ns), "--dry-run")...)
	s.awaitReason(t, 0, "load_high")
	await(t, func() string {
		text := fetch(t, s, "/metrics", http.StatusOK)
		for _, want := range []string{
			`camunda_scaler_shadow_replicas{target="camunda-deployment"} 3`,
			`camunda_scaler_replicas{target="camunda-deployment"} 1`,
			`camunda_scaler_dry_run_above_bound_seconds_total{course="real",target="camunda-deployment"} `,
		} {
			if !strings.Contains(text, want) {
				return "no " + want
			}
		}
		return ""
	})
	var steps []string
	for _, l := range s.decisions(t) {
		if l["shadow"] != "" && (len(steps) == 0 || steps[len(steps)-1] != l["shadow"]) {
			steps = append(steps, l["shadow"])
		}
	}
	if got := strings.Join(steps, " "); got != "1 2 3" && got != "2 3" {
		t.Errorf("the shadow went %s, want 1 2 3", got)
	}
	if n := replicas(t, ns, "apps/v1/deployments", "camunda-deployment"); n != 1 {
		t.Errorf("a dry run wrote: %d replicas", n)
	}
}
