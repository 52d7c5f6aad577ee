package scaler

import (
	"fmt"
	"net/http"
	"path/filepath"
	"testing"
	"time"

	"github.com/camunda-autoscaler/camunda-autoscaler/testbed/prometheus"
)

// zeroFile is a target of Deployment camunda-deployment that may go to 0 after
// two seconds without work.
func zeroFile(t *testing.T, prom *prometheus.Server, ns, more string) (flag string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "scaler.yml")
	write(t, path, fmt.Sprintf(`
prometheus: {url: %q}
interval: 1s
targets:
  - workload: {namespace: %s}
    query: jobs
    rule: {type: target, value_per_replica: 10, min_replicas: 0}
    scale_to_zero_delay: 2s
    %s
`, prom.URL, ns, more))
	return "--config.file=" + path
}

func jobs(n any) string { return fmt.Sprint("jobs ", n) }

func workloadPath(ns, rest string) string {
	return "/apis/apps/v1/namespaces/" + ns + "/deployments/camunda-deployment" + rest
}

// A workload goes to 0 and comes back, also by a scaler that knows nothing of the
// one that took it there; and one that a person has switched off stays off, over
// a restart as well. However the workload was made.
func TestToZeroAndBack(t *testing.T) {
	for name, make := range map[string]func(t *testing.T, ns string){
		"created": func(t *testing.T, ns string) { createWorkload(t, ns, "Deployment", "camunda-deployment", 1) },
		"applied": func(t *testing.T, ns string) {
			apply(t, workloadPath(ns, ""), "helm", workloadOf("Deployment", "camunda-deployment"))
		},
		"applied with replicas": func(t *testing.T, ns string) {
			w := workloadOf("Deployment", "camunda-deployment")
			w["spec"].(object)["replicas"] = 1
			apply(t, workloadPath(ns, ""), "helm", w)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ns := namespace(t)
			make(t, ns)
			target := newScraped(t, jobs(15))
			prom := startPrometheus(t, target, time.Second)
			flag := zeroFile(t, prom, ns, "")
			s := startScaler(t, nil, flag)
			awaitReplicas(t, ns, 2)
			target.set(jobs(0))
			awaitReplicas(t, ns, 0)
			s.awaitReason(t, len(s.decisions(t)), "load_low_at_min")

			s.Kill()
			s = startScaler(t, nil, flag)
			s.awaitReason(t, 0, "load_low_at_min")
			target.set(jobs(31))
			awaitReplicas(t, ns, 4)

			patch(t, workloadPath(ns, "/scale"), object{"spec": object{"replicas": 0}})
			s.awaitReason(t, len(s.decisions(t)), "switched_off")
			s.Kill()
			s = startScaler(t, nil, flag)
			s.awaitReason(t, 0, "switched_off")
			target.set("other 1")
			s.awaitReason(t, len(s.decisions(t)), "no_data")
			target.set(jobs(31))
			s.awaitReason(t, len(s.decisions(t)), "switched_off")
			if got := replicas(t, ns, "apps/v1/deployments", "camunda-deployment"); got != 0 {
				t.Errorf("%d replicas of what a person switched off", got)
			}
		})
	}
}

// At 1 and at 0 replicas, whatever ends the data ends no last replica, and starts
// no first one.
func TestZeroOnFaults(t *testing.T) {
	t.Parallel()
	ns := namespace(t)
	createWorkload(t, ns, "Deployment", "camunda-deployment", 1)
	target := newScraped(t, jobs(5))
	prom := startPrometheus(t, target, time.Second)
	s := startScaler(t, nil, zeroFile(t, prom, ns, ""))
	s.awaitReason(t, 0, "within_bounds")
	for _, replicas := range []int{1, 0} {
		for _, c := range []struct{ reason, body string }{
			{"no_data", "other 1"}, {"not_a_number", jobs("NaN")}, {"many_series", "jobs{a=\"1\"} 0\njobs{a=\"2\"} 0"}, {"no_data", ""},
		} {
			before := len(s.decisions(t))
			target.set(c.body)
			s.awaitReason(t, before, c.reason)
			time.Sleep(3 * time.Second) // as long as the delay takes: that nothing happens cannot be awaited
			for _, l := range s.decisions(t)[before:] {
				if l["action"] != "none" {
					t.Errorf("%q at %d replicas: %v", c.body, replicas, l)
				}
			}
			target.set(jobs(5 * replicas))
			s.awaitReason(t, len(s.decisions(t)), []string{"load_low_at_min", "within_bounds"}[replicas])
		}
		if replicas == 1 {
			before := len(s.decisions(t))
			prom.Kill()
			s.awaitReason(t, before, "query_failed")
			if err := prom.Start(t.Context()); err != nil {
				t.Fatal(err)
			}
			s.awaitReason(t, len(s.decisions(t)), "within_bounds")
			before = len(s.decisions(t))
			target.set(jobs(0))
			s.awaitReason(t, before, "load_low_at_min")
			awaitReplicas(t, ns, 0)
		}
	}
}

// Without the right to list the workload nobody could tell later who set 0, so
// one replica stays.
func TestNoZeroWithoutTheRightToList(t *testing.T) {
	t.Parallel()
	ns := namespace(t)
	createWorkload(t, ns, "Deployment", "camunda-deployment", 2)
	kubeconfig := userWith(t, ns, object{"apiGroups": []string{"apps"}, "resources": []string{"deployments/scale"}, "verbs": []string{"get", "patch"}})
	prom := startPrometheus(t, newScraped(t, jobs(0)), time.Second)
	s := startScaler(t, nil, zeroFile(t, prom, ns, ""), "--kubeconfig="+kubeconfig)
	awaitReplicas(t, ns, 1)
	s.awaitReason(t, len(s.decisions(t)), "within_bounds")
}

// userWith makes a user with these rights in the namespace.
func userWith(t *testing.T, ns string, rules ...object) (kubeconfig string) {
	t.Helper()
	user := "user-of-" + ns
	kubeconfig, err := cluster.UserKubeconfig(user)
	if err != nil {
		t.Fatal(err)
	}
	rbac := "/apis/rbac.authorization.k8s.io/v1/namespaces/" + ns
	create(t, rbac+"/roles", object{"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role", "metadata": object{"name": "user"}, "rules": rules})
	create(t, rbac+"/rolebindings", object{
		"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding", "metadata": object{"name": "user"},
		"roleRef":  object{"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "user"},
		"subjects": []object{{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": user}},
	})
	return kubeconfig
}

// pausedDown forbids one direction by an annotation, and until when.
func TestPauseOfOneDirection(t *testing.T) {
	t.Parallel()
	ns := namespace(t)
	createWorkload(t, ns, "Deployment", "camunda-deployment", 3)
	annotate := func(values object) {
		patch(t, workloadPath(ns, ""), object{"metadata": object{"annotations": values}})
	}
	annotate(object{"camunda-autoscaler/paused": "down"})
	target := newScraped(t, started(5))
	s := startScaler(t, startPrometheus(t, target, time.Second), quick(ns)...)
	if l := s.awaitReason(t, 0, "paused"); l["paused_by"] != "annotation" || l["to"] != "3" {
		t.Errorf("unexpected line %v", l)
	}
	target.set(started(500))
	awaitReplicas(t, ns, 4)
	target.set(started(5))
	annotate(object{"camunda-autoscaler/paused-until": time.Now().Add(5 * time.Second).Format(time.RFC3339)})
	s.awaitReason(t, len(s.decisions(t)), "paused")
	awaitReplicas(t, ns, 1)
	annotate(object{"camunda-autoscaler/paused": "up", "camunda-autoscaler/paused-until": "tomorrow"})
	target.set(started(500))
	if l := s.awaitReason(t, len(s.decisions(t)), "paused"); l["pause_err"] == "" {
		t.Errorf("unexpected line %v", l)
	}
	if err := cluster.Request(t.Context(), http.MethodGet, workloadPath(ns, ""), nil, nil); err != nil {
		t.Fatal(err)
	}
	annotate(object{"camunda-autoscaler/paused": nil, "camunda-autoscaler/paused-until": nil})
	awaitReplicas(t, ns, 4)
}
