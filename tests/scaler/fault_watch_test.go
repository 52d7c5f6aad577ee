package scaler

import (
	"fmt"
	"net/http"
	"slices"
	"testing"
	"time"
)

// What can be the matter with the watch of the workload, and what others say or
// do that only the watch shows.
var watchRows = []row{
	{"watch-broken-off", "load_high", watchBrokenOff},
	{"watch-silent", "paused", watchSilent},
	{"paused-while-overloaded", "paused", pausedWhileOverloaded},
	{"hpa-on-the-same-workload", "owned_by_other", hpaOnTheSameWorkload},
	{"hpa-on-an-applied-workload", "owned_by_other", hpaOnAnAppliedWorkload},
	{"second-scaler", "owned_by_other", secondScaler},
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
	r.stay(t, 6, "within_bounds") // the first of them may still read the workload, until the watch is open
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

// createHPA makes a HorizontalPodAutoscaler of the workload with so many replicas
// at least. The function that it returns deletes it.
func (r *rig) createHPA(t *testing.T, name string, least int) (remove func()) {
	t.Helper()
	hpas := "/apis/autoscaling/v2/namespaces/" + r.ns + "/horizontalpodautoscalers"
	create(t, hpas, object{
		"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "metadata": object{"name": name},
		"spec": object{
			"scaleTargetRef": object{"apiVersion": "apps/v1", "kind": "Deployment", "name": workloadName},
			"minReplicas":    least, "maxReplicas": 6,
		},
	})
	return func() {
		t.Helper()
		if err := cluster.Request(t.Context(), http.MethodDelete, hpas+"/"+name, nil, nil); err != nil {
			t.Fatal(err)
		}
	}
}

// A real HorizontalPodAutoscaler wants four, where the load wants one.
func hpaOnTheSameWorkload(t *testing.T, m *matrix, reason string) {
	r := m.newRig(t, 3, steady)
	r.start(t)
	const name = "another"
	remove := r.createHPA(t, name, 4)
	r.awaitReplicas(t, 4)
	if l := r.await(t, reason); l["owner"] != "horizontalpodautoscaler/"+name {
		t.Errorf("unexpected line %v", l)
	}
	r.load(30)
	m.awaitAnswer(t, r.query()+" == 30")
	r.stay(t, 3, reason)
	r.metrics(t, holding(reason))
	r.wantSteps(t, "")

	remove()
	r.scaleByHand(t, 2)
	r.awaitReplicas(t, 1)
	r.wantSteps(t, "2-1")
}

// What an HPA writes to a workload that was created by server-side apply without
// replicas leaves no trace. It is noticed all the same: when the scaler starts,
// and when it writes.
func hpaOnAnAppliedWorkload(t *testing.T, m *matrix, reason string) {
	r := m.newRig(t, 1, steady)
	r.delete(t)
	apply(t, r.path(), "helm", workloadOf("Deployment", workloadName))
	remove := r.createHPA(t, "early", 3)
	r.awaitReplicas(t, 3)
	var d struct {
		Metadata struct {
			ManagedFields []struct{ Manager, Subresource string }
		}
	}
	if err := cluster.Request(t.Context(), http.MethodGet, r.path(), nil, &d); err != nil {
		t.Fatal(err)
	}
	for _, f := range d.Metadata.ManagedFields {
		if f.Subresource == "scale" {
			t.Errorf("the API server records %v: this row shows nothing", f)
		}
	}
	r.scaler = startScaler(t, nil, r.flags(t)...)
	if l := r.await(t, reason); l["owner"] != "horizontalpodautoscaler/early" {
		t.Errorf("unexpected line %v", l)
	}
	r.load(500)
	m.awaitAnswer(t, r.query()+" == 500")
	r.stay(t, 2, reason)
	remove()
	r.scaleByHand(t, 2) // so that it looks again at once
	r.awaitReplicas(t, 4)
	remove = r.createHPA(t, "late", 6)
	r.awaitReplicas(t, 6)
	before := len(r.scaler.decisions(t))
	if l := r.scaler.awaitReason(t, before, reason); l["owner"] != "horizontalpodautoscaler/late" {
		t.Errorf("unexpected line %v", l)
	}
	if changes := r.scaler.lines(t, "replicas changed by another writer"); len(changes) == 0 || changes[0]["manager"] != "unknown" {
		t.Errorf("unexpected lines %v", changes)
	}
	remove()
	r.wantSteps(t, "2-3 3-4")
}

// A second scaler outside the Lease, as somebody starts it on a laptop: of the
// two, one waits for as long as the other takes steps.
func secondScaler(t *testing.T, m *matrix, reason string) {
	r := m.newRig(t, 1, 30)
	r.lead(t)
	laptop := startScaler(t, nil, r.flags(t)...)
	laptop.awaitReason(t, 0, "within_bounds")
	r.load(500)
	r.awaitReplicas(t, 4)
	await(t, func() string {
		for _, s := range []*scalerProcess{r.scaler, laptop} {
			for _, l := range s.decisions(t) {
				if l["reason"] == reason && l["owner"] == "another camunda-scaler" {
					return ""
				}
			}
		}
		return "neither has noticed the other"
	})
	var steps []line
	await(t, func() string { // the line of a step comes after its write
		steps = nil
		for _, s := range []*scalerProcess{r.scaler, laptop} {
			for _, l := range s.decisions(t) {
				if l["action"] != "none" {
					steps = append(steps, l)
				}
			}
		}
		if len(steps) < 3 {
			return fmt.Sprintf("%d steps, want 3: %v", len(steps), steps)
		}
		return ""
	})
	slices.SortFunc(steps, func(a, b line) int { return a.time(t).Compare(b.time(t)) })
	for i := 1; i < len(steps); i++ {
		if apart := steps[i].time(t).Sub(steps[i-1].time(t)); apart < 500*time.Millisecond {
			t.Errorf("%s between two steps: %v", apart, steps[i])
		}
	}
	if len(steps) != 3 {
		t.Errorf("%d steps, want 3: %v", len(steps), steps)
	}
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
	changes := r.scaler.lines(t, "replicas changed by another writer")
	if len(changes) != 2 || changes[1]["manager"] != "argocd-controller" || changes[1]["reverted"] != "true" {
		t.Errorf("unexpected lines %v", changes)
	}
	if got := replicas(t, r.ns, "apps/v1/deployments", workloadName); got != 3 {
		t.Errorf("%d replicas, want the 3 of the manifests", got)
	}
}
