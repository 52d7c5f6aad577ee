package workload

import (
	"context"
	"fmt"
	"time"

	"golang.org/x/sync/singleflight"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/gate"
)

var hpas = schema.GroupVersionResource{Group: "autoscaling", Version: "v2", Resource: "horizontalpodautoscalers"}

// listFresh is for how long a list of HorizontalPodAutoscalers is used: all
// workloads of a namespace need it when a scaler starts.
const listFresh = time.Second

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

// ScaledByHPA returns the name of a HorizontalPodAutoscaler that scales the
// workload, "" if there is none, as of a second ago at most. CauseOf its error is
// CauseForbidden without the right to list them.
func (w *Workload) ScaledByHPA(ctx context.Context) (string, error) {
	list, err := w.cluster.listHPAs(ctx, w.Namespace)
	if err != nil {
		return "", fmt.Errorf("list the HorizontalPodAutoscalers of namespace %s: %w", w.Namespace, err)
	}
	kind := schema.FromAPIVersionAndKind(w.APIVersion, w.Kind).GroupKind()
	return list.scales[scaleTarget{kind, w.Name}], nil
}

// listHPAs lists those of a namespace, once for all workloads that need it.
func (c *Cluster) listHPAs(ctx context.Context, namespace string) (hpaList, error) {
	return shared(ctx, &c.calls, namespace, func(ctx context.Context) (hpaList, error) {
		c.mu.Lock()
		known := c.lists[namespace]
		c.mu.Unlock()
		if time.Since(known.at) < listFresh {
			return known, nil
		}
		read, err := c.readHPAs(ctx, namespace)
		if err == nil {
			c.mu.Lock()
			defer c.mu.Unlock()
			c.lists[namespace] = read
		}
		return read, err
	})
}

func (c *Cluster) readHPAs(ctx context.Context, namespace string) (hpaList, error) {
	var list struct {
		Items []struct {
			Spec struct {
				Target struct {
					APIVersion string `json:"apiVersion"`
					Kind       string `json:"kind"`
					Name       string `json:"name"`
				} `json:"scaleTargetRef"`
			} `json:"spec"`
			Metadata struct {
				Name string `json:"name"`
			} `json:"metadata"`
		} `json:"items"`
	}
	err := c.do(ctx, gate.Read, c.at(c.client.Get(), hpas, namespace), &list)
	if err != nil && !apierrors.IsNotFound(err) { // which is a cluster without this API
		return hpaList{}, err
	}
	read := hpaList{at: time.Now(), scales: map[scaleTarget]string{}}
	for _, hpa := range list.Items {
		kind := schema.FromAPIVersionAndKind(hpa.Spec.Target.APIVersion, hpa.Spec.Target.Kind).GroupKind()
		read.scales[scaleTarget{kind, hpa.Spec.Target.Name}] = hpa.Metadata.Name
	}
	return read, nil
}

// shared makes a call once for all that wait for the same one. It goes on if the
// caller that made it gives up.
func shared[T any](ctx context.Context, calls *singleflight.Group, key string, call func(context.Context) (T, error)) (T, error) {
	made := calls.DoChan(key, func() (any, error) { return call(context.WithoutCancel(ctx)) })
	select {
	case <-ctx.Done():
		var none T
		return none, ctx.Err()
	case r := <-made:
		result, _ := r.Val.(T)
		return result, r.Err
	}
}
