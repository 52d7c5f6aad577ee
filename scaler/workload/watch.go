package workload

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/go-kit/log"
	"github.com/go-kit/log/level"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/apimachinery/pkg/watch"
)

// watchLasts is for how long the API server is requested to keep a watch open, at
// least. Each is up to twice as long, so that they do not all end together.
const watchLasts = 5 * time.Minute

// patience is for how long a refusal is ignored once a list was answered: an API
// server that has just started refuses everything until it has read the RBAC
// rules, and that must not hide a pause.
const patience = 10 * time.Second

// Watch watches the workload until ctx ends, so that Get needs no request.
// Nothing depends on it: while there is no watch, Get makes requests. A missing
// right is logged once, with what is lost by it. Any other failure is retried
// and logged at debug, since Get meets it as well.
//
// One object needs nothing of client-go's Reflector: it is listed again whenever
// a watch ends, which costs no more than resuming the watch, and each list is
// consistent, where a Reflector's first one may be older than what Get has read.
func (w *Workload) Watch(ctx context.Context, logger log.Logger) {
	logger = log.With(logger, "namespace", w.Namespace, "workload", w)
	initial := wait.Backoff{Duration: time.Second, Factor: 2, Jitter: 1, Steps: 100, Cap: 30 * time.Second}
	backoff := initial
	missing := "" // the verb whose right is missing
	opened := func() {
		if missing != "" {
			level.Info(logger).Log("msg", "workload is watched again")
		}
		missing = ""
	}
	for ctx.Err() == nil {
		started := time.Now()
		err := w.watch(ctx, opened)
		if ctx.Err() != nil {
			return
		}
		var right *missingRightError
		switch {
		case errors.As(err, &right) && right.verb != missing:
			missing = right.verb
			level.Warn(logger).Log("msg", "workload cannot be watched", "missing_right", right.name(), "lost", right.lost(), "err", err)
		default:
			level.Debug(logger).Log("msg", "watch ended", "err", err)
		}
		if time.Since(started) > time.Minute { // it had worked, or hung long enough
			backoff = initial
		}
		select {
		case <-ctx.Done():
		case <-time.After(backoff.Step()):
		}
	}
}

// watch lists the workload and watches it until that ends.
func (w *Workload) watch(ctx context.Context, opened func()) error {
	lasts := watchLasts + rand.N(watchLasts)
	ctx, cancel := context.WithTimeout(ctx, lasts+Timeout) // if the server does not end it
	defer cancel()
	resource, err := w.find(ctx)
	if err != nil {
		return fmt.Errorf("find the resource of %s %s: %w", w.APIVersion, w.Kind, err)
	}
	listing, done := context.WithTimeout(ctx, Timeout)
	seen, version, err := w.list(listing, resource)
	done()
	if refused(err) && w.refuse() {
		return &missingRightError{"list", resource, w.Name, err}
	}
	if err != nil {
		return err
	}
	seconds := int64(lasts.Seconds())
	stream, err := w.client.Resource(resource).Namespace(w.Namespace).
		Watch(ctx, metav1.ListOptions{FieldSelector: w.selector(), ResourceVersion: version, TimeoutSeconds: &seconds})
	if refused(err) {
		return &missingRightError{"watch", resource, w.Name, err}
	}
	if err != nil {
		return fmt.Errorf("watch the workload: %w", err)
	}
	defer stream.Stop()
	defer w.setWatched(nil)
	w.setWatched(&seen)
	opened()
	for event := range stream.ResultChan() {
		if event.Type == watch.Error {
			return fmt.Errorf("watch the workload: %w", apierrors.FromObject(event.Object))
		}
		o, ok := event.Object.(*unstructured.Unstructured)
		if !ok {
			return fmt.Errorf("watch the workload: got a %T", event.Object)
		}
		if o.GetName() != w.Name {
			continue // from a server that ignores the selector
		}
		seen := view{gone: true}
		if event.Type != watch.Deleted {
			if seen, err = viewOf(o); err != nil {
				return err
			}
		}
		w.setWatched(&seen)
	}
	return nil
}

// list reads the workload itself, and from which version on it can be watched.
// It is a list because a watch can start from one even if there is no workload.
func (w *Workload) list(ctx context.Context, resource schema.GroupVersionResource) (view, string, error) {
	list, err := w.client.Resource(resource).Namespace(w.Namespace).List(ctx, metav1.ListOptions{FieldSelector: w.selector()})
	if err != nil {
		return view{}, "", fmt.Errorf("list the workload: %w", err)
	}
	w.allow()
	for _, o := range list.Items {
		if o.GetName() != w.Name {
			continue // from a server that ignores the selector
		}
		seen, err := viewOf(&o)
		return seen, list.GetResourceVersion(), err
	}
	return view{gone: true}, list.GetResourceVersion(), nil
}

// selector is what makes RBAC rules with resourceNames apply to list and watch.
func (w *Workload) selector() string {
	return fields.OneTermEqualSelector("metadata.name", w.Name).String()
}

// known returns what the watch shows, nil if there is none, and whether a list
// would be refused.
func (w *Workload) known() (watched *view, blind bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.watched, w.watched == nil && w.blind
}

func (w *Workload) setWatched(v *view) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.watched = v
}

// allow records that a list was answered.
func (w *Workload) allow() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.listed, w.blind, w.refusedSince = true, false, time.Time{}
}

// refuse records that a list was refused, and reports whether to do without.
func (w *Workload) refuse() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.refusedSince.IsZero() {
		w.refusedSince = time.Now()
	}
	w.blind = !w.listed || time.Since(w.refusedSince) >= patience
	return w.blind
}

// refused reports whether a retry is of no use until the right is granted.
func refused(err error) bool {
	return apierrors.IsForbidden(err) || apierrors.IsMethodNotSupported(err)
}

// missingRightError means that the API server refuses to show the workload.
type missingRightError struct {
	verb     string
	resource schema.GroupVersionResource
	workload string
	err      error
}

func (e *missingRightError) Error() string { return e.err.Error() }

func (e *missingRightError) Unwrap() error { return e.err }

// name describes the right.
func (e *missingRightError) name() string {
	return fmt.Sprintf("%s %s named %s", e.verb, e.resource.GroupResource(), e.workload)
}

// lost describes what does not work without the right.
func (e *missingRightError) lost() string {
	if e.verb == "watch" {
		return "each decision costs a request"
	}
	return "the annotation " + PausedAnnotation + ", ready replicas for wait_for_ready, and other writers of the replicas are not seen; each decision costs a request"
}
