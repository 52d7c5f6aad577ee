// Package workload reads and writes a workload's replicas through its scale
// subresource, and watches the workload itself so that a read costs no request
// while nothing changes.
package workload

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/resourceversion"

	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/gate"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/kubeapi"
)

// Timeout bounds one request. Of a watch, it bounds the time until it is open.
const Timeout = gate.Timeout

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

// RecordsZero reports whether the API server records who sets the replicas of
// such a workload to 0.
func (r Ref) RecordsZero() bool { return r.kind().Builtin() }

func (r Ref) kind() kubeapi.Kind { return kubeapi.Kind{APIVersion: r.APIVersion, Name: r.Kind} }

func (r Ref) place() kubeapi.Place { return kubeapi.Place{Namespace: r.Namespace, Name: r.Name} }

// Workload is one workload. Its methods are used by one goroutine at a time.
type Workload struct {
	Ref
	cluster *Cluster

	read   Scale  // what the scale subresource answered last; its zero if that is unknown
	seen   view   // the workload itself, as the last Get knew it
	newest string // a version that there is, so that an older one is of the past
	unsure bool   // a write has failed, so the watch is not to be relied on

	listed       bool      // the workload itself was read at least once
	refusedSince time.Time // since when that is refused; zero if it is not
}

// Get reads the workload's scale. It makes no request while the workload is
// watched (see Cluster.Watch), unless only its scale subresource tells the
// replicas, and the workload has changed. Without a watch it lists the workload.
// Without the right to list, it reads the scale alone and leaves unknown what
// that does not tell.
//
// A watch may lag, or hang unnoticed until its connection is found dead (after
// 45 s by HTTP/2's pings). That is safe: whatever Get returns belongs to one
// version of the workload, to which Set binds its write, so if the workload has
// changed since, by a pause or by another's write, the API server refuses. After
// that, Get asks the API server, and the watch only once it has caught up.
func (w *Workload) Get(ctx context.Context) (Scale, error) {
	resource, err := w.cluster.api.Find(ctx, w.kind())
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
	watched, err := w.cluster.watchedView(ctx, w.Ref)
	switch {
	case errors.Is(err, errBlind):
		return w.getBlind(ctx, resource)
	case err != nil:
		return Scale{}, err
	}
	asked := false
	for attempt := range 3 {
		if attempt == 0 && w.current(watched) {
			w.seen, w.listed = *watched, true
		} else {
			asked = true
			blind, err := w.list(ctx, resource)
			switch {
			case blind:
				return w.getBlind(ctx, resource)
			case err != nil:
				return Scale{}, err
			}
		}
		switch {
		case w.seen.gone:
			return Scale{}, apierrors.NewNotFound(resource.GroupResource(), w.Name)
		case w.seen.replicas != nil:
			scale := w.seen.scale()
			scale.Asked = asked
			return scale, nil
		case w.read.ResourceVersion != w.seen.version:
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
	scale := w.seen.complete(w.read)
	scale.Asked = asked
	return scale, nil
}

// current reports whether what a watch shows can be relied on: it makes sense,
// and is not known to be of the past.
func (w *Workload) current(v *view) bool {
	switch {
	case v == nil, v.err != nil, w.unsure:
		return false
	case v.gone, w.newest == "", v.version == w.newest:
		return true
	}
	order, err := resourceversion.CompareResourceVersion(v.version, w.newest)
	return err == nil && order > 0
}

// list reads the workload itself. It is a list because the right to that can be
// limited to a name, and is what a watch needs as well.
func (w *Workload) list(ctx context.Context, resource schema.GroupVersionResource) (blind bool, err error) {
	seen := view{gone: true}
	_, err = w.cluster.api.List(ctx, resource, w.place(), func(text json.RawMessage) {
		if at, v := viewOf(text, w.kind().Builtin()); at.Name == w.Name { // else the server ignores the selector
			seen = v
		}
	})
	switch {
	case kubeapi.Denied(err):
		if w.refusedSince.IsZero() {
			w.refusedSince = time.Now()
		}
		return !w.listed || time.Since(w.refusedSince) >= patience, fmt.Errorf("list the workload: %w", err)
	case err != nil:
		return false, fmt.Errorf("list the workload: %w", err)
	}
	w.listed, w.refusedSince = true, time.Time{}
	if seen.err != nil {
		return false, seen.err
	}
	w.seen, w.newest, w.unsure = seen, seen.version, false
	return false, nil
}

// getBlind reads the scale alone. A pause that was seen before the right to list
// was lost stays in force.
func (w *Workload) getBlind(ctx context.Context, resource schema.GroupVersionResource) (Scale, error) {
	if err := w.getScale(ctx, resource); err != nil {
		return Scale{}, err
	}
	scale := w.read
	scale.Asked = true
	if w.seen.uid == scale.UID {
		scale.Pause, scale.PauseErr = w.seen.pause, w.seen.pauseErr
	}
	return scale, nil
}

func (w *Workload) getScale(ctx context.Context, resource schema.GroupVersionResource) error {
	read, err := w.cluster.api.GetScale(ctx, resource, w.place())
	w.read = scaleOf(read)
	return err
}

// Set writes the replicas in one attempt, ahead of what is less urgent (see
// WithUrgency). It fails with a conflict if the workload has changed since the
// scale was read, by Get. After some errors the replicas may have been written
// all the same, see CauseOf.
func (w *Workload) Set(ctx context.Context, read Scale, replicas int32) error {
	resource, err := w.cluster.api.Find(ctx, w.kind())
	if err != nil {
		return fmt.Errorf("find the resource of %s %s: %w", w.APIVersion, w.Kind, err)
	}
	written, err := w.cluster.api.SetScale(ctx, resource, w.place(), read.ResourceVersion, replicas)
	if CauseOf(err) != CauseThrottled { // else nothing has changed, and nothing is to be asked for
		w.read, w.unsure = Scale{}, true
	}
	if err != nil {
		return fmt.Errorf("set the scale of %s in namespace %s to %d: %w", w, w.Namespace, replicas, err)
	}
	if now, err := written.Scale(); err == nil { // else the next Get reads it
		w.read, w.newest, w.unsure = scaleOf(now), now.ResourceVersion, false
	}
	return nil
}

// ScaledByHPA returns the name of a HorizontalPodAutoscaler that scales the
// workload, "" if there is none, as of a second ago at most. CauseOf its error is
// CauseForbidden without the right to list them.
func (w *Workload) ScaledByHPA(ctx context.Context) (string, error) {
	hpas, err := w.cluster.api.HPAs(ctx, w.Namespace)
	if err != nil {
		return "", fmt.Errorf("list the HorizontalPodAutoscalers of namespace %s: %w", w.Namespace, err)
	}
	return hpas.Scaling(w.kind(), w.Name), nil
}
