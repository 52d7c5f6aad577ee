package workload

import (
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// Writer is the last writer of a workload's replicas, as the API server records
// it in managedFields. That records none while nobody owns the field: for an
// object that was created by server-side apply without replicas, writes to the
// scale subresource leave no trace (seen with Kubernetes 1.36).
type Writer struct {
	// Manager is the name that the writer gave, or else the first part of its
	// user agent: "kubectl", "helm", "kube-controller-manager".
	Manager     string
	Subresource string // that was written to: "scale", or "" for the workload itself

	// Time is when the writer last changed any field that it owns, to the
	// second. It is zero for the scale subresource, whose writes are recorded
	// without a time (seen with Kubernetes 1.36).
	Time time.Time
}

// Autoscaler reports whether the writer is an autoscaler, which is going to write
// again: a HorizontalPodAutoscaler (the controller manager writes for it, and
// KEDA creates one), or KEDA itself.
func (w Writer) Autoscaler() bool {
	return w.Manager == "kube-controller-manager" && w.Subresource == "scale" || strings.HasPrefix(w.Manager, "keda")
}

// Scaler reports whether the writer is a camunda-scaler, this one or another.
func (w Writer) Scaler() bool { return w.Manager == FieldManager && w.Subresource == "scale" }

// lastWriter finds the last writer of the replicas, zero if it is unknown. A
// writer that changes a field takes it from all others. One that then applies
// the same number (server-side apply) owns it too, but has changed nothing.
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

// hasReplicas reports whether an entry of managedFields owns the replicas. Only
// its definition tells where a custom resource keeps them, but nothing else can
// be written through the scale subresource.
func hasReplicas(entry map[string]any) bool {
	if entry["subresource"] == "scale" {
		return true
	}
	_, found, _ := unstructured.NestedFieldNoCopy(entry, "fieldsV1", "f:spec", "f:replicas")
	return found
}
