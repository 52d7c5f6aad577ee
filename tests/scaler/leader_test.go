package scaler

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/go-logfmt/logfmt"
)

// What a scaler that takes part in an election needs besides the scale itself.
// What is to be created has no name yet that a rule could be bound to.
func grantLease(t *testing.T, ns, user string) {
	t.Helper()
	rbac := "/apis/rbac.authorization.k8s.io/v1/namespaces/" + ns
	create(t, rbac+"/roles", object{
		"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role", "metadata": object{"name": "scaler"},
		"rules": []object{
			{"apiGroups": []string{"apps"}, "resources": []string{"deployments/scale"}, "resourceNames": []string{"camunda-deployment"}, "verbs": []string{"get", "patch"}},
			{"apiGroups": []string{"coordination.k8s.io"}, "resources": []string{"leases"}, "verbs": []string{"create"}},
			{"apiGroups": []string{"coordination.k8s.io"}, "resources": []string{"leases"}, "resourceNames": []string{"camunda-scaler"}, "verbs": []string{"get", "update"}},
		},
	})
	create(t, rbac+"/rolebindings", object{
		"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding", "metadata": object{"name": "scaler"},
		"roleRef":  object{"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "scaler"},
		"subjects": []object{{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": user}},
	})
}

// releasedLease makes the Lease as an earlier scaler leaves it, so that the first
// scaler leads at once.
func releasedLease(t *testing.T, ns string) {
	t.Helper()
	create(t, leases+ns+"/leases", object{
		"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": object{"name": "camunda-scaler"},
		"spec": object{"leaseDurationSeconds": 1},
	})
}

// lines returns the log's lines with that message.
func (s *scalerProcess) lines(t *testing.T, msg string) []line {
	t.Helper()
	text, err := os.ReadFile(s.log)
	if err != nil {
		t.Fatal(err)
	}
	text = text[:bytes.LastIndexByte(text, '\n')+1]
	var lines []line
	for d := logfmt.NewDecoder(bytes.NewReader(text)); d.ScanRecord(); {
		l := line{}
		for d.ScanKeyval() {
			l[string(d.Key())] = string(d.Value())
		}
		if l["msg"] == msg {
			lines = append(lines, l)
		}
	}
	return lines
}

func (l line) time(t *testing.T) time.Time {
	t.Helper()
	at, err := time.Parse(time.RFC3339Nano, l["ts"])
	if err != nil {
		t.Fatal(err)
	}
	return at
}

// awaitLeader waits for the line that says that it leads.
func (s *scalerProcess) awaitLeader(t *testing.T) time.Time {
	t.Helper()
	var at time.Time
	await(t, func() string {
		if s.Err() != nil {
			t.Fatal(s.Err())
		}
		leading := s.lines(t, "leading")
		if len(leading) == 0 {
			return "nobody leads"
		}
		at = leading[0].time(t)
		return ""
	})
	return at
}

// The leader is killed at random moments while the load goes up and down.
// Replicas stay within the bounds, no sample is stepped on twice, and the other
// leads within 15 s.
func TestLeadersAreKilled(t *testing.T) {
	t.Parallel()
	ns := namespace(t)
	createWorkload(t, ns, "Deployment", "camunda-deployment", 1)
	user := "scaler-of-" + ns
	kubeconfig, err := cluster.UserKubeconfig(user)
	if err != nil {
		t.Fatal(err)
	}
	grantLease(t, ns, user)
	releasedLease(t, ns)
	target := newScraped(t, started(500))
	prom := startPrometheus(t, target, time.Second)
	join := func() *scalerProcess {
		return startScaler(t, prom, append(quick(ns), "--kubeconfig="+kubeconfig, "--leader-election", "--leader-election.namespace="+ns)...)
	}
	leader := join()
	leader.awaitLeader(t)
	all := []*scalerProcess{leader}
	var gaps []time.Duration
	for round := range 4 {
		standby := join()
		all = append(all, standby)
		await(t, func() string {
			if len(standby.lines(t, "standing by")) == 0 {
				return "the second does not stand by"
			}
			return ""
		})
		if text := fetch(t, standby, "/metrics", http.StatusOK); !strings.Contains(text, "camunda_scaler_leader 0\n") || strings.Contains(text, "camunda_scaler_replicas{") {
			t.Errorf("the standby's metrics:\n%s", text)
		}
		fetch(t, standby, "/-/ready", http.StatusOK)
		if text := fetch(t, leader, "/metrics", http.StatusOK); !strings.Contains(text, "camunda_scaler_leader 1\n") {
			t.Errorf("the leader's metrics:\n%s", text)
		}
		target.set(started([]int{5, 500}[round%2]))
		time.Sleep(time.Duration(rand.Int64N(int64(3 * time.Second)))) // any moment will do
		if got := len(standby.decisions(t)); got > 0 {
			t.Errorf("the standby decided %d times", got)
		}
		died := time.Now()
		leader.Kill()
		gaps = append(gaps, standby.awaitLeader(t).Sub(died))
		leader = standby
		awaitReplicas(t, ns, []int{1, 4}[round%2])
	}
	t.Log("hand-overs after a kill:", gaps)
	if worst := slices.Max(gaps); worst > 15*time.Second {
		t.Errorf("the slowest hand-over took %s, want at most 15 s", worst)
	}
	checkSteps(t, all)
}

// checkSteps looks at all steps of all scalers in the order of their time.
func checkSteps(t *testing.T, all []*scalerProcess) {
	t.Helper()
	var steps []line
	for _, s := range all {
		for _, l := range s.decisions(t) {
			if l["action"] != "none" {
				steps = append(steps, l)
			}
			if l["reason"] == "owned_by_other" {
				t.Errorf("a step of the former leader was taken for another scaler's: %v", l)
			}
		}
	}
	slices.SortFunc(steps, func(a, b line) int { return a.time(t).Compare(b.time(t)) })
	last := time.Time{}
	for _, l := range steps {
		if !slices.Contains([]string{"1", "2", "3", "4"}, l["to"]) {
			t.Errorf("out of bounds: %v", l)
		}
		age, err := time.ParseDuration(l["sample_age"])
		if err != nil {
			t.Fatal(err)
		}
		// A sample is known by the time of its scrape. Scrapes are a second
		// apart; the log's clock and rounding blur them by some milliseconds.
		scraped := l.time(t).Add(-age)
		if scraped.Sub(last) < 400*time.Millisecond {
			t.Errorf("two steps on one sample: %v", l)
		}
		last = scraped
	}
	t.Log("steps:", len(steps))
	if len(steps) < 6 {
		t.Errorf("only %d steps", len(steps))
	}
}

// A leader that is stopped gives the lease back: the other leads at once.
func TestStoppedLeaderHandsOver(t *testing.T) {
	t.Parallel()
	ns := namespace(t)
	createWorkload(t, ns, "Deployment", "camunda-deployment", 1)
	prom := startPrometheus(t, newScraped(t, started(30)), time.Second)
	join := func() *scalerProcess {
		return startScaler(t, prom, append(quick(ns), "--leader-election", "--leader-election.namespace="+ns)...)
	}
	first := join()
	first.awaitLeader(t)
	first.awaitReason(t, 0, "within_bounds")
	second := join()
	await(t, func() string {
		if len(second.lines(t, "standing by")) == 0 {
			return "the second does not stand by"
		}
		return ""
	})
	if err := syscall.Kill(first.PID(), syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	asked := time.Now()
	gap := second.awaitLeader(t).Sub(asked)
	t.Log("hand-over after a stop:", gap)
	if gap > 5*time.Second {
		t.Errorf("it took %s, want about a second", gap)
	}
	second.awaitReason(t, 0, "within_bounds")
	if unknown := first.lines(t, "standing by"); len(unknown) != 1 || unknown[0]["leader"] != "unknown" {
		t.Errorf("without a Lease, the first scaler waits in case there is a leader: %v", unknown)
	}
	if err := first.Wait(t.Context()); exitCode(err) != 0 {
		t.Error(err)
	}
}

// A leader that is frozen for longer than its lease writes nothing when it
// thaws, and stands by.
func TestFrozenLeaderIsDeposed(t *testing.T) {
	t.Parallel()
	ns := namespace(t)
	createWorkload(t, ns, "Deployment", "camunda-deployment", 2)
	releasedLease(t, ns)
	target := newScraped(t, started(60))
	prom := startPrometheus(t, target, time.Second)
	join := func() *scalerProcess {
		return startScaler(t, prom, append(quick(ns), "--leader-election", "--leader-election.namespace="+ns)...)
	}
	first := join()
	first.awaitLeader(t)
	first.awaitReason(t, 0, "within_bounds")
	second := join()
	first.Signal(syscall.SIGSTOP)
	before := len(first.decisions(t))
	second.awaitLeader(t)
	target.set(started(500))
	first.Signal(syscall.SIGCONT)
	awaitReplicas(t, ns, 4)
	await(t, func() string {
		if len(first.lines(t, "stopped leading")) == 0 || len(first.lines(t, "standing by")) == 0 {
			return "the first has not stepped down"
		}
		return ""
	})
	for _, l := range first.decisions(t)[before:] {
		if l["action"] != "none" {
			t.Errorf("a deposed leader wrote: %v", l)
		}
	}
	if got := fmt.Sprint(len(second.lines(t, "stopped leading"))); got != "0" {
		t.Errorf("the second lost its lead %s times", got)
	}
}
