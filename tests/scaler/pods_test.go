package scaler

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"
)

// podsOf returns the names of Pods that are not about to end, and what each
// costs.
func podsOf(t *testing.T, ns string) map[string]string {
	t.Helper()
	var list struct {
		Items []struct {
			Metadata struct {
				Name              string
				DeletionTimestamp *string
				Annotations       map[string]string
			}
		}
	}
	if err := cluster.Request(t.Context(), http.MethodGet, "/api/v1/namespaces/"+ns+"/pods", nil, &list); err != nil {
		t.Fatal(err)
	}
	pods := map[string]string{}
	for _, p := range list.Items {
		if p.Metadata.DeletionTimestamp == nil {
			pods[p.Metadata.Name] = p.Metadata.Annotations["controller.kubernetes.io/pod-deletion-cost"]
		}
	}
	return pods
}

func awaitPods(t *testing.T, ns string, n int) (names []string) {
	t.Helper()
	await(t, func() string {
		if names = slices.Sorted(maps.Keys(podsOf(t, ns))); len(names) != n {
			return fmt.Sprintf("%d Pods, want %d", len(names), n)
		}
		return ""
	})
	return names
}

// busy is the load of a workload, and how much each of its Pods works.
func busy(load int, pods map[string]int) string {
	var text strings.Builder
	fmt.Fprintln(&text, jobs(load))
	for name, n := range pods {
		fmt.Fprintf(&text, "working{pod=%q} %d\n", name, n)
	}
	return text.String()
}

const gentle = "busy_pods: {query: 'last_over_time(working[3s])', wait_for_idle: %s, on_error: %s}"

// The real ReplicaSet controller ends the Pods that do not work, whichever they
// are, one step after the other; and where all work, the step waits.
func TestGentleStepsDown(t *testing.T) {
	t.Parallel()
	ns := namespace(t)
	createWorkload(t, ns, "Deployment", "camunda-deployment", 4)
	names := awaitPods(t, ns, 4)
	works := map[string]int{names[0]: 2, names[1]: 1, names[2]: 0, names[3]: 7}
	target := newScraped(t, busy(35, works))
	prom := startPrometheus(t, target, time.Second)
	s := startScaler(t, nil, zeroFile(t, prom, ns, fmt.Sprintf(gentle, "1h", "hold")))
	s.awaitReason(t, 0, "within_bounds")
	if got := podsOf(t, ns); got[names[3]] != "" {
		t.Errorf("marked without a step: %v", got)
	}

	target.set(busy(25, works)) // 3 replicas are enough
	awaitReplicas(t, ns, 3)
	if got := awaitPods(t, ns, 3); slices.Contains(got, names[2]) {
		t.Errorf("%v are left, but %s did not work", got, names[2])
	}
	if got := podsOf(t, ns); got[names[0]] != "2" || got[names[1]] != "1" || got[names[3]] != "7" {
		t.Errorf("marked as %v", got)
	}

	target.set(busy(15, works)) // 2, but all work
	if l := s.awaitReason(t, len(s.decisions(t)), "wait_for_idle"); l["idle_pods"] != "0" || l["to"] != "3" {
		t.Errorf("unexpected line %v", l)
	}
	works[names[0]] = 0
	target.set(busy(15, works))
	awaitReplicas(t, ns, 2)
	if got := awaitPods(t, ns, 2); slices.Contains(got, names[0]) {
		t.Errorf("%v are left, but %s did not work", got, names[0])
	}

	before := len(s.decisions(t))
	target.set(jobs(5)) // nothing is known of the Pods
	if l := s.awaitReason(t, before, "busy_unknown"); l["cause"] != "result" || l["level"] != "warn" {
		t.Errorf("unexpected line %v", l)
	}
	target.set(busy(5, map[string]int{names[1]: 0, names[3]: 0}))
	awaitReplicas(t, ns, 1)
}

// The ReplicaSet controller ends a Pod that is not ready before any other. While one
// works and is not ready, the step waits.
func TestGentleStepsDownAndReadiness(t *testing.T) {
	t.Parallel()
	ns := namespace(t)
	createWorkload(t, ns, "Deployment", "camunda-deployment", 3)
	names := awaitPods(t, ns, 3)
	ready := func(name, status string) {
		t.Helper()
		path := "/api/v1/namespaces/" + ns + "/pods/" + name + "/status"
		running := object{"status": object{"phase": "Running", "conditions": []object{{"type": "Ready", "status": status}}}}
		if err := cluster.Request(t.Context(), http.MethodPatch, path, running, nil); err != nil {
			t.Fatal(err)
		}
	}
	ready(names[0], "True")
	ready(names[1], "False")
	ready(names[2], "True")
	target := newScraped(t, busy(25, map[string]int{names[0]: 0, names[1]: 1, names[2]: 1}))
	prom := startPrometheus(t, target, time.Second)
	s := startScaler(t, nil, zeroFile(t, prom, ns, fmt.Sprintf(gentle, "1h", "hold")))
	s.awaitReason(t, 0, "within_bounds")
	before := len(s.decisions(t))
	target.set(busy(15, map[string]int{names[0]: 0, names[1]: 1, names[2]: 1}))
	if l := s.awaitReason(t, before, "wait_for_idle"); l["idle_pods"] != "0" {
		t.Errorf("unexpected line %v", l)
	}
	ready(names[1], "True")
	awaitReplicas(t, ns, 2)
	if got := awaitPods(t, ns, 2); slices.Contains(got, names[0]) {
		t.Errorf("%v are left, but %s did not work", got, names[0])
	}
}

// Without the right to the Pods, a step down holds, or comes all the same, as it
// is configured; a step up never asks.
func TestGentleStepsDownWithoutRights(t *testing.T) {
	for _, onError := range []string{"hold", "step"} {
		t.Run(onError, func(t *testing.T) {
			t.Parallel()
			ns := namespace(t)
			createWorkload(t, ns, "Deployment", "camunda-deployment", 2)
			names := awaitPods(t, ns, 2)
			apps := object{"apiGroups": []string{"apps"}, "resources": []string{"deployments", "deployments/scale"}, "verbs": []string{"get", "list", "watch", "patch"}}
			list := object{"apiGroups": []string{""}, "resources": []string{"pods"}, "verbs": []string{"list"}}
			kubeconfig := userWith(t, ns, apps, list)
			works := map[string]int{names[0]: 0, names[1]: 1}
			target := newScraped(t, busy(25, works))
			prom := startPrometheus(t, target, time.Second)
			s := startScaler(t, nil, zeroFile(t, prom, ns, fmt.Sprintf(gentle, "0s", onError)), "--kubeconfig="+kubeconfig)
			awaitReplicas(t, ns, 3)
			target.set(busy(5, works))
			if onError == "step" {
				awaitReplicas(t, ns, 1)
				s.awaitReason(t, 0, "load_low")
				steps := slices.DeleteFunc(s.decisions(t), func(l line) bool { return l["reason"] != "load_low" })
				if len(steps) != 1 || !strings.Contains(steps[0]["pods_err"], `cannot patch resource "pods"`) {
					t.Errorf("unexpected lines %v", steps)
				}
				return
			}
			if l := s.awaitReason(t, 0, "busy_unknown"); l["cause"] != "forbidden" || !strings.Contains(l["err"], `cannot patch resource "pods"`) {
				t.Errorf("unexpected line %v", l)
			}
			if got := replicas(t, ns, "apps/v1/deployments", "camunda-deployment"); got != 3 {
				t.Errorf("%d replicas, want 3", got)
			}
		})
	}
}
