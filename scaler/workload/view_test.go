package workload

import (
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

func TestView(t *testing.T) {
	metadata := func(annotations object) object {
		return object{"name": "web", "uid": "u", "resourceVersion": "7", "generation": int64(3), "annotations": annotations}
	}
	ready := func(n int32) *int32 { return &n }
	for _, c := range []struct {
		name   string
		object object
		paused bool
		ready  *int32
	}{
		{"no status", object{"kind": "Deployment", "metadata": metadata(nil)}, false, ready(0)},
		{"ready", object{"kind": "Deployment", "metadata": metadata(nil), "status": object{"readyReplicas": int64(3)}}, false, ready(3)},
		{"no Pods yet", object{"kind": "StatefulSet", "metadata": metadata(nil), "status": object{"replicas": int64(3)}}, false, ready(0)},
		{"another kind without the field", object{"kind": "Engine", "metadata": metadata(nil)}, false, nil},
		{"another kind with the field", object{"kind": "Engine", "metadata": metadata(nil), "status": object{"readyReplicas": int64(2)}}, false, ready(2)},
		{"paused", object{"kind": "Deployment", "metadata": metadata(object{PausedAnnotation: "true"})}, true, ready(0)},
		{"paused since", object{"kind": "Deployment", "metadata": metadata(object{PausedAnnotation: "since Friday"})}, true, ready(0)},
		{"paused, empty", object{"kind": "Deployment", "metadata": metadata(object{PausedAnnotation: ""})}, true, ready(0)},
		{"not paused", object{"kind": "Deployment", "metadata": metadata(object{PausedAnnotation: "false"})}, false, ready(0)},
		{"another's pause", object{"kind": "Deployment", "metadata": metadata(object{"paused": "true"})}, false, ready(0)},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.object["apiVersion"] = "apps/v1"
			got, err := viewOf(&unstructured.Unstructured{Object: c.object})
			if err != nil || got.version != "7" || got.uid != "u" || got.generation != 3 || got.paused != c.paused {
				t.Errorf("got %+v, %v", got, err)
			}
			if (got.ready == nil) != (c.ready == nil) || got.ready != nil && *got.ready != *c.ready {
				t.Errorf("got %v ready, want %v", got.ready, c.ready)
			}
		})
	}
	for _, bad := range []object{
		{"metadata": object{"name": "web"}},
		{"metadata": metadata(nil), "status": object{"readyReplicas": "two"}},
		{"metadata": metadata(nil), "status": object{"readyReplicas": int64(-1)}},
		{"metadata": metadata(nil), "status": "fine"},
	} {
		if got, err := viewOf(&unstructured.Unstructured{Object: bad}); err == nil {
			t.Errorf("%v: got %+v, want an error", bad, got)
		}
	}
}

func TestLastWriter(t *testing.T) {
	entry := func(manager, operation, subresource string, has object) any {
		e := object{"manager": manager, "operation": operation, "fieldsV1": has}
		if subresource != "" {
			e["subresource"] = subresource
		}
		return e
	}
	const at = "2026-01-02T03:04:05Z"
	timed := object{"manager": "helm", "operation": "Update", "time": at, "fieldsV1": object{"f:spec": object{"f:replicas": object{}}}}
	replicas := object{"f:spec": object{"f:replicas": object{}}}
	template := object{"f:spec": object{"f:template": object{}}}
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
		{"a custom resource's scale", []any{entry("kubectl", "Update", "scale", object{"f:spec": object{"f:nodes": object{}}})}, Writer{Manager: "kubectl", Subresource: "scale"}},
		{"the same number applied since", []any{entry("argocd-controller", "Apply", "", replicas), entry("kube-controller-manager", "Update", "scale", replicas)}, Writer{Manager: "kube-controller-manager", Subresource: "scale"}},
		{"the same, in the other order", []any{entry("kube-controller-manager", "Update", "scale", replicas), entry("argocd-controller", "Apply", "", replicas)}, Writer{Manager: "kube-controller-manager", Subresource: "scale"}},
		{"nonsense", []any{"x", object{"fieldsV1": "x"}, object{"manager": 1, "fieldsV1": object{"f:spec": 1}}}, Writer{}},
		{"no list", "x", Writer{}},
	} {
		t.Run(c.name, func(t *testing.T) {
			o := &unstructured.Unstructured{Object: object{"metadata": object{"managedFields": c.entries}}}
			if got := lastWriter(o); got != c.want {
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
