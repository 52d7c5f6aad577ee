package workload

import (
	"encoding/json"
	"testing"
	"time"
)

type jsonObject = map[string]any

func textOf(t *testing.T, v any) []byte {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func TestView(t *testing.T) {
	metadata := func(annotations jsonObject) jsonObject {
		return jsonObject{"name": "web", "uid": "u", "resourceVersion": "7", "generation": int64(3), "annotations": annotations}
	}
	ready := func(n int32) *int32 { return &n }
	both, until := Pause{Up: true, Down: true}, time.Date(2026, 12, 1, 7, 0, 0, 0, time.UTC)
	type a = jsonObject
	for _, c := range []struct {
		name   string
		object jsonObject
		paused Pause
		ready  *int32
	}{
		{"no status", jsonObject{"kind": "Deployment", "metadata": metadata(nil)}, Pause{}, ready(0)},
		{"ready", jsonObject{"kind": "Deployment", "metadata": metadata(nil), "status": jsonObject{"readyReplicas": int64(3)}}, Pause{}, ready(3)},
		{"no Pods yet", jsonObject{"kind": "StatefulSet", "metadata": metadata(nil), "status": jsonObject{"replicas": int64(3)}}, Pause{}, ready(0)},
		{"another kind without the field", jsonObject{"kind": "Engine", "metadata": metadata(nil)}, Pause{}, nil},
		{"another kind with the field", jsonObject{"kind": "Engine", "metadata": metadata(nil), "status": jsonObject{"readyReplicas": int64(2)}}, Pause{}, ready(2)},
		{"paused", jsonObject{"kind": "Deployment", "metadata": metadata(jsonObject{PausedAnnotation: "true"})}, both, ready(0)},
		{"paused since", jsonObject{"kind": "Deployment", "metadata": metadata(jsonObject{PausedAnnotation: "since Friday"})}, both, ready(0)},
		{"paused, empty", jsonObject{"kind": "Deployment", "metadata": metadata(jsonObject{PausedAnnotation: ""})}, both, ready(0)},
		{"not paused", jsonObject{"kind": "Deployment", "metadata": metadata(jsonObject{PausedAnnotation: "false"})}, Pause{}, ready(0)},
		{"no step up", jsonObject{"kind": "Deployment", "metadata": metadata(a{PausedAnnotation: "up"})}, Pause{Up: true}, ready(0)},
		{"no step down", jsonObject{"kind": "Deployment", "metadata": metadata(a{PausedAnnotation: " down"})}, Pause{Down: true}, ready(0)},
		{"until", jsonObject{"kind": "Deployment", "metadata": metadata(a{PausedAnnotation: "down", PausedUntilAnnotation: "2026-12-01T07:00:00Z"})}, Pause{Down: true, Until: until}, ready(0)},
		{"until alone", jsonObject{"kind": "Deployment", "metadata": metadata(a{PausedUntilAnnotation: "2026-12-01T07:00:00Z"})}, Pause{Up: true, Down: true, Until: until}, ready(0)},
		{"not paused until", jsonObject{"kind": "Deployment", "metadata": metadata(a{PausedAnnotation: "false", PausedUntilAnnotation: "2026-12-01T07:00:00Z"})}, Pause{}, ready(0)},
		{"another's pause", jsonObject{"kind": "Deployment", "metadata": metadata(jsonObject{"paused": "true"})}, Pause{}, ready(0)},
	} {
		t.Run(c.name, func(t *testing.T) {
			at, got := viewOf(textOf(t, c.object), c.object["kind"] != "Engine")
			if at.Name != "web" || got.err != nil || got.version != "7" || got.uid != "u" || got.generation != 3 || got.pause != c.paused || got.pauseErr != nil {
				t.Errorf("got %+v of %v", got, at)
			}
			if (got.ready == nil) != (c.ready == nil) || got.ready != nil && *got.ready != *c.ready {
				t.Errorf("got %v ready, want %v", got.ready, c.ready)
			}
		})
	}
	_, got := viewOf(textOf(t, jsonObject{"metadata": metadata(a{PausedUntilAnnotation: "Friday"})}), true)
	if got.err != nil || got.pause != both || got.pauseErr == nil {
		t.Errorf("until no time: got %+v, want a pause without an end, and an error", got)
	}
	for _, bad := range []jsonObject{
		{"metadata": jsonObject{"name": "web"}},
		{"metadata": metadata(nil), "status": jsonObject{"readyReplicas": "two"}},
		{"metadata": metadata(nil), "status": jsonObject{"readyReplicas": int64(-1)}},
		{"metadata": metadata(nil), "status": "fine"},
		{"metadata": metadata(nil), "spec": jsonObject{"replicas": "two"}},
		{"metadata": metadata(nil), "spec": jsonObject{"replicas": int64(-1)}},
		{"metadata": metadata(nil), "spec": jsonObject{"replicas": int64(1) << 40}},
	} {
		if at, got := viewOf(textOf(t, bad), true); got.err == nil || at.Name != "web" {
			t.Errorf("%v: got %+v of %v, want an error of web", bad, got, at)
		}
	}
}

// Where a custom resource keeps its replicas is told by its definition alone.
func TestViewTellsReplicasOfKnownKindsOnly(t *testing.T) {
	text := textOf(t, jsonObject{"metadata": jsonObject{"name": "web", "resourceVersion": "7"}, "spec": jsonObject{"replicas": int64(2)}})
	if _, v := viewOf(text, true); v.err != nil || v.replicas == nil || *v.replicas != 2 {
		t.Errorf("got %+v", v)
	}
	if _, v := viewOf(text, false); v.err != nil || v.replicas != nil {
		t.Errorf("got %+v, want no replicas", v)
	}
}

func TestLastWriter(t *testing.T) {
	entry := func(manager, operation, subresource string, has jsonObject) any {
		e := jsonObject{"manager": manager, "operation": operation, "fieldsV1": has}
		if subresource != "" {
			e["subresource"] = subresource
		}
		return e
	}
	const at = "2026-01-02T03:04:05Z"
	timed := jsonObject{"manager": "helm", "operation": "Update", "time": at, "fieldsV1": jsonObject{"f:spec": jsonObject{"f:replicas": jsonObject{}}}}
	replicas := jsonObject{"f:spec": jsonObject{"f:replicas": jsonObject{}}}
	template := jsonObject{"f:spec": jsonObject{"f:template": jsonObject{}}}
	for _, c := range []struct {
		name    string
		entries any
		want    Writer
	}{
		{"no managedFields", nil, Writer{}},
		{"no owner", []any{entry("helm", "Update", "", template)}, Writer{}},
		{"the workload itself", []any{entry("helm", "Update", "", replicas)}, Writer{Manager: "helm"}},
		{"with a time", []any{timed}, Writer{Manager: "helm", Time: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)}},
		{"applied", []any{entry("argocd-controller", "Apply", "", replicas)}, Writer{Manager: "argocd-controller"}},
		{"the scale", []any{entry("kubectl", "Update", "scale", replicas), entry("helm", "Update", "", template)}, Writer{Manager: "kubectl", Subresource: "scale"}},
		{"a custom resource's scale", []any{entry("kubectl", "Update", "scale", jsonObject{"f:spec": jsonObject{"f:nodes": jsonObject{}}})}, Writer{Manager: "kubectl", Subresource: "scale"}},
		{"the same number applied since", []any{entry("argocd-controller", "Apply", "", replicas), entry("kube-controller-manager", "Update", "scale", replicas)}, Writer{Manager: "kube-controller-manager", Subresource: "scale"}},
		{"the same, in the other order", []any{entry("kube-controller-manager", "Update", "scale", replicas), entry("argocd-controller", "Apply", "", replicas)}, Writer{Manager: "kube-controller-manager", Subresource: "scale"}},
		{"nonsense", []any{"x", jsonObject{"fieldsV1": "x"}, jsonObject{"manager": 1, "fieldsV1": jsonObject{"f:spec": 1}}}, Writer{}},
		{"no list", "x", Writer{}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := lastWriter(textOf(t, c.entries)); got != c.want {
				t.Errorf("got %+v, want %+v", got, c.want)
			}
		})
	}
}

func TestAutoscaler(t *testing.T) {
	for w, want := range map[Writer]bool{
		{}: false, // unknown
		{Manager: "kube-controller-manager", Subresource: "scale"}:  true,
		{Manager: "kube-controller-manager", Subresource: "status"}: false,
		{Manager: "kube-controller-manager"}:                        false, // a Deployment's ReplicaSet
		{Manager: "keda", Subresource: "scale"}:                     true,
		{Manager: "keda-operator"}:                                  true,
		{Manager: "kubectl", Subresource: "scale"}:                  false,
		{Manager: FieldManager, Subresource: "scale"}:               false,
		{Manager: "argocd-controller"}:                              false,
	} {
		if got := w.Autoscaler(); got != want {
			t.Errorf("%+v: got %t", w, got)
		}
	}
}

func TestScaler(t *testing.T) {
	for w, want := range map[Writer]bool{
		{}: false, // unknown
		{Manager: FieldManager, Subresource: "scale"}: true,
		{Manager: FieldManager}:                       false, // as docs/gitops.md hands the field over
		{Manager: "kubectl", Subresource: "scale"}:    false,
	} {
		if got := w.Scaler(); got != want {
			t.Errorf("%+v: got %t", w, got)
		}
	}
}
