// Package workload reads and writes a workload's replicas through its scale
// subresource, and nothing else of it.
package workload

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/dynamic"
)

// Timeout bounds one request to the API server.
const Timeout = 5 * time.Second

// Ref names a workload.
type Ref struct {
	APIVersion string // e.g. apps/v1
	Kind       string // e.g. Deployment
	Namespace  string
	Name       string
}

// String returns kind/name, the kind in lower case as kubectl prints it.
func (r Ref) String() string { return strings.ToLower(r.Kind) + "/" + r.Name }

// Scale is what was read: how many replicas are asked for (spec.replicas), and
// the version that a write is bound to.
type Scale struct {
	Replicas        int32
	ResourceVersion string
	UID             string // of the workload
}

// Resources finds the resource that serves a kind, such as deployments for
// Deployment, and makes sure that it has a scale subresource.
type Resources interface {
	Find(ctx context.Context, apiVersion, kind string) (schema.GroupVersionResource, error)
}

// Workload is one workload. It is used by one goroutine at a time.
type Workload struct {
	Ref
	client    dynamic.Interface
	resources Resources
	resource  schema.GroupVersionResource // zero until found
}

// New returns the workload that ref names. It makes no request.
func New(ref Ref, client dynamic.Interface, resources Resources) *Workload {
	return &Workload{Ref: ref, client: client, resources: resources}
}

// Get reads the workload's scale.
func (w *Workload) Get(ctx context.Context) (Scale, error) {
	ctx, cancel := context.WithTimeout(ctx, Timeout)
	defer cancel()
	if w.resource.Resource == "" {
		resource, err := w.resources.Find(ctx, w.APIVersion, w.Kind)
		if err != nil {
			return Scale{}, fmt.Errorf("find the resource of %s %s: %w", w.APIVersion, w.Kind, err)
		}
		w.resource = resource
	}
	got, err := w.client.Resource(w.resource).Namespace(w.Namespace).Get(ctx, w.Name, metav1.GetOptions{}, "scale")
	if err != nil {
		return Scale{}, fmt.Errorf("get the scale of %s in namespace %s: %w", w, w.Namespace, err)
	}
	return parse(got)
}

// Set writes the replicas in one attempt. It fails with a conflict if the
// workload has changed since the scale was read. CauseOf tells after which
// errors the write may have happened all the same.
func (w *Workload) Set(ctx context.Context, read Scale, replicas int32) error {
	ctx, cancel := context.WithTimeout(ctx, Timeout)
	defer cancel()
	patch, err := json.Marshal(map[string]any{
		"metadata": map[string]any{"resourceVersion": read.ResourceVersion},
		"spec":     map[string]any{"replicas": replicas},
	})
	if err != nil {
		return fmt.Errorf("encode a patch: %w", err)
	}
	_, err = w.client.Resource(w.resource).Namespace(w.Namespace).
		Patch(ctx, w.Name, types.MergePatchType, patch, metav1.PatchOptions{}, "scale")
	if err != nil {
		return fmt.Errorf("set the scale of %s in namespace %s to %d: %w", w, w.Namespace, replicas, err)
	}
	return nil
}

func parse(o *unstructured.Unstructured) (Scale, error) {
	// A missing field is 0: the API server leaves zeros out.
	replicas, _, err := unstructured.NestedInt64(o.Object, "spec", "replicas")
	if err != nil {
		return Scale{}, fmt.Errorf("read spec.replicas of a scale: %w", err)
	}
	if replicas < 0 || replicas > math.MaxInt32 {
		return Scale{}, fmt.Errorf("read spec.replicas of a scale: %d is no number of replicas", replicas)
	}
	if o.GetResourceVersion() == "" {
		return Scale{}, fmt.Errorf("read a scale: it has no resourceVersion, so a write could not be made safe")
	}
	return Scale{Replicas: int32(replicas), ResourceVersion: o.GetResourceVersion(), UID: string(o.GetUID())}, nil
}
