package scaler

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/camunda-autoscaler/camunda-autoscaler/testbed/ports"
	"github.com/camunda-autoscaler/camunda-autoscaler/testbed/process"
)

// What can be the matter with the scaler itself: its configuration, its
// secrets, its log, its lease.
var operatorRows = []row{
	{"reload-min-above-max", "load_high", reloadMinAboveMax},
	{"reload-max-below-replicas", "within_bounds", reloadMaxBelowReplicas},
	{"configuration-file-gone", "load_high", fileGone},
	{"secret-rotated", "query_failed", secretRotated},
	{"log-disk-full", "", logDiskFull},
	{"scaler-killed", "load_high", scalerKilled},
	{"lease-taken-away", "load_high", leaseTakenAway},
	{"lease-unreachable", "load_high", leaseUnreachable},
	{"lease-deleted", "load_high", leaseChanged(func(t *testing.T, lease string) {
		if err := cluster.Request(t.Context(), http.MethodDelete, lease, nil, nil); err != nil {
			t.Fatal(err)
		}
	})},
	{"lease-overwritten", "load_high", leaseChanged(func(t *testing.T, lease string) {
		await(t, func() string { // as kubectl replace does it: not if it is renewed just then
			var l object
			if err := cluster.Request(t.Context(), http.MethodGet, lease, nil, &l); err != nil {
				t.Fatal(err)
			}
			delete(l, "spec")
			if err := cluster.Request(t.Context(), http.MethodPut, lease, l, nil); err != nil {
				return err.Error()
			}
			return ""
		})
	})},
}

// oneTarget is a file; %s is more of the target.
const oneTarget = `
prometheus: {url: PROMETHEUS}
interval: 1s
targets:
  - name: camunda-deployment
    workload: {namespace: NAMESPACE}
    query: QUERY
    %s
`

const (
	reloadWorked = "camunda_scaler_config_last_reload_successful 1\n"
	reloadFailed = "camunda_scaler_config_last_reload_successful 0\n"
)

// A file that contradicts itself is refused with the line; the rule that was in
// force stays so, and goes on.
func reloadMinAboveMax(t *testing.T, m *matrix, reason string) {
	r := m.newRig(t, 3, steady)
	path := r.startWithFile(t, fmt.Sprintf(oneTarget, "rule: {max_replicas: 4}"))
	write(t, path, r.fill(fmt.Sprintf(oneTarget, "rule: {min_replicas: 5, max_replicas: 4}")))
	if code, text := reload(t, r.scaler); code != http.StatusInternalServerError || !strings.Contains(text, "scaler.yml:8") || !strings.Contains(text, "min_replicas") {
		t.Errorf("got %d: %s", code, text)
	}
	r.metrics(t, reloadFailed)
	r.stay(t, 2, "within_bounds")
	r.load(500)
	r.await(t, reason)
	r.awaitReplicas(t, 4)
	write(t, path, r.fill(fmt.Sprintf(oneTarget, "rule: {min_replicas: 4, max_replicas: 5}")))
	if code, text := reload(t, r.scaler); code != http.StatusOK {
		t.Errorf("got %d: %s", code, text)
	}
	r.metrics(t, reloadWorked)
	r.awaitReplicas(t, 5)
	r.wantSteps(t, "3-4 4-5")
}

// A maximum below what there is bounds steps up. It takes no replicas away that
// the load needs.
func reloadMaxBelowReplicas(t *testing.T, m *matrix, reason string) {
	r := m.newRig(t, 3, steady)
	path := r.startWithFile(t, fmt.Sprintf(oneTarget, "rule: {max_replicas: 4}"))
	write(t, path, r.fill(fmt.Sprintf(oneTarget, "rule: {max_replicas: 2}")))
	if code, text := reload(t, r.scaler); code != http.StatusOK {
		t.Errorf("got %d: %s", code, text)
	}
	r.stay(t, 3, reason)
	r.load(500)
	r.stay(t, 3, "load_high_at_max")
	r.load(30)
	r.awaitReplicas(t, 1)
	r.wantSteps(t, "3-2 2-1")
}

// A volume that is not mounted.
func fileGone(t *testing.T, m *matrix, reason string) {
	r := m.newRig(t, 3, steady)
	path := r.startWithFile(t, fmt.Sprintf(oneTarget, ""))
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if code, text := reload(t, r.scaler); code != http.StatusInternalServerError || !strings.Contains(text, path) {
		t.Errorf("got %d: %s", code, text)
	}
	r.metrics(t, reloadFailed)
	r.stay(t, 2, "within_bounds")
	r.load(500)
	r.await(t, reason)
	r.awaitReplicas(t, 4)
	r.wantSteps(t, "3-4")
}

// The token is exchanged at whoever guards Prometheus, and later in the file
// that the scaler has it from. There is no reload.
func secretRotated(t *testing.T, m *matrix, reason string) {
	r := m.newRig(t, 3, steady)
	token := filepath.Join(t.TempDir(), "token")
	wants := func(secret string) fault {
		stranger := func(q *http.Request) bool { return q.Header.Get("Authorization") != "Bearer "+secret }
		return only(stranger, answer(http.StatusUnauthorized, "text/plain", "who are you"))
	}
	write(t, token, "old")
	r.prometheus.begin(wants("old"))
	r.startWithFile(t, fmt.Sprintf(strings.Replace(oneTarget, "{url: PROMETHEUS}",
		"{url: PROMETHEUS, http_client: {authorization: {credentials_file: "+token+"}}}", 1), ""))
	r.holds(t, reason, "server", func() { r.prometheus.begin(wants("new")) }, func() { write(t, token, "new") })
}

// The log cannot be written. The work goes on, and shows in the metrics.
func logDiskFull(t *testing.T, m *matrix, _ string) {
	r := m.newRig(t, 1, steady)
	s := &scalerProcess{log: filepath.Join(t.TempDir(), "nothing.log")}
	err := ports.Retry(1, func(free []int) (err error) {
		s.address = ports.Address(free[0])
		command := append([]string{"-c", `exec "$@" 2>/dev/full`, "sh", program, "--web.listen-address=" + s.address, "--log.level=debug"}, r.flags(t)...)
		s.Process, err = process.Start(t.Context(), process.Spec{Name: "camunda-scaler", Path: "sh", Args: command, Log: s.log})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Kill)
	r.scaler = s
	r.awaitReplicas(t, 3)
	r.load(500)
	r.awaitReplicas(t, 4)
	steps := fmt.Sprintf("camunda_scaler_steps_total{action=\"up\",reason=\"load_high\",target=%q} 3\n", workloadName)
	await(t, func() string {
		if text := r.metrics(t); !strings.Contains(text, steps) {
			return "no " + steps + "in\n" + text
		}
		return ""
	})
	fetch(t, s, "/-/ready", http.StatusOK)
	if text, err := os.ReadFile(s.log); err != nil || len(text) > 0 {
		t.Errorf("there is a log after all: %s, %v", text, err)
	}
}

// A scaler that is killed right after a step, and started again while Prometheus
// still has the same sample, does not step on it again.
func scalerKilled(t *testing.T, m *matrix, reason string) {
	r := m.newRig(t, 1, 30)
	r.start(t)
	// One of its own time, which passes soon: more than an interval after the last.
	sample := func() { m.loads.say(r.name, at(r.query()+" 500", time.Now().Add(time.Second))) }
	sample()
	r.awaitReplicas(t, 2)
	first := r.scaler
	first.Kill()
	r.scaler = startScaler(t, nil, r.flags(t)...)
	await(t, func() string { // it has looked at Prometheus again and again
		text, ok := r.scaler.metrics(t)
		if !ok || !strings.Contains(text, "camunda_scaler_sample_age_seconds{") {
			return "it has not seen the sample"
		}
		var looked int
		for l := range strings.Lines(text) {
			fmt.Sscanf(l, "camunda_scaler_query_duration_seconds_count %d", &looked)
		}
		if looked < 8 {
			return fmt.Sprintf("it has asked %d times", looked)
		}
		return ""
	})
	if got := replicas(t, r.ns, "apps/v1/deployments", workloadName); got != 2 {
		t.Errorf("%d replicas: the sample was stepped on twice", got)
	}
	sample()
	if l := r.scaler.awaitReason(t, 0, reason); l["from"] != "2" {
		t.Errorf("unexpected line %v", l)
	}
	r.awaitReplicas(t, 3)
	r.wantSteps(t, "2-3")
}

// metrics returns the scaler's once it serves them.
func (s *scalerProcess) metrics(t *testing.T) (text string, ok bool) {
	t.Helper()
	resp, err := http.Get("http://" + s.address + "/metrics")
	if err != nil {
		return "", false
	}
	resp.Body.Close()
	return fetch(t, s, "/metrics", http.StatusOK), true
}

const leases = "/apis/coordination.k8s.io/v1/namespaces/"

func (r *rig) lead(t *testing.T) {
	t.Helper()
	releasedLease(t, r.ns)
	r.start(t, "--leader-election", "--leader-election.namespace="+r.ns)
}

// awaitMessage waits for a line with that message after the first n of them.
func (r *rig) awaitMessage(t *testing.T, n int, msg string) {
	t.Helper()
	await(t, func() string {
		if len(r.scaler.lines(t, msg)) <= n {
			return "no line says " + msg
		}
		return ""
	})
}

// Somebody else has the lease: the scaler stops at once, though it is
// overloaded, and goes on when the lease has run out.
func leaseTakenAway(t *testing.T, m *matrix, reason string) {
	r := m.newRig(t, 3, steady)
	r.lead(t)
	now := time.Now().UTC().Format("2006-01-02T15:04:05.000000Z")
	taken := object{"spec": object{"holderIdentity": "somebody else", "renewTime": now, "leaseDurationSeconds": 6}}
	if err := cluster.Request(t.Context(), http.MethodPatch, leases+r.ns+"/leases/camunda-scaler", taken, nil); err != nil {
		t.Fatal(err)
	}
	r.awaitMessage(t, 0, "stopped leading")
	generation := r.generation(t)
	r.load(500)
	m.awaitAnswer(t, r.query()+" == 500")
	r.awaitMessage(t, 0, "standing by")
	r.metrics(t, "camunda_scaler_leader 0\n")
	if got := r.generation(t); got != generation {
		t.Error("it wrote while somebody else had the lease")
	}
	r.awaitMessage(t, 1, "leading")
	r.await(t, reason)
	r.awaitReplicas(t, 4)
	r.wantSteps(t, "3-4")
}

// The lease cannot be renewed: the scaler stops before anybody else can have
// it, though the workload could be written.
func leaseUnreachable(t *testing.T, m *matrix, reason string) {
	r := m.newRig(t, 3, steady)
	r.lead(t)
	r.kube.begin(only(func(q *http.Request) bool { return strings.Contains(q.URL.Path, "/leases") }, hang))
	r.awaitMessage(t, 0, "stopped leading")
	generation := r.generation(t)
	r.load(500)
	m.awaitAnswer(t, r.query()+" == 500")
	await(t, func() string {
		resp, err := http.Get("http://" + r.scaler.address + "/-/ready")
		if err != nil {
			return err.Error()
		}
		resp.Body.Close()
		if resp.StatusCode != http.StatusServiceUnavailable {
			return "it is ready though it cannot see the lease"
		}
		return ""
	})
	r.metrics(t, "camunda_scaler_leader 0\n")
	if got := r.generation(t); got != generation {
		t.Error("it wrote without the lease")
	}
	r.kube.end()
	r.await(t, reason)
	r.awaitReplicas(t, 4)
	r.wantSteps(t, "3-4")
}

// leaseChanged is a row in which the Lease no longer names the leader: it keeps
// leading, and another that starts just then stands by.
func leaseChanged(change func(t *testing.T, lease string)) func(*testing.T, *matrix, string) {
	return func(t *testing.T, m *matrix, reason string) {
		r := m.newRig(t, 3, steady)
		r.lead(t)
		lease := leases + r.ns + "/leases/camunda-scaler"
		holder := func() string {
			var l struct {
				Spec struct{ HolderIdentity string }
			}
			if err := cluster.Request(t.Context(), http.MethodGet, lease, nil, &l); err != nil {
				t.Fatal(err)
			}
			return l.Spec.HolderIdentity
		}
		leader := holder()
		change(t, lease)
		other := startScaler(t, nil, r.flags(t, "--leader-election", "--leader-election.namespace="+r.ns)...)
		await(t, func() string {
			if len(other.lines(t, "standing by")) == 0 {
				return "the other scaler does not stand by"
			}
			return ""
		})
		r.load(500)
		r.await(t, reason)
		r.awaitReplicas(t, 4)
		r.wantSteps(t, "3-4")
		await(t, func() string {
			if got := holder(); got != leader {
				return fmt.Sprintf("%q holds the lease, want %s", got, leader)
			}
			return ""
		})
		if lost, led := r.scaler.lines(t, "stopped leading"), other.lines(t, "leading"); len(lost)+len(led) > 0 {
			t.Errorf("leadership changed: %v, %v", lost, led)
		}
	}
}
