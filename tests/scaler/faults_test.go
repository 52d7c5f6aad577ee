package scaler

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// Whatever is wrong with the number, nothing may be scaled by it, and the
// scaler has to say why and to go on when it is over.
func TestHoldsOnABadSample(t *testing.T) {
	t.Parallel()
	ns := namespace(t)
	createWorkload(t, ns, "Deployment", "camunda-deployment", 3)
	target := newScraped(t, started(120))
	prom := startPrometheus(t, target, time.Second)
	s := startScaler(t, prom, quick(ns)...)
	s.awaitReason(t, 0, "within_bounds")
	for _, c := range []struct{ reason, body string }{
		{"no_data", "other 1"},
		{"not_a_number", started("NaN")},
		{"not_a_number", started("+Inf")},
		{"not_a_number", started("-Inf")},
		{"many_series", started(0) + "\n" + `camunda_process_instances_recently_started{window="10s",node="b"} 0`},
		{"no_data", ""}, // the scrape still works, the exporter says nothing
	} {
		before := len(s.decisions(t))
		target.set(c.body)
		l := s.awaitReason(t, before, c.reason)
		if l["action"] != "none" || l["from"] != "3" || l["per_instance"] != "null" {
			t.Errorf("%s: unexpected line %v", c.body, l)
		}
		text := fetch(t, s, "/metrics", http.StatusOK)
		if strings.Contains(text, "camunda_scaler_sample_value{") || strings.Contains(text, "camunda_scaler_desired_replicas{") {
			t.Errorf("%s: there is a sample value or desired replicas in\n%s", c.body, text)
		}
		before = len(s.decisions(t))
		target.set(started(120))
		s.awaitReason(t, before, "within_bounds")
	}
	for _, l := range s.decisions(t) {
		if l["action"] != "none" {
			t.Errorf("scaled: %v", l)
		}
	}
	if got := replicas(t, ns, "apps/v1/deployments", "camunda-deployment"); got != 3 {
		t.Errorf("%d replicas, want 3", got)
	}
}

// The exporter hangs on to an old number: it was high once, but that was before
// the scaler started, and then it is too old.
func TestHoldsOnAnOldSample(t *testing.T) {
	t.Parallel()
	ns := namespace(t)
	createWorkload(t, ns, "Deployment", "camunda-deployment", 3)
	target := newScraped(t, at(started(500), time.Now()))
	s := startScaler(t, startPrometheus(t, target, time.Second), append(quick(ns), "--max-sample-age=3s")...)
	l := s.awaitReason(t, 0, "stale")
	if l["action"] != "none" || l["from"] != "3" || l["value"] != "null" {
		t.Errorf("unexpected line %v", l)
	}
	before := len(s.decisions(t))
	target.set(at(started(120), time.Now()))
	s.awaitReason(t, before, "within_bounds")
	s.awaitReason(t, before+1, "stale")
	if got := replicas(t, ns, "apps/v1/deployments", "camunda-deployment"); got != 3 {
		t.Errorf("%d replicas, want 3", got)
	}
}

// The exporter is scraped as ever, but the window that it counted is an old one.
func TestHoldsOnAnOldWindow(t *testing.T) {
	t.Parallel()
	ns := namespace(t)
	createWorkload(t, ns, "Deployment", "camunda-deployment", 3)
	counted := func(n any, end time.Time) string {
		return fmt.Sprintf("%s\ncamunda_window_end_timestamp_seconds %d", started(n), end.Unix())
	}
	target := newScraped(t, counted(500, time.Now().Add(-time.Minute)))
	s := startScaler(t, startPrometheus(t, target, time.Second), quick(ns)...)
	l := s.awaitReason(t, 0, "stale")
	if age, err := time.ParseDuration(l["sample_age"]); err != nil || age < time.Minute {
		t.Errorf("unexpected line %v (%v)", l, err)
	}
	before := len(s.decisions(t))
	target.set(counted(120, time.Now().Add(time.Hour))) // its clock is ahead: the scrape's time counts
	s.awaitReason(t, before, "within_bounds")
	if got := replicas(t, ns, "apps/v1/deployments", "camunda-deployment"); got != 3 {
		t.Errorf("%d replicas, want 3", got)
	}
}

func TestHoldsWhilePrometheusIsAway(t *testing.T) {
	t.Parallel()
	ns := namespace(t)
	createWorkload(t, ns, "Deployment", "camunda-deployment", 3)
	prom := startPrometheus(t, newScraped(t, started(120)), time.Second)
	s := startScaler(t, prom, quick(ns)...)
	s.awaitReason(t, 0, "within_bounds")

	before := len(s.decisions(t))
	prom.Pause()
	if l := s.awaitReason(t, before, "query_failed"); l["cause"] != "timeout" || l["action"] != "none" {
		t.Errorf("Prometheus hangs: %v", l)
	}
	prom.Resume()
	s.awaitReason(t, len(s.decisions(t)), "within_bounds")

	before = len(s.decisions(t))
	prom.Kill()
	if l := s.awaitReason(t, before, "query_failed"); l["cause"] != "connection" || l["action"] != "none" {
		t.Errorf("Prometheus is down: %v", l)
	}
	if err := prom.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.awaitReason(t, len(s.decisions(t)), "within_bounds")
	if got := replicas(t, ns, "apps/v1/deployments", "camunda-deployment"); got != 3 {
		t.Errorf("%d replicas, want 3", got)
	}
}

func TestAPIServerStoppedAndStarted(t *testing.T) {
	ns := namespace(t)
	createWorkload(t, ns, "Deployment", "camunda-deployment", 3)
	target := newScraped(t, started(120))
	s := startScaler(t, startPrometheus(t, target, time.Second), quick(ns)...)
	s.awaitReason(t, 0, "within_bounds")
	before := len(s.decisions(t))
	cluster.StopAPIServer()
	l := s.awaitReason(t, before, "workload_unreadable")
	target.set(started(500))
	startAPIServer(t)
	if l["cause"] != "connection" || l["action"] != "none" || l["from"] != "null" {
		t.Errorf("unexpected line %v", l)
	}
	awaitReplicas(t, ns, 4)
}

func TestMissingDeploymentIsAwaited(t *testing.T) {
	t.Parallel()
	ns := namespace(t)
	s := startScaler(t, startPrometheus(t, newScraped(t, started(120)), time.Second), quick(ns)...)
	if l := s.awaitReason(t, 0, "workload_unreadable"); l["cause"] != "not_found" {
		t.Errorf("unexpected line %v", l)
	}
	createWorkload(t, ns, "Deployment", "camunda-deployment", 1)
	awaitReplicas(t, ns, 3)
}

// Where Prometheus scrapes less often than the scaler decides, a delay still
// ends: a step up after it, and one down.
func TestDelaysWithSlowScrapes(t *testing.T) {
	t.Parallel()
	ns := namespace(t)
	createWorkload(t, ns, "Deployment", "camunda-deployment", 1)
	target := newScraped(t, started(120))
	path := filepath.Join(t.TempDir(), "scaler.yml")
	text := fmt.Sprintf(`
prometheus: {url: %s}
interval: 1s
targets:
  - {workload: {namespace: %s}, scale_up_delay: 3s, scale_down_delay: 3s, scale_down_coverage: 4s}
`, startPrometheus(t, target, 6*time.Second).URL, ns)
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	s := startScaler(t, nil, "--config.file="+path)
	settles := func(want int) {
		t.Helper()
		await(t, func() string {
			if got := replicas(t, ns, "apps/v1/deployments", "camunda-deployment"); got != want {
				return fmt.Sprintf("%d replicas, want %d", got, want)
			}
			return ""
		})
	}
	settles(3)
	target.set(started(0))
	settles(1)
	spacing := regexp.MustCompile(`camunda_scaler_sample_interval_seconds{target="camunda-deployment",trigger=""} (5\.9|6)`)
	if !spacing.MatchString(fetch(t, s, "/metrics", http.StatusOK)) {
		t.Error("no spacing of 6 s in the metrics")
	}
}
