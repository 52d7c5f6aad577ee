package workload

import (
	"encoding/json"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	utiljson "k8s.io/apimachinery/pkg/util/json"
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

// managedField is what is read of an entry of managedFields.
type managedField struct {
	Manager     string `json:"manager"`
	Operation   string `json:"operation"`
	Subresource string `json:"subresource"`
	Time        string `json:"time"`
	Fields      struct {
		Spec struct {
			Replicas json.RawMessage `json:"f:replicas"`
		} `json:"f:spec"`
	} `json:"fieldsV1"`
}

// lastWriter finds the last writer of the replicas, zero if it is unknown. A
// writer that changes a field takes it from all others. One that then applies
// the same number (server-side apply) owns it too, but has changed nothing.
func lastWriter(managedFields json.RawMessage) Writer {
	var entries []managedField
	if len(managedFields) == 0 || utiljson.Unmarshal(managedFields, &entries) != nil {
		return Writer{}
	}
	var last Writer
	for _, e := range entries {
		if !e.hasReplicas() || last != (Writer{}) && e.Operation == string(metav1.ManagedFieldsOperationApply) {
			continue
		}
		last = Writer{Manager: e.Manager, Subresource: e.Subresource}
		last.Time, _ = time.Parse(time.RFC3339, e.Time) // zero if there is none
	}
	return last
}

// hasReplicas reports whether the entry owns the replicas. Only its definition
// tells where a custom resource keeps them, but nothing else can be written
// through the scale subresource.
func (f managedField) hasReplicas() bool {
	return f.Subresource == "scale" || f.Fields.Spec.Replicas != nil
}
