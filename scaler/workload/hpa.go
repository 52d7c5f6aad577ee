package workload

import (
	"context"
	"fmt"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
)

var hpas = schema.GroupVersionResource{Group: "autoscaling", Version: "v2", Resource: "horizontalpodautoscalers"}

// listFresh is for how long a list of HorizontalPodAutoscalers is used: all
// workloads of a namespace ask when a scaler starts.
const listFresh = time.Second

// Autoscalers finds the HorizontalPodAutoscalers of workloads. It may be used by
// any number of goroutines; they share a list of a namespace.
type Autoscalers struct {
	client dynamic.Interface
	calls  singleflight.Group

	mu    sync.Mutex
	lists map[string]hpaList // by namespace
}

type hpaList struct {
	at     time.Time
	scales map[scaleTarget]string // the name of the HorizontalPodAutoscaler
}

// scaleTarget names a workload of a namespace. The version of its API does not
// matter.
type scaleTarget struct {
	kind schema.GroupKind
	name string
}

// NewAutoscalers makes no request.
func NewAutoscalers(client dynamic.Interface) *Autoscalers {
	return &Autoscalers{client: client, lists: map[string]hpaList{}}
}

// Of returns the name of a HorizontalPodAutoscaler that scales the workload, ""
// if there is none, as of a second ago at most. CauseOf its error is
// CauseForbidden without the right to list them.
func (a *Autoscalers) Of(ctx context.Context, ref Ref) (string, error) {
	result := a.calls.DoChan(ref.Namespace, func() (any, error) {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), Timeout)
		defer cancel()
		return a.list(ctx, ref.Namespace)
	})
	select {
	case <-ctx.Done():
		return "", fmt.Errorf("list the HorizontalPodAutoscalers of namespace %s: %w", ref.Namespace, ctx.Err())
	case r := <-result:
		if r.Err != nil {
			return "", fmt.Errorf("list the HorizontalPodAutoscalers of namespace %s: %w", ref.Namespace, r.Err)
		}
		kind := schema.FromAPIVersionAndKind(ref.APIVersion, ref.Kind).GroupKind()
		return r.Val.(hpaList).scales[scaleTarget{kind, ref.Name}], nil
	}
}

func (a *Autoscalers) list(ctx context.Context, namespace string) (hpaList, error) {
	a.mu.Lock()
	known := a.lists[namespace]
	a.mu.Unlock()
	if time.Since(known.at) < listFresh {
		return known, nil
	}
	list, err := a.client.Resource(hpas).Namespace(namespace).List(ctx, metav1.ListOptions{})
	switch {
	case apierrors.IsNotFound(err): // a cluster without this API
		list = &unstructured.UnstructuredList{}
	case err != nil:
		return hpaList{}, err
	}
	read := hpaList{at: time.Now(), scales: map[scaleTarget]string{}}
	for _, hpa := range list.Items {
		ref, _, err := unstructured.NestedStringMap(hpa.Object, "spec", "scaleTargetRef")
		if err != nil {
			return hpaList{}, fmt.Errorf("read HorizontalPodAutoscaler %s: %w", hpa.GetName(), err)
		}
		kind := schema.FromAPIVersionAndKind(ref["apiVersion"], ref["kind"]).GroupKind()
		read.scales[scaleTarget{kind, ref["name"]}] = hpa.GetName()
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.lists[namespace] = read
	return read, nil
}

// ScaledByHPA returns the name of a HorizontalPodAutoscaler of this workload,
// "" if there is none. See Autoscalers.Of.
func (w *Workload) ScaledByHPA(ctx context.Context) (string, error) {
	return w.autoscalers.Of(ctx, w.Ref)
}
