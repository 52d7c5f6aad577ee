package scaler

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/api"
)

// ask runs the command explain against a scaler.
func (s *scalerProcess) ask(ctx context.Context, t *testing.T, args ...string) (text string, code int) {
	t.Helper()
	c := exec.CommandContext(ctx, program, append([]string{"explain", "--web.url=http://" + s.address}, args...)...)
	out, err := c.CombinedOutput()
	return string(out), exitCode(err)
}

// A user asks in the terminal, sees the bound, and applies it: the scaler acts
// there, and not below.
func TestExplain(t *testing.T) {
	t.Parallel()
	ns := namespace(t)
	createWorkload(t, ns, "Deployment", "camunda-deployment", 2)
	target := newScraped(t, started(60))
	s := startScaler(t, startPrometheus(t, target, time.Second), quick(ns)...)
	s.awaitReason(t, 0, "within_bounds")
	text, code := s.ask(t.Context(), t, "camunda-deployment")
	if want := "Nothing to do: 60 on 2 replicas is 30 per replica, between 20 and 50."; code != 0 || !strings.Contains(text, want) {
		t.Errorf("exit code %d:\n%s\nwant %s", code, text, want)
	}
	if want := "Scales up at 100 or more (now 60)"; !strings.Contains(text, want) {
		t.Errorf("no %q in\n%s", want, text)
	}
	for line := range strings.Lines(text) {
		if len(line) > 81 {
			t.Errorf("a line of %d columns: %s", len(line)-1, line)
		}
	}
	target.set(started(99))
	await(t, func() string {
		if text, _ := s.ask(t.Context(), t); !strings.Contains(text, "99") {
			return text
		}
		return ""
	})
	if got := replicas(t, ns, "apps/v1/deployments", "camunda-deployment"); got != 2 {
		t.Errorf("%d replicas at 99", got)
	}
	target.set(started(100))
	awaitReplicas(t, ns, 3)
	var got api.Decisions
	await(t, func() string {
		text, code = s.ask(t.Context(), t, "--output=json", "--last=100", "camunda-deployment")
		if err := json.Unmarshal([]byte(text), &got); code != 0 || err != nil {
			t.Fatalf("exit code %d, %v: %s", code, err, text)
		}
		if got.Target.LastAction == nil {
			return "no last action"
		}
		return ""
	})
	if want := "Scaled up from 2 to 3: 100 on 2 replicas is 50 per replica, at or above 50."; got.Target.LastAction.Did != want {
		t.Errorf("the last action: %s", got.Target.LastAction.Did)
	}
	// The log line, the journal and the Event of the step say the same.
	for _, l := range s.decisions(t) {
		if a := got.Target.LastAction; l["action"] == "up" && (l["value"] != "100" || l["from"] != "2" || l["to"] != fmt.Sprint(*a.To) || l["reason"] != a.Reason) {
			t.Errorf("log line %v, journal %+v", l, a)
		}
	}
	await(t, func() string {
		for _, e := range eventsOf(t, ns, "ScaledUp") {
			if strings.Contains(e.Message, "from 2 to 3 replicas: 100 on 2 is 50 per replica") {
				return ""
			}
		}
		return "no Event"
	})
	if text, code := s.ask(t.Context(), t, "camunda"); code != 2 || !strings.Contains(text, `no target has the name "camunda"`) {
		t.Errorf("a wrong name: exit code %d: %s", code, text)
	}
	s.Kill()
	if text, code := s.ask(t.Context(), t); code != 1 || !strings.Contains(text, "forward its port first") {
		t.Errorf("no scaler: exit code %d: %s", code, text)
	}
}

// After a hand-over the new leader still tells of the last action: from the
// workload's Event if it may list Events, else it says what right is missing. The
// standby says which one leads.
func TestExplainAfterHandover(t *testing.T) {
	t.Parallel()
	ns := namespace(t)
	createWorkload(t, ns, "Deployment", "camunda-deployment", 1)
	target := newScraped(t, started(60))
	prom := startPrometheus(t, target, time.Second)
	releasedLease(t, ns)
	flags := append(quick(ns), "--leader-election", "--leader-election.namespace="+ns)
	first := startScaler(t, prom, flags...)
	first.awaitLeader(t)
	awaitReplicas(t, ns, 2)
	await(t, func() string { return missing(len(eventsOf(t, ns, "ScaledUp")) > 0, "an Event") })
	second := startScaler(t, prom, flags...)
	await(t, func() string {
		host, err := os.Hostname()
		if err != nil {
			t.Fatal(err)
		}
		text, code := second.ask(t.Context(), t, "camunda-deployment")
		return missing(code == 1 && strings.Contains(text, "this scaler stands by, and "+host+" leads"), text)
	})
	first.Stop(10 * time.Second)
	second.awaitLeader(t)
	await(t, func() string {
		text, _ := second.ask(t.Context(), t, "camunda-deployment")
		return missing(strings.Contains(text, "by a scaler before this one: from the workload's Event") &&
			strings.Contains(text, "Scaled from 1 to 2 replicas: 60 on 1 is 60 per replica, and the bound is 50"), text)
	})

	// A third that may not list them.
	if err := cluster.Request(t.Context(), http.MethodDelete, leases+ns+"/leases/camunda-scaler", nil, nil); err != nil {
		t.Fatal(err)
	}
	second.Kill()
	user := "scaler-of-" + ns
	kubeconfig, err := cluster.UserKubeconfig(user)
	if err != nil {
		t.Fatal(err)
	}
	grantLease(t, ns, user)
	releasedLease(t, ns)
	third := startScaler(t, prom, append(flags, "--kubeconfig="+kubeconfig)...)
	third.awaitLeader(t)
	await(t, func() string {
		text, code := third.ask(t.Context(), t, "camunda-deployment")
		return missing(code == 0 && strings.Contains(text, "Unknown: none since this scaler became the leader.") && strings.Contains(text, "forbidden"), text)
	})
}

func missing(there bool, what string) string {
	if there {
		return ""
	}
	return "missing: " + what
}

// With TLS and a password on the scaler's port, an HTTP configuration opens it.
func TestExplainWithAPassword(t *testing.T) {
	t.Parallel()
	ns := namespace(t)
	createWorkload(t, ns, "Deployment", "camunda-deployment", 1)
	dir := t.TempDir()
	web, client := filepath.Join(dir, "web.yml"), filepath.Join(dir, "http.yml")
	// The password is "test".
	for path, text := range map[string]string{
		web:    "basic_auth_users: {sre: $2a$04$M5vQznjq8xmDyN3Gh.rd5.TW4e9iZtCOZLvnP2Qj3JfWnu9bSTmPS}\n",
		client: "basic_auth: {username: sre, password: test}\n",
	} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s := startScaler(t, startPrometheus(t, newScraped(t, started(30)), time.Second), append(quick(ns), "--web.config.file="+web)...)
	s.awaitReason(t, 0, "within_bounds")
	if text, code := s.ask(t.Context(), t); code != 1 || !strings.Contains(text, "401 Unauthorized: set --http.config.file") {
		t.Errorf("without a password: exit code %d: %s", code, text)
	}
	if text, code := s.ask(t.Context(), t, "--http.config.file="+client); code != 0 || !strings.Contains(text, "nothing to do (within_bounds)") {
		t.Errorf("with the password: exit code %d: %s", code, text)
	}
}
