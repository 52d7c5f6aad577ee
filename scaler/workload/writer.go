package workload

import (
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// Writer is who wrote a workload's replicas, as the API server notes it in
// managedFields. The name is the writer's own, or else the first part of its
// user agent: "kubectl-client-side-apply", "helm", "kube-controller-manager".
type Writer struct {
	Manager     string
	Subresource string    // that was written to: "scale", or "" for the workload itself
	Time        time.Time // to the second
}

// Autoscaler reports whether the writer is one that is going to write again: a
// HorizontalPodAutoscaler, which the controller manager works for and which
// KEDA makes too, or KEDA itself.
func (w Writer) Autoscaler() bool {
	return w.Manager == "kube-controller-manager" && w.Subresource == "scale" || strings.HasPrefix(w.Manager, "keda")
}

// lastWriter finds who wrote the replicas last, zero if nobody is known.
// Whoever changes a field takes it from all others, so there are several only
// if they applied the same number.
func lastWriter(o *unstructured.Unstructured) Writer {
	// GetManagedFields would decode what is most of the object.
	entries, _, _ := unstructured.NestedFieldNoCopy(o.Object, "metadata", "managedFields")
	list, _ := entries.([]any)
	var last Writer
	for _, e := range list {
		entry, ok := e.(map[string]any)
		if !ok || !wroteReplicas(entry) {
			continue
		}
		text, _, _ := unstructured.NestedString(entry, "time")
		at, _ := time.Parse(time.RFC3339, text) // zero if unknown, which is earlier than any
		if at.Before(last.Time) {
			continue
		}
		last.Time = at
		last.Manager, _, _ = unstructured.NestedString(entry, "manager")
		last.Subresource, _, _ = unstructured.NestedString(entry, "subresource")
	}
	return last
}

// wroteReplicas reports whether an entry of managedFields owns the replicas.
// Where a custom resource has them, only its definition tells, but through the
// scale subresource nothing else can be written.
func wroteReplicas(entry map[string]any) bool {
	if entry["subresource"] == "scale" {
		return true
	}
	_, found, _ := unstructured.NestedFieldNoCopy(entry, "fieldsV1", "f:spec", "f:replicas")
	return found
}
