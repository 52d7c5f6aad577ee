package scaler

import (
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

	"github.com/camunda-autoscaler/camunda-autoscaler/testbed/prometheus"
)

func TestScalesUpAndDown(t *testing.T) {
	t.Parallel()
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
			steps = append(steps, fmt.Sprintf("%s %s-%s %s %s %s %s", l["action"], l["from"], l["to"], l["value"], l["per_instance"], l["bound"], l["reason"]))
		}
	}
	want := []string{
		"up 1-2 120 120 50 load_high", "up 2-3 120 60 50 load_high", "up 3-4 500 166.67 50 load_high",
		"down 4-3 5 1.25 20 load_low", "down 3-2 5 1.67 20 load_low", "down 2-1 5 2.5 20 load_low",
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
		`camunda_scaler_steps_total{action="up",reason="load_high",target="camunda-deployment"} 3`,
		`camunda_scaler_steps_total{action="down",reason="load_low",target="camunda-deployment"} 3`,
		`camunda_scaler_sample_value{target="camunda-deployment",trigger=""} 5`,
		`camunda_scaler_replicas{target="camunda-deployment"} 1`,
		`camunda_scaler_desired_replicas{target="camunda-deployment"} 1`,
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

// A Role on the one scale is all that the scaler needs, and less than that is
// said clearly.
func TestRBAC(t *testing.T) {
	t.Parallel()
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
	t.Parallel()
	ns := namespace(t)
	createWorkload(t, ns, "Deployment", "camunda-deployment", 0)
	s := startScaler(t, startPrometheus(t, newScraped(t, started(120)), time.Second), quick(ns)...)
	s.awaitReason(t, 0, "switched_off")
	if got := replicas(t, ns, "apps/v1/deployments", "camunda-deployment"); got != 0 {
		t.Errorf("%d replicas, want 0", got)
	}
}

func TestManyTargetsFromAFile(t *testing.T) {
	t.Parallel()
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
	t.Parallel()
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
	t.Parallel()
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
