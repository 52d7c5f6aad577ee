package scaler

import (
	"fmt"
	"net/http"
	"testing"
)

// What can be the matter with the watch of the workload, and what others say or
// do that only the watch shows.
var watchRows = []row{
	{"watch-broken-off", "load_high", watchBrokenOff},
	{"watch-silent", "paused", watchSilent},
	{"paused-while-overloaded", "paused", pausedWhileOverloaded},
	{"hpa-on-the-same-workload", "owned_by_other", hpaOnTheSameWorkload},
	{"gitops-reset", "contested", gitopsReset},
}

func watches(r *http.Request) bool { return r.URL.Query().Get("watch") != "" }

// Without a watch it asks before each decision.
func watchBrokenOff(t *testing.T, m *matrix, reason string) {
	r := m.newRig(t, 3, steady)
	r.start(t)
	r.kube.begin(only(watches, cut))
	r.stay(t, 2, "within_bounds")
	r.scaleByHand(t, 2) // 60 for each
	r.await(t, reason)
	r.awaitReplicas(t, 3)
	r.kube.end()
	r.load(500)
	r.awaitReplicas(t, 4)
	r.wantSteps(t, "2-3 3-4")
}

// A watch that says nothing any more, as behind a firewall that has forgotten
// the connection: what it does not show keeps the scaler from writing all the
// same.
func watchSilent(t *testing.T, m *matrix, reason string) {
	r := m.newRig(t, 3, steady)
	r.start(t)
	opened := make(chan struct{}, 100)
	r.kube.begin(only(watches, func(w http.ResponseWriter, q *http.Request, _ http.Handler) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusOK)
		_ = http.NewResponseController(w).Flush()
		opened <- struct{}{}
		<-q.Context().Done()
	}))
	<-opened
	r.stay(t, 2, "within_bounds")
	r.pause(t, "true")
	generation := r.generation(t)
	before := len(r.scaler.decisions(t))
	r.load(500)
	if l := r.scaler.awaitReason(t, before, "write_failed"); l["cause"] != "conflict" {
		t.Errorf("unexpected line %v", l)
	}
	r.stay(t, 3, reason)
	if got := r.generation(t); got != generation {
		t.Errorf("the Deployment was written %d times", got-generation)
	}
	r.kube.end()
	r.kube.CloseClientConnections()
	r.pause(t, nil)
	r.awaitReplicas(t, 4)
	r.wantSteps(t, "3-4")
}

// pause sets the annotation, or removes it if it is nil.
func (r *rig) pause(t *testing.T, value any) {
	t.Helper()
	r.patch(t, "", object{"metadata": object{"annotations": object{"camunda-autoscaler/paused": value}}})
}

func pausedWhileOverloaded(t *testing.T, m *matrix, reason string) {
	r := m.newRig(t, 3, steady)
	r.start(t)
	r.pause(t, "true")
	if l := r.await(t, reason); l["paused_by"] != "annotation" {
		t.Errorf("unexpected line %v", l)
	}
	r.load(500)
	m.awaitAnswer(t, r.query()+" == 500")
	r.stay(t, 3, reason)
	r.metrics(t, holding(reason), fmt.Sprintf("camunda_scaler_paused{target=%q} 1\n", workloadName))
	r.pause(t, nil)
	r.awaitReplicas(t, 4)
	r.wantSteps(t, "3-4")
}

// A real HorizontalPodAutoscaler wants four, where the load wants one.
func hpaOnTheSameWorkload(t *testing.T, m *matrix, reason string) {
	r := m.newRig(t, 3, steady)
	r.start(t)
	const name = "another"
	hpas := "/apis/autoscaling/v2/namespaces/" + r.ns + "/horizontalpodautoscalers"
	create(t, hpas, object{
		"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "metadata": object{"name": name},
		"spec": object{
			"scaleTargetRef": object{"apiVersion": "apps/v1", "kind": "Deployment", "name": workloadName},
			"minReplicas":    4, "maxReplicas": 6,
		},
	})
	r.awaitReplicas(t, 4)
	if l := r.await(t, reason); l["owner"] != "horizontalpodautoscaler/"+name {
		t.Errorf("unexpected line %v", l)
	}
	r.load(30)
	m.awaitAnswer(t, r.query()+" == 30")
	r.stay(t, 3, reason)
	r.metrics(t, holding(reason))
	r.wantSteps(t, "")

	if err := cluster.Request(t.Context(), http.MethodDelete, hpas+"/"+name, nil, nil); err != nil {
		t.Fatal(err)
	}
	r.scaleByHand(t, 2)
	r.awaitReplicas(t, 1)
	r.wantSteps(t, "2-1")
}

// A GitOps tool has three replicas in its manifests, and sets them back each
// time. It is told and not fought.
func gitopsReset(t *testing.T, m *matrix, reason string) {
	r := m.newRig(t, 3, steady)
	r.start(t)
	r.load(500)
	for range 2 {
		r.awaitReplicas(t, 4)
		r.patch(t, "?fieldManager=argocd-controller", object{"spec": object{"replicas": 3}})
	}
	r.await(t, reason)
	r.stay(t, 3, reason)
	r.wantSteps(t, "3-4 3-4")
	r.metrics(t, holding(reason), fmt.Sprintf("camunda_scaler_foreign_changes_total{target=%q} 2\n", workloadName))
	changes := r.scaler.lines(t, "replicas changed by somebody else")
	if len(changes) != 2 || changes[1]["manager"] != "argocd-controller" || changes[1]["undone"] != "true" {
		t.Errorf("unexpected lines %v", changes)
	}
	if got := replicas(t, r.ns, "apps/v1/deployments", workloadName); got != 3 {
		t.Errorf("%d replicas, want the 3 of the manifests", got)
	}
}
