package scaler

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/go-logfmt/logfmt"

	"github.com/camunda-autoscaler/camunda-autoscaler/testbed/ports"
	"github.com/camunda-autoscaler/camunda-autoscaler/testbed/process"
	"github.com/camunda-autoscaler/camunda-autoscaler/testbed/prometheus"
)

// scalerProcess is the running program and its log.
type scalerProcess struct {
	*process.Process
	log     string
	address string
}

// line is one line of the log.
type line map[string]string

// startScaler starts the program with what the flags say besides.
func startScaler(t *testing.T, prom *prometheus.Server, flags ...string) *scalerProcess {
	t.Helper()
	s := &scalerProcess{log: filepath.Join(t.TempDir(), "scaler.log")}
	err := ports.Retry(1, func(free []int) error {
		s.address = ports.Address(free[0])
		args := append([]string{"--web.listen-address=" + s.address, "--log.level=debug"}, flags...)
		if prom != nil {
			args = append(args, "--prometheus.url="+prom.URL)
		}
		if !slices.ContainsFunc(flags, func(f string) bool { return strings.HasPrefix(f, "--kubeconfig") }) {
			args = append(args, "--kubeconfig="+cluster.Kubeconfig)
		}
		var err error
		s.Process, err = process.Start(t.Context(), process.Spec{Name: "camunda-scaler", Path: program, Log: s.log, Args: args})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		s.Kill()
		if t.Failed() {
			text, _ := os.ReadFile(s.log)
			t.Logf("the scaler's log:\n%s", text)
		}
	})
	return s
}

// decisions returns the lines that report a decision.
func (s *scalerProcess) decisions(t *testing.T) []line {
	t.Helper()
	text, err := os.ReadFile(s.log)
	if err != nil {
		t.Fatal(err)
	}
	text = text[:bytes.LastIndexByte(text, '\n')+1] // the last line may be half written
	var lines []line
	for d := logfmt.NewDecoder(bytes.NewReader(text)); d.ScanRecord(); {
		l := line{}
		for d.ScanKeyval() {
			l[string(d.Key())] = string(d.Value())
		}
		if l["action"] != "" {
			lines = append(lines, l)
		}
	}
	return lines
}

// awaitReason waits for a decision with that reason among those that come
// after the first n.
func (s *scalerProcess) awaitReason(t *testing.T, n int, reason string) line {
	t.Helper()
	var found line
	await(t, func() string {
		if s.Err() != nil {
			t.Fatal(s.Err())
		}
		lines := s.decisions(t)
		for _, l := range lines[min(n, len(lines)):] {
			if l["reason"] == reason {
				found = l
				return ""
			}
		}
		return fmt.Sprintf("no decision with reason %s after the first %d", reason, n)
	})
	return found
}

func awaitReplicas(t *testing.T, ns string, want int) {
	t.Helper()
	await(t, func() string {
		if got := replicas(t, ns, "apps/v1/deployments", "camunda-deployment"); got != want {
			return fmt.Sprintf("%d replicas, want %d", got, want)
		}
		return ""
	})
}

// quick makes a decision a second.
func quick(ns string) []string { return []string{"--interval=1s", "--target.namespace=" + ns} }

func TestScalesUpAndDown(t *testing.T) {
	ns := namespace(t)
	createWorkload(t, ns, "Deployment", "camunda-deployment", 1)
	target := newScraped(t, started(120))
	s := startScaler(t, startPrometheus(t, target, time.Second), quick(ns)...)
	awaitReplicas(t, ns, 3)
	s.awaitReason(t, len(s.decisions(t)), "within_bounds")
	target.set(started(500))
	awaitReplicas(t, ns, 4)
	s.awaitReason(t, len(s.decisions(t)), "load_high_at_max")
	target.set(started(5))
	awaitReplicas(t, ns, 1)
	s.awaitReason(t, len(s.decisions(t)), "load_low_at_min")

	var steps []string
	for _, l := range s.decisions(t) {
		if l["action"] != "none" {
			if l["level"] != "info" || l["target"] != "camunda-deployment" || l["workload"] != "deployment/camunda-deployment" || l["namespace"] != ns {
				t.Errorf("unexpected line %v", l)
			}
			steps = append(steps, fmt.Sprintf("%s %s-%s %s %s %s %s", l["action"], l["from"], l["to"], l["started"], l["per_instance"], l["bound"], l["reason"]))
		}
	}
	want := []string{
		"up 1-2 120 120 50 load_high", "up 2-3 120 60 50 load_high", "up 3-4 500 166.66666666666666 50 load_high",
		"down 4-3 5 1.25 20 load_low", "down 3-2 5 1.6666666666666667 20 load_low", "down 2-1 5 2.5 20 load_low",
	}
	if !slices.Equal(steps, want) {
		t.Errorf("got the steps\n%s\nwant\n%s", strings.Join(steps, "\n"), strings.Join(want, "\n"))
	}
	checkMetrics(t, s)
}

func checkMetrics(t *testing.T, s *scalerProcess) {
	t.Helper()
	text := fetch(t, s, "/metrics", http.StatusOK)
	for _, want := range []string{
		`camunda_scaler_decisions_total{action="up",reason="load_high",target="camunda-deployment"} 3`,
		`camunda_scaler_decisions_total{action="down",reason="load_low",target="camunda-deployment"} 3`,
		`camunda_scaler_sample_value{target="camunda-deployment"} 5`,
		`camunda_scaler_per_instance{target="camunda-deployment"} 5`,
		`camunda_scaler_replicas{target="camunda-deployment"} 1`,
		`camunda_scaler_wanted_replicas{target="camunda-deployment"} 1`,
	} {
		if !strings.Contains(text, want+"\n") {
			t.Errorf("no %s in\n%s", want, text)
		}
	}
	promtool, err := prometheus.Promtool(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	out, err := runWithInput(t.Context(), text, promtool, "check", "metrics")
	if err != nil {
		t.Errorf("promtool check metrics: %v\n%s", err, out)
	}
	fetch(t, s, "/-/ready", http.StatusOK)
	fetch(t, s, "/-/healthy", http.StatusOK)
	fetch(t, s, "/", http.StatusOK)
}

func fetch(t *testing.T, s *scalerProcess, path string, want int) string {
	t.Helper()
	resp, err := http.Get("http://" + s.address + path)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != want {
		t.Errorf("%s: got status %d, %v, want %d", path, resp.StatusCode, err, want)
	}
	return string(text)
}

// A new sample has to be noticed within a second of its scrape. The log tells
// how old it was when it was decided on; the median is looked at because the
// machine may stall.
func TestNewSamplesAreNoticedWithinASecond(t *testing.T) {
	ns := namespace(t)
	createWorkload(t, ns, "Deployment", "camunda-deployment", 1)
	prom := startPrometheus(t, newScraped(t, started(30)), 2*time.Second)
	s := startScaler(t, prom, "--interval=2s", "--target.namespace="+ns)
	var ages []time.Duration
	await(t, func() string {
		ages = nil
		for _, l := range s.decisions(t) {
			if age, err := time.ParseDuration(l["sample_age"]); err == nil && l["reason"] == "within_bounds" {
				ages = append(ages, age)
			}
		}
		if len(ages) < 7 {
			return fmt.Sprintf("%d decisions, want 7", len(ages))
		}
		return ""
	})
	slices.Sort(ages)
	t.Log("ages of the samples when decided on:", ages)
	if median := ages[len(ages)/2]; median >= time.Second {
		t.Errorf("half of the samples were %s old or older", median)
	}
}

// Whatever is wrong with the number, nothing may be scaled by it, and the
// scaler has to say why and to go on when it is over.
func TestHoldsOnABadSample(t *testing.T) {
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
		if strings.Contains(text, "camunda_scaler_sample_value{") || strings.Contains(text, "camunda_scaler_wanted_replicas{") {
			t.Errorf("%s: there is a sample value or wanted replicas in\n%s", c.body, text)
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
	ns := namespace(t)
	createWorkload(t, ns, "Deployment", "camunda-deployment", 3)
	target := newScraped(t, at(started(500), time.Now()))
	s := startScaler(t, startPrometheus(t, target, time.Second), append(quick(ns), "--max-sample-age=3s")...)
	l := s.awaitReason(t, 0, "stale")
	if l["action"] != "none" || l["from"] != "3" || l["started"] != "null" {
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

func TestHoldsWhilePrometheusIsAway(t *testing.T) {
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
	ns := namespace(t)
	s := startScaler(t, startPrometheus(t, newScraped(t, started(120)), time.Second), quick(ns)...)
	if l := s.awaitReason(t, 0, "workload_unreadable"); l["cause"] != "not_found" {
		t.Errorf("unexpected line %v", l)
	}
	createWorkload(t, ns, "Deployment", "camunda-deployment", 1)
	awaitReplicas(t, ns, 3)
}

// A Role on the one scale is all that the scaler needs, and less than that is
// said clearly.
func TestRBAC(t *testing.T) {
	ns := namespace(t)
	createWorkload(t, ns, "Deployment", "camunda-deployment", 1)
	prom := startPrometheus(t, newScraped(t, started(120)), time.Second)
	user := "scaler-of-" + ns
	kubeconfig, err := cluster.UserKubeconfig(user)
	if err != nil {
		t.Fatal(err)
	}
	s := startScaler(t, prom, append(quick(ns), "--kubeconfig="+kubeconfig)...)
	l := s.awaitReason(t, 0, "workload_unreadable")
	for _, want := range []string{user, `cannot get resource "deployments/scale"`, "camunda-deployment", ns} {
		if !strings.Contains(l["err"], want) {
			t.Errorf("error %q does not name %q", l["err"], want)
		}
	}
	if l["cause"] != "forbidden" {
		t.Errorf("unexpected line %v", l)
	}

	role := func(verbs ...string) object {
		return object{
			"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role", "metadata": object{"name": "scaler"},
			"rules": []object{{
				"apiGroups": []string{"apps"}, "resources": []string{"deployments/scale"},
				"resourceNames": []string{"camunda-deployment"}, "verbs": verbs,
			}},
		}
	}
	rbac := "/apis/rbac.authorization.k8s.io/v1/namespaces/" + ns
	create(t, rbac+"/roles", role("get"))
	create(t, rbac+"/rolebindings", object{
		"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding", "metadata": object{"name": "scaler"},
		"roleRef":  object{"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "scaler"},
		"subjects": []object{{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": user}},
	})
	l = s.awaitReason(t, 0, "write_failed")
	if l["cause"] != "forbidden" || l["level"] != "error" || l["action"] != "none" || !strings.Contains(l["err"], `cannot patch resource "deployments/scale"`) {
		t.Errorf("unexpected line %v", l)
	}
	if err := cluster.Request(t.Context(), http.MethodPatch, rbac+"/roles/scaler", role("get", "patch"), nil); err != nil {
		t.Fatal(err)
	}
	awaitReplicas(t, ns, 3)
}

func TestSwitchedOffByHandStaysOff(t *testing.T) {
	ns := namespace(t)
	createWorkload(t, ns, "Deployment", "camunda-deployment", 0)
	s := startScaler(t, startPrometheus(t, newScraped(t, started(120)), time.Second), quick(ns)...)
	s.awaitReason(t, 0, "switched_off")
	if got := replicas(t, ns, "apps/v1/deployments", "camunda-deployment"); got != 0 {
		t.Errorf("%d replicas, want 0", got)
	}
}

func TestManyTargetsFromAFile(t *testing.T) {
	ns := namespace(t)
	createWorkload(t, ns, "Deployment", "camunda-deployment", 1)
	createWorkload(t, ns, "StatefulSet", "queue", 1)
	createWorkload(t, ns, "Deployment", "watched", 1)
	prom := startPrometheus(t, newScraped(t, started(120)+"\ndepth 900\n"), time.Second)
	path := filepath.Join(t.TempDir(), "scaler.yml")
	text := fmt.Sprintf(`
prometheus: {url: %q}
interval: 1s
targets:
  - name: camunda
    workload: {namespace: %[2]s}
  - name: queue
    workload: {kind: StatefulSet, namespace: %[2]s, name: queue}
    query: sum(depth)
    timestamp_query: max(timestamp(depth))
    rule: {scale_up_at: 400, scale_down_at: 10, max_replicas: 9}
  - name: watched
    workload: {namespace: %[2]s, name: watched}
    dry_run: true
`, prom.URL, ns)
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	s := startScaler(t, nil, "--config.file="+path)
	awaitReplicas(t, ns, 3)
	await(t, func() string {
		if got := replicas(t, ns, "apps/v1/statefulsets", "queue"); got != 3 {
			return fmt.Sprintf("%d replicas of the queue, want 3", got)
		}
		return ""
	})
	var dry int
	await(t, func() string {
		dry = 0
		for _, l := range s.decisions(t) {
			if l["target"] == "watched" && l["action"] == "up" && l["dry_run"] == "true" && l["msg"] == "would scale" {
				dry++
			}
		}
		if dry < 2 {
			return "the dry run has not said twice what it would do"
		}
		return ""
	})
	if got := replicas(t, ns, "apps/v1/deployments", "watched"); got != 1 {
		t.Errorf("the dry run scaled to %d", got)
	}
}

func TestOnce(t *testing.T) {
	ns := namespace(t)
	createWorkload(t, ns, "Deployment", "camunda-deployment", 1)
	target := newScraped(t, started(120))
	prom := startPrometheus(t, target, time.Second)
	exit := func(want int, flags ...string) *scalerProcess {
		t.Helper()
		s := startScaler(t, prom, append(quick(ns), append(flags, "--once")...)...)
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		err := s.Wait(ctx)
		if got := exitCode(err); got != want {
			t.Errorf("exit code %d (%v), want %d", got, err, want)
		}
		return s
	}
	exit(0)
	if got := replicas(t, ns, "apps/v1/deployments", "camunda-deployment"); got != 2 {
		t.Errorf("%d replicas after one decision, want 2", got)
	}
	exit(0, "--dry-run")
	exit(1, "--max-sample-age=2s", "--query=no_such_metric")
	exit(1, "--max-sample-age=2s", "--target.name=nothing")
	exit(2, "--rule.min-replicas=0")
	exit(2, "--no-such-flag")
	if got := replicas(t, ns, "apps/v1/deployments", "camunda-deployment"); got != 2 {
		t.Errorf("%d replicas, want the 2 from before", got)
	}
}

func TestStopsOnSIGTERM(t *testing.T) {
	ns := namespace(t)
	createWorkload(t, ns, "Deployment", "camunda-deployment", 1)
	s := startScaler(t, startPrometheus(t, newScraped(t, started(30)), time.Second), quick(ns)...)
	s.awaitReason(t, 0, "within_bounds")
	if err := syscall.Kill(s.PID(), syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if err := s.Wait(ctx); exitCode(err) != 0 {
		t.Errorf("exit code %s: %v", strconv.Itoa(exitCode(err)), err)
	}
}
