package scaler

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/app"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/gate"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/workload"
)

// watchedWorkload is a workload as the scaler itself would make it, with its
// watch, the requests it makes and what it logs.
type watchedWorkload struct {
	*workload.Workload

	mu       sync.Mutex
	requests []string
	logged   []string
}

// Log implements go-kit's Logger.
func (w *watchedWorkload) Log(line ...any) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.logged = append(w.logged, fmt.Sprintln(line...))
	return nil
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// take returns the requests since the last take.
func (w *watchedWorkload) take() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	taken := w.requests
	w.requests = nil
	return taken
}

// countLogged counts the lines that have all those words.
func (w *watchedWorkload) countLogged(words ...string) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	n := 0
	for _, line := range w.logged {
		if !slices.ContainsFunc(words, func(word string) bool { return !strings.Contains(line, word) }) {
			n++
		}
	}
	return n
}

func watchWorkload(t *testing.T, kubeconfig, ns, name string) *watchedWorkload {
	t.Helper()
	c, err := app.KubeConfig(kubeconfig)
	if err != nil {
		t.Fatal(err)
	}
	w := &watchedWorkload{}
	c.Wrap(func(next http.RoundTripper) http.RoundTripper {
		return roundTripper(func(r *http.Request) (*http.Response, error) {
			w.mu.Lock()
			w.requests = append(w.requests, r.Method+" "+r.URL.Path)
			w.mu.Unlock()
			return next.RoundTrip(r)
		})
	})
	kube, err := app.NewKube(c, gate.Load{}, w)
	if err != nil {
		t.Fatal(err)
	}
	ref := workload.Ref{APIVersion: "apps/v1", Kind: "Deployment", Namespace: ns, Name: name}
	w.Workload = kube.Workload(ref)
	kube.Watch([]workload.Ref{ref})
	t.Cleanup(func() { kube.Watch(nil) })
	return w
}

func (w *watchedWorkload) get(t *testing.T) workload.Scale {
	t.Helper()
	scale, err := w.Get(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return scale
}

// awaitScale gets until what is got is right.
func (w *watchedWorkload) awaitScale(t *testing.T, right func(workload.Scale) bool) (scale workload.Scale) {
	t.Helper()
	await(t, func() string {
		var err error
		if scale, err = w.Get(t.Context()); err != nil || !right(scale) {
			return fmt.Sprintf("%+v, %v", scale, err)
		}
		return ""
	})
	return scale
}

// awaitSteady waits until a Get costs no request.
func (w *watchedWorkload) awaitSteady(t *testing.T) workload.Scale {
	t.Helper()
	return w.awaitScale(t, func(s workload.Scale) bool { return !s.Asked })
}

// watcher makes a user who may do to Deployment web what the README tells.
func watcher(t *testing.T, ns string, verbs ...string) (kubeconfig string) {
	t.Helper()
	user := "watcher-of-" + ns
	kubeconfig, err := cluster.UserKubeconfig(user)
	if err != nil {
		t.Fatal(err)
	}
	rbac := "/apis/rbac.authorization.k8s.io/v1/namespaces/" + ns
	create(t, rbac+"/roles", watcherRole(verbs...))
	create(t, rbac+"/rolebindings", object{
		"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding", "metadata": object{"name": "watcher"},
		"roleRef":  object{"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "watcher"},
		"subjects": []object{{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": user}},
	})
	return kubeconfig
}

func watcherRole(verbs ...string) object {
	rules := []object{{"apiGroups": []string{"apps"}, "resources": []string{"deployments/scale"}, "resourceNames": []string{"web"}, "verbs": []string{"get", "patch"}}}
	if len(verbs) > 0 {
		rules = append(rules, object{"apiGroups": []string{"apps"}, "resources": []string{"deployments"}, "resourceNames": []string{"web"}, "verbs": verbs})
	}
	return object{"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role", "metadata": object{"name": "watcher"}, "rules": rules}
}

func patch(t *testing.T, path string, o object) {
	t.Helper()
	if err := cluster.Request(t.Context(), http.MethodPatch, path, o, nil); err != nil {
		t.Fatal(err)
	}
}

func deployment(ns string) string { return "/apis/apps/v1/namespaces/" + ns + "/deployments/web" }

func annotatePaused(t *testing.T, ns string, value any) {
	t.Helper()
	patch(t, deployment(ns), object{"metadata": object{"annotations": object{workload.PausedAnnotation: value}}})
}

// A steady workload costs no request, and a Role on its name is enough for
// that. (The issue: it is watched, not polled.)
func TestWatchedNotPolled(t *testing.T) {
	ns := namespace(t)
	createWorkload(t, ns, "Deployment", "web", 1)
	createWorkload(t, ns, "Deployment", "other", 1)
	kubeconfig := watcher(t, ns, "list", "watch")
	w := watchWorkload(t, kubeconfig, ns, "web")
	awaitObserved(t, ns)
	w.awaitSteady(t)
	w.take()
	for range 1000 {
		if scale := w.get(t); scale.Replicas != 1 || scale.UID == "" || scale.Ready == nil || *scale.Ready != 0 || scale.Pause.Any() {
			t.Fatalf("got %+v", scale)
		}
	}
	if requests := w.take(); len(requests) != 0 {
		t.Errorf("1000 reads cost %d requests: %v", len(requests), requests)
	}

	// What was written is known from the answer, and is bound to its version. A
	// controller may still write the status, which is a conflict.
	await(t, func() string {
		w.take()
		if err := w.Set(t.Context(), w.get(t), 2); err != nil {
			return err.Error()
		}
		return ""
	})
	if scale := w.get(t); scale.Replicas != 2 {
		t.Errorf("got %+v after a write of 2", scale)
	}
	if writes := slices.DeleteFunc(w.take(), func(r string) bool { return !strings.HasPrefix(r, "PATCH ") }); len(writes) != 1 {
		t.Errorf("one write took %v", writes)
	}

	other := watchWorkload(t, kubeconfig, ns, "other")
	await(t, func() string {
		if other.countLogged("warn", "cannot be watched", "list deployments.apps named other") != 1 {
			return "nothing is said about a name that the Role does not have"
		}
		return ""
	})
	if _, err := other.Get(t.Context()); workload.CauseOf(err) != workload.CauseForbidden {
		t.Errorf("got %v for a name that the Role does not have, want forbidden", err)
	}
}

// awaitObserved waits until the controllers have nothing more to write.
func awaitObserved(t *testing.T, ns string) {
	t.Helper()
	await(t, func() string {
		var d struct {
			Metadata struct{ Generation int }
			Status   struct{ ObservedGeneration, UnavailableReplicas int }
			Spec     struct{ Replicas int }
		}
		if err := cluster.Request(t.Context(), http.MethodGet, deployment(ns), nil, &d); err != nil {
			return err.Error()
		}
		if d.Status.ObservedGeneration != d.Metadata.Generation || d.Status.UnavailableReplicas != d.Spec.Replicas {
			return fmt.Sprintf("not observed: %+v", d)
		}
		return ""
	})
}

func TestWatchSeesPause(t *testing.T) {
	t.Parallel()
	ns := namespace(t)
	createWorkload(t, ns, "Deployment", "web", 1)
	w := watchWorkload(t, watcher(t, ns, "list", "watch"), ns, "web")
	scale := w.get(t)
	annotatePaused(t, ns, "true")
	// Even one that the watch has not shown yet keeps the write from happening.
	if err := w.Set(t.Context(), scale, 2); workload.CauseOf(err) != workload.CauseConflict {
		t.Errorf("got %v, want a conflict", err)
	}
	if !w.get(t).Pause.Any() {
		t.Error("the Get after a conflict knows of no pause")
	}
	annotatePaused(t, ns, "false")
	w.awaitScale(t, func(s workload.Scale) bool { return !s.Pause.Any() })
	annotatePaused(t, ns, "since the incident")
	w.awaitScale(t, func(s workload.Scale) bool { return s.Pause.Any() })
	annotatePaused(t, ns, nil)
	w.awaitScale(t, func(s workload.Scale) bool { return !s.Pause.Any() })
	if got := replicas(t, ns, "apps/v1/deployments", "web"); got != 1 {
		t.Errorf("%d replicas, want 1", got)
	}
}

// The real controllers count the Pods that are ready; the test only says that
// they are, since there is no kubelet.
func TestWatchSeesReadyReplicas(t *testing.T) {
	t.Parallel()
	ns := namespace(t)
	createWorkload(t, ns, "Deployment", "web", 2)
	w := watchWorkload(t, watcher(t, ns, "list", "watch"), ns, "web")
	ready := func(n int32) func(workload.Scale) bool {
		return func(s workload.Scale) bool { return s.Ready != nil && *s.Ready == n }
	}
	w.awaitScale(t, ready(0))
	var pods struct {
		Items []struct{ Metadata struct{ Name string } }
	}
	await(t, func() string {
		if err := cluster.Request(t.Context(), http.MethodGet, "/api/v1/namespaces/"+ns+"/pods", nil, &pods); err != nil || len(pods.Items) != 2 {
			return fmt.Sprintf("%d Pods, %v", len(pods.Items), err)
		}
		return ""
	})
	for i, pod := range pods.Items {
		patch(t, "/api/v1/namespaces/"+ns+"/pods/"+pod.Metadata.Name+"/status", object{"status": object{
			"phase": "Running", "conditions": []object{{"type": "Ready", "status": "True"}},
		}})
		w.awaitScale(t, ready(int32(i+1)))
	}
}

// Who wrote the replicas last, as the real API server notes it.
func TestWatchSeesWriter(t *testing.T) {
	t.Parallel()
	ns := namespace(t)
	createWorkload(t, ns, "Deployment", "web", 1)
	w := watchWorkload(t, watcher(t, ns, "list", "watch"), ns, "web")
	check := func(replicas int32, manager, subresource string, autoscaler bool) {
		t.Helper()
		scale := w.awaitScale(t, func(s workload.Scale) bool { return s.Replicas == replicas && s.Writer.Manager == manager })
		if scale.Writer.Subresource != subresource || scale.Writer.Autoscaler() != autoscaler {
			t.Errorf("got %+v", scale.Writer)
		}
		// The API server notes no time of a write to the scale.
		if scale.Writer.Time.IsZero() != (subresource == "scale") {
			t.Errorf("got %+v", scale.Writer)
		}
	}
	byHand := func(path, manager string, replicas int) {
		t.Helper()
		patch(t, deployment(ns)+path+"?fieldManager="+manager, object{"spec": object{"replicas": replicas}})
	}
	check(1, "Go-http-client", "", false) // the test itself

	await(t, func() string { // the controllers may get in between
		if err := w.Set(t.Context(), w.get(t), 2); err != nil {
			return err.Error()
		}
		return ""
	})
	check(2, workload.FieldManager, "scale", false)
	byHand("/scale", "kubectl", 3) // as kubectl scale does
	check(3, "kubectl", "scale", false)
	byHand("", "helm", 4) // as helm upgrade does, and kubectl apply under its own name
	check(4, "helm", "", false)
	byHand("", "kubectl-edit", 4) // the same number again is no write
	check(4, "helm", "", false)
	byHand("/scale", "keda-operator", 5)
	check(5, "keda-operator", "scale", true)

	// A real HorizontalPodAutoscaler, by the real controller manager. Without
	// metrics it still goes up to its minimum.
	if name, err := newWorkload(t, cluster.Kubeconfig, w.Ref).ScaledByHPA(t.Context()); err != nil || name != "" {
		t.Errorf("got %q, %v; there is no HorizontalPodAutoscaler yet", name, err)
	}
	create(t, "/apis/autoscaling/v2/namespaces/"+ns+"/horizontalpodautoscalers", object{
		"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "metadata": object{"name": "another"},
		"spec": object{
			"scaleTargetRef": object{"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"},
			"minReplicas":    7, "maxReplicas": 9,
		},
	})
	check(7, "kube-controller-manager", "scale", true)
	if name, err := newWorkload(t, cluster.Kubeconfig, w.Ref).ScaledByHPA(t.Context()); err != nil || name != "another" {
		t.Errorf("got %q, %v; want the HorizontalPodAutoscaler", name, err)
	}
	if _, err := w.ScaledByHPA(t.Context()); workload.CauseOf(err) != workload.CauseForbidden {
		t.Errorf("got %v without the right to list them, want forbidden", err)
	}
}

// The API server records no writer of the scale of a workload that was created by
// server-side apply without replicas, until docs/gitops.md's hand-over gives the
// field an owner.
func TestHandOverLetsWritersBeRecorded(t *testing.T) {
	t.Parallel()
	ns := namespace(t)
	apply(t, deployment(ns), "helm", workloadOf("Deployment", "web"))
	w := watchWorkload(t, watcher(t, ns, "list", "watch"), ns, "web")
	scale := func(replicas int32, manager string) workload.Scale {
		t.Helper()
		patch(t, deployment(ns)+"/scale?fieldManager="+manager, object{"spec": object{"replicas": replicas}})
		return w.awaitScale(t, func(s workload.Scale) bool { return s.Replicas == replicas })
	}
	if s := scale(3, "kubectl"); s.Writer != (workload.Writer{}) {
		t.Errorf("got %+v: the API server records it now, so say so in docs/gitops.md", s.Writer)
	}
	apply(t, deployment(ns), workload.FieldManager, object{
		"apiVersion": "apps/v1", "kind": "Deployment", "metadata": object{"name": "web"}, "spec": object{"replicas": 3},
	})
	for i, manager := range []string{"kubectl", workload.FieldManager, "kube-controller-manager"} {
		if s := scale(int32(4+i), manager); s.Writer.Manager != manager || s.Writer.Subresource != "scale" {
			t.Errorf("got %+v, want %s", s.Writer, manager)
		}
	}
}

func TestWatchSeesDeletion(t *testing.T) {
	t.Parallel()
	ns := namespace(t)
	createWorkload(t, ns, "Deployment", "web", 1)
	w := watchWorkload(t, watcher(t, ns, "list", "watch"), ns, "web")
	awaitObserved(t, ns)
	old := w.awaitSteady(t)
	if err := cluster.Request(t.Context(), http.MethodDelete, deployment(ns), nil, nil); err != nil {
		t.Fatal(err)
	}
	await(t, func() string {
		if _, err := w.Get(t.Context()); workload.CauseOf(err) != workload.CauseNotFound {
			return fmt.Sprintf("got %v, want not found", err)
		}
		return ""
	})
	createWorkload(t, ns, "Deployment", "web", 2)
	w.awaitScale(t, func(s workload.Scale) bool { return s.UID != old.UID && s.Replicas == 2 })
	// A write that is meant for the former one does not get at its successor.
	if err := w.Set(t.Context(), old, 4); workload.CauseOf(err) != workload.CauseConflict {
		t.Errorf("got %v, want a conflict", err)
	}
}

// Without the right to watch it reads as before, logs once what is lost, and
// watches as soon as it is allowed.
func TestWatchNotAllowed(t *testing.T) {
	t.Parallel()
	ns := namespace(t)
	createWorkload(t, ns, "Deployment", "web", 1)
	annotatePaused(t, ns, "true")
	w := watchWorkload(t, watcher(t, ns), ns, "web")
	await(t, func() string {
		if w.countLogged("warn", "workload cannot be watched", "list deployments.apps named web", "wait_for_ready") != 1 {
			return "the missing right is not logged"
		}
		return ""
	})
	w.awaitScale(t, func(s workload.Scale) bool {
		return s.Replicas == 1 && s.Ready == nil && !s.Pause.Any() && s.Writer == workload.Writer{} && s.Asked
	})
	patch(t, "/apis/rbac.authorization.k8s.io/v1/namespaces/"+ns+"/roles/watcher", watcherRole("list"))
	w.awaitScale(t, func(s workload.Scale) bool { return s.Pause.Any() && s.Ready != nil && s.Asked })
	await(t, func() string {
		if w.countLogged("warn", "workload cannot be watched", "watch deployments.apps named web") != 1 {
			return "the right that is still missing is not logged"
		}
		return ""
	})
	patch(t, "/apis/rbac.authorization.k8s.io/v1/namespaces/"+ns+"/roles/watcher", watcherRole("list", "watch"))
	if scale := w.awaitSteady(t); !scale.Pause.Any() {
		t.Errorf("got %+v", scale)
	}
	if warned, watched := w.countLogged("warn"), w.countLogged("info", "watched again"); warned != 2 || watched != 1 {
		t.Errorf("%d warnings and %d lines that it is watched: %q", warned, watched, w.logged)
	}
}

func TestWatchBreaksOff(t *testing.T) {
	ns := namespace(t)
	createWorkload(t, ns, "Deployment", "web", 1)
	w := watchWorkload(t, watcher(t, ns, "list", "watch"), ns, "web")
	awaitObserved(t, ns)
	w.awaitSteady(t)
	cluster.StopAPIServer()
	await(t, func() string {
		if _, err := w.Get(t.Context()); workload.CauseOf(err) != workload.CauseConnection {
			return fmt.Sprintf("got %v; the last view is no answer when the API server is gone", err)
		}
		return ""
	})
	startAPIServer(t)
	patch(t, deployment(ns)+"/scale?fieldManager=kubectl", object{"spec": object{"replicas": 3}})
	// Get needs no watch to know this.
	w.awaitScale(t, func(s workload.Scale) bool { return s.Replicas == 3 && s.Writer.Manager == "kubectl" })
	w.awaitSteady(t)
	if warnings := w.countLogged("warn") + w.countLogged("error"); warnings != 0 {
		t.Errorf("logged %q", w.logged)
	}
}
