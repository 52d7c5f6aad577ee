package kubeapi

import (
	"context"
	"time"

	"golang.org/x/sync/singleflight"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/gate"
)

var hpaResource = schema.GroupVersionResource{Group: "autoscaling", Version: "v2", Resource: "horizontalpodautoscalers"}

// listFresh is for how long a list of HorizontalPodAutoscalers is used: all
// workloads of a namespace need it when a scaler starts.
const listFresh = time.Second

// HPAs are the HorizontalPodAutoscalers of a namespace.
type HPAs struct {
	at     time.Time
	scales map[scaleTarget]string // the name of the HorizontalPodAutoscaler
}

// scaleTarget names a workload of a namespace. The version of its API does not
// matter.
type scaleTarget struct {
	kind schema.GroupKind
	name string
}

// Scaling returns the name of the HorizontalPodAutoscaler that scales a
// workload, "" if there is none.
func (h HPAs) Scaling(k Kind, workload string) string {
	return h.scales[scaleTarget{schema.FromAPIVersionAndKind(k.APIVersion, k.Name).GroupKind(), workload}]
}

// HPAs lists those of a namespace, once for all workloads that need it. The list
// may be a second old.
func (c *Client) HPAs(ctx context.Context, namespace string) (HPAs, error) {
	return shared(ctx, &c.calls, namespace, func(ctx context.Context) (HPAs, error) {
		c.mu.Lock()
		known := c.hpas[namespace]
		c.mu.Unlock()
		if time.Since(known.at) < listFresh {
			return known, nil
		}
		read, err := c.readHPAs(ctx, namespace)
		if err == nil {
			c.mu.Lock()
			defer c.mu.Unlock()
			c.hpas[namespace] = read
		}
		return read, err
	})
}

func (c *Client) readHPAs(ctx context.Context, namespace string) (HPAs, error) {
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
	err := c.do(ctx, gate.Read, c.at(c.rest.Get(), hpaResource, namespace), &list)
	if err != nil && !apierrors.IsNotFound(err) { // which is a cluster without this API
		return HPAs{}, err
	}
	read := HPAs{at: time.Now(), scales: map[scaleTarget]string{}}
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
