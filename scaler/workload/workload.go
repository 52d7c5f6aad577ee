// Package workload reads and writes a workload's replicas through its scale
// subresource, and watches the workload itself so that a read costs no request
// while nothing changes.
package workload

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/dynamic"
)

// Timeout bounds one Get or Set.
const Timeout = 5 * time.Second

// FieldManager is the scaler's name in a workload's managedFields.
const FieldManager = "camunda-scaler"

// Ref names a workload.
type Ref struct {
	APIVersion string // e.g. apps/v1
	Kind       string // e.g. Deployment
	Namespace  string
	Name       string
}

// String returns kind/name, the kind in lower case as kubectl prints it.
func (r Ref) String() string { return strings.ToLower(r.Kind) + "/" + r.Name }

// Resources finds the resource that serves a kind, such as deployments for
// Deployment. It returns an error if that has no scale subresource.
type Resources interface {
	Find(ctx context.Context, apiVersion, kind string) (schema.GroupVersionResource, error)
}

// Workload is one workload. Get, Set and ScaledByHPA are used by one goroutine
// at a time; Watch may run at the same time.
type Workload struct {
	Ref
	client      dynamic.Interface
	resources   Resources
	autoscalers *Autoscalers

	read Scale // the answer to the last Get or Set; its zero if that is unknown
	seen view  // the workload itself, as the last Get knew it

	mu       sync.Mutex
	resource schema.GroupVersionResource // zero until found
	watched  *view                       // nil unless a watch is open

	listed       bool      // a list was answered at least once
	refusedSince time.Time // since when lists are refused; zero if the last was not
	blind        bool      // the right to list is missing
}

// New returns the workload that ref names. It makes no request.
func New(ref Ref, client dynamic.Interface, resources Resources, autoscalers *Autoscalers) *Workload {
	return &Workload{Ref: ref, client: client, resources: resources, autoscalers: autoscalers}
}

// Get reads the workload's scale. It makes no request while Watch watches the
// workload and nothing of it has changed since the last Get or Set. Without a
// watch it lists the workload. Without the right to list, it reads the scale
// alone and leaves unknown what that does not tell.
//
// A watch may lag, or hang unnoticed until its connection is found dead (after
// 45 s by HTTP/2's pings). That is safe: whatever Get returns belongs to one
// version of the workload, to which Set binds its write, so if the workload has
// changed since, by a pause or by another's write, the API server refuses. After
// that, Get asks the API server and not the watch.
func (w *Workload) Get(ctx context.Context) (Scale, error) {
	ctx, cancel := context.WithTimeout(ctx, Timeout)
	defer cancel()
	resource, err := w.find(ctx)
	if err != nil {
		return Scale{}, fmt.Errorf("find the resource of %s %s: %w", w.APIVersion, w.Kind, err)
	}
	scale, err := w.get(ctx, resource)
	if err != nil {
		return Scale{}, fmt.Errorf("get the scale of %s in namespace %s: %w", w, w.Namespace, err)
	}
	return scale, nil
}

func (w *Workload) get(ctx context.Context, resource schema.GroupVersionResource) (Scale, error) {
	watched, blind := w.known()
	if blind {
		return w.getBlind(ctx, resource)
	}
	asked := false
	for attempt := range 3 {
		if watched != nil && attempt == 0 {
			w.seen = *watched
		} else {
			seen, _, err := w.list(ctx, resource)
			if refused(err) && w.refuse() {
				return w.getBlind(ctx, resource)
			}
			if err != nil {
				return Scale{}, err
			}
			w.seen, asked = seen, true
		}
		if w.seen.gone {
			return Scale{}, apierrors.NewNotFound(resource.GroupResource(), w.Name)
		}
		if w.read.ResourceVersion != w.seen.version {
			asked = true
			if err := w.getScale(ctx, resource); err != nil {
				return Scale{}, err
			}
		}
		if w.read.ResourceVersion == w.seen.version {
			break
		}
		// Either the watch lags, or the workload has changed just now.
	}
	// If it changed each time, the older version is the one of which both are
	// true, or a write is refused.
	return w.seen.complete(w.read, asked), nil
}

// getBlind reads the scale alone. A pause that was seen before the right to list
// was lost stays in force.
func (w *Workload) getBlind(ctx context.Context, resource schema.GroupVersionResource) (Scale, error) {
	if err := w.getScale(ctx, resource); err != nil {
		return Scale{}, err
	}
	scale := w.read
	scale.Asked = true
	scale.Paused = w.seen.paused && w.seen.uid == scale.UID
	return scale, nil
}

func (w *Workload) getScale(ctx context.Context, resource schema.GroupVersionResource) error {
	w.read = Scale{}
	got, err := w.client.Resource(resource).Namespace(w.Namespace).Get(ctx, w.Name, metav1.GetOptions{}, "scale")
	if err == nil {
		w.read, err = parse(got)
	}
	return err
}

// Set writes the replicas in one attempt. It fails with a conflict if the
// workload has changed since the scale was read, by Get. After some errors the
// replicas may have been written all the same, see CauseOf.
func (w *Workload) Set(ctx context.Context, read Scale, replicas int32) error {
	ctx, cancel := context.WithTimeout(ctx, Timeout)
	defer cancel()
	w.read = Scale{} // whatever the result, what was read is no longer true
	patch, err := json.Marshal(map[string]any{
		"metadata": map[string]any{"resourceVersion": read.ResourceVersion},
		"spec":     map[string]any{"replicas": replicas},
	})
	if err != nil {
		return fmt.Errorf("encode a patch: %w", err)
	}
	resource, _ := w.found()
	written, err := w.client.Resource(resource).Namespace(w.Namespace).
		Patch(ctx, w.Name, types.MergePatchType, patch, metav1.PatchOptions{FieldManager: FieldManager}, "scale")
	if err != nil {
		return fmt.Errorf("set the scale of %s in namespace %s to %d: %w", w, w.Namespace, replicas, err)
	}
	if now, err := parse(written); err == nil { // else the next Get reads it
		w.read = now
	}
	return nil
}

// find returns the resource that serves the workload's kind.
func (w *Workload) find(ctx context.Context) (schema.GroupVersionResource, error) {
	if resource, ok := w.found(); ok {
		return resource, nil
	}
	resource, err := w.resources.Find(ctx, w.APIVersion, w.Kind)
	if err != nil {
		return resource, err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.resource = resource
	return resource, nil
}

func (w *Workload) found() (schema.GroupVersionResource, bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.resource, w.resource.Resource != ""
}
