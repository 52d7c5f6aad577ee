package workload

import (
	"context"
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

var autoscalers = schema.GroupVersionResource{Group: "autoscaling", Version: "v2", Resource: "horizontalpodautoscalers"}

// ScaledByHPA returns the name of a HorizontalPodAutoscaler of this workload,
// "" if there is none. It asks the API server each time. CauseOf its error is
// CauseForbidden if listing them is not allowed.
func (w *Workload) ScaledByHPA(ctx context.Context) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, Timeout)
	defer cancel()
	list, err := w.client.Resource(autoscalers).Namespace(w.Namespace).List(ctx, metav1.ListOptions{})
	if err != nil {
		return "", fmt.Errorf("list the HorizontalPodAutoscalers of namespace %s: %w", w.Namespace, err)
	}
	kind := schema.FromAPIVersionAndKind(w.APIVersion, w.Kind).GroupKind() // the version is of no account
	for _, hpa := range list.Items {
		ref, _, err := unstructured.NestedStringMap(hpa.Object, "spec", "scaleTargetRef")
		if err != nil {
			return "", fmt.Errorf("read HorizontalPodAutoscaler %s: %w", hpa.GetName(), err)
		}
		if ref["name"] == w.Name && schema.FromAPIVersionAndKind(ref["apiVersion"], ref["kind"]).GroupKind() == kind {
			return hpa.GetName(), nil
		}
	}
	return "", nil
}
