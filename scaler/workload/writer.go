package workload

import (
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// Writer is who wrote a workload's replicas, as the API server notes it in
// managedFields. The name is the writer's own, or else the first part of its
// user agent: "kubectl", "helm", "kube-controller-manager".
type Writer struct {
	Manager     string
	Subresource string // that was written to: "scale", or "" for the workload itself

	// Time is when the writer last changed anything of what it has, to the
	// second. Writes through the scale subresource are noted without a time
	// (seen with Kubernetes 1.36), so it is zero for a
	// HorizontalPodAutoscaler: that it wrote again shows in the replicas alone.
	Time time.Time
}

// Autoscaler reports whether the writer is one that is going to write again: a
// HorizontalPodAutoscaler, which the controller manager works for and which
// KEDA makes too, or KEDA itself.
func (w Writer) Autoscaler() bool {
	return w.Manager == "kube-controller-manager" && w.Subresource == "scale" || strings.HasPrefix(w.Manager, "keda")
}

// lastWriter finds who wrote the replicas last, zero if nobody is known.
// Whoever changes a field takes it from all others; who then applies the same
// number (server-side apply) has it too, but has changed nothing.
func lastWriter(o *unstructured.Unstructured) Writer {
	// GetManagedFields would decode what is most of the object.
	field, _, _ := unstructured.NestedFieldNoCopy(o.Object, "metadata", "managedFields")
	entries, _ := field.([]any)
	var last Writer
	for _, e := range entries {
		entry, ok := e.(map[string]any)
		if !ok || !hasReplicas(entry) || last != (Writer{}) && entry["operation"] == string(metav1.ManagedFieldsOperationApply) {
			continue
		}
		last.Manager, _ = entry["manager"].(string)
		last.Subresource, _ = entry["subresource"].(string)
		at, _ := entry["time"].(string)
		last.Time, _ = time.Parse(time.RFC3339, at) // zero if there is none
	}
	return last
}

// hasReplicas reports whether an entry of managedFields has the replicas.
// Where a custom resource keeps them, only its definition tells, but through
// the scale subresource nothing else can be written.
func hasReplicas(entry map[string]any) bool {
	if entry["subresource"] == "scale" {
		return true
	}
	_, found, _ := unstructured.NestedFieldNoCopy(entry, "fieldsV1", "f:spec", "f:replicas")
	return found
}
