package workload

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/go-kit/log/level"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/apimachinery/pkg/watch"

	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/kubeapi"
)

const (
	// watchLasts is for how long the API server is requested to keep a watch
	// open, at least. Each is up to twice as long, so that they do not all end
	// together.
	watchLasts = 5 * time.Minute

	// patience is for how long a refusal is ignored once a list was answered: an
	// API server that has just started refuses everything until it has read the
	// RBAC rules, and that must not hide a pause.
	patience = 10 * time.Second

	// settled is how long a watch has to last to be opened again at once.
	settled = 5 * time.Second

	// resumes is how often a watch is tried to be resumed before its objects are
	// listed again.
	resumes = 3
)

// phase is what a watch can be used for.
type phase int

const (
	opening   phase = iota
	open            // it knows the workloads
	unwatched       // the API server answers, but there is no watch
	failing         // the API server does not answer, or not with what is needed
	refused         // the right to list is missing
	stopped
)

// watcher watches the workloads of a kind in a place: it lists them, and watches
// them from the list's version on. When a watch ends, it is resumed from the
// version that was seen last. Only if the API server does not know that any more
// are the workloads listed again.
type watcher struct {
	cluster *Cluster
	kind    kubeapi.Kind
	in      kubeapi.Place
	stop    context.CancelFunc

	// The cluster's mutex guards these.
	phase   phase
	err     error         // why it is failing
	changed chan struct{} // closed when the phase changes
	views   map[kubeapi.Place]view

	// These belong to run.
	version      string // to resume from; "" if the workloads have to be listed
	failures     int    // to resume, in a row
	listed       bool   // a list was answered at least once
	refusedSince time.Time
	missing      string // the verb whose right is missing, as logged
}

func newWatcher(c *Cluster, k kubeapi.Kind, in kubeapi.Place) *watcher {
	return &watcher{cluster: c, kind: k, in: in, changed: make(chan struct{})}
}

// String names what it watches.
func (w *watcher) String() string {
	what := strings.ToLower(w.kind.Name)
	switch {
	case w.in.Name != "":
		return what + "/" + w.in.Name
	case w.in.Namespace != "":
		return "each " + what + " in namespace " + w.in.Namespace
	}
	return "each " + what
}

// serves reports whether workloads are known by this watch and by none below it.
func (w *watcher) serves() bool { return w != nil && w.phase != refused }

// enter changes the phase. The cluster's mutex is held.
func (w *watcher) enter(p phase, err error) {
	if w.phase == stopped {
		return
	}
	served := w.serves()
	w.phase, w.err = p, err
	close(w.changed)
	w.changed = make(chan struct{})
	if served == w.serves() || w.in.Name != "" || p == stopped {
		return
	}
	if w.in.Namespace == "" {
		w.cluster.arrange(w.kind)
	} else {
		w.cluster.arrangeIn(w.kind, w.in.Namespace)
	}
}

// run watches until ctx ends. A missing right is logged once, with what is lost
// by it. Any other failure is retried and logged at debug, since Get meets it as
// well.
func (w *watcher) run(ctx context.Context) {
	initial := wait.Backoff{Duration: time.Second, Factor: 2, Jitter: 1, Steps: 100, Cap: 30 * time.Second}
	backoff := initial
	for ctx.Err() == nil {
		answered, opened, err := w.watch(ctx)
		if ctx.Err() != nil {
			return
		}
		var lasted time.Duration
		if !opened.IsZero() {
			lasted = time.Since(opened)
		}
		if lasted > time.Minute {
			backoff = initial
		}
		next := failing
		switch missing := w.tell(err); {
		case missing == "list":
			next = refused
		case lasted >= settled:
			next = opening
		case missing == "watch", answered:
			next = unwatched
		}
		w.cluster.mu.Lock()
		w.enter(next, err)
		w.cluster.mu.Unlock()
		timer := time.NewTimer(w.delay(next, backoff.Step()))
		select {
		case <-ctx.Done():
		case <-timer.C:
		}
		timer.Stop()
	}
}

// delay returns how long to wait for the next attempt.
func (w *watcher) delay(p phase, step time.Duration) time.Duration {
	switch shared := w.in.Name == ""; {
	case p == opening:
		return rand.N(100 * time.Millisecond)
	case p == refused && shared: // there is something in its place
		return max(time.Minute, 20*step)
	case p == failing && shared: // there is nothing
		return min(step, 5*time.Second+rand.N(5*time.Second))
	}
	return step
}

// tell logs how a watch ended, and returns the verb whose right is missing.
func (w *watcher) tell(err error) (missing string) {
	logger := w.cluster.log(w)
	var right *missingRightError
	if errors.As(err, &right) {
		missing = right.verb
	}
	switch {
	case missing == "", missing == w.missing:
		level.Debug(logger).Log("msg", "watch ended", "err", err)
		return missing
	case w.in.Name == "" && missing == "list":
		level.Info(logger).Log("msg", "workloads are watched one by one", "missing_right", right.name())
	default:
		level.Warn(logger).Log("msg", "workload cannot be watched", "missing_right", right.name(), "lost", right.lost(), "err", err)
	}
	w.missing = missing
	return missing
}

// opened records that there is a watch.
func (w *watcher) opened() {
	switch {
	case w.missing == "list" && w.in.Name == "":
		level.Info(w.cluster.log(w)).Log("msg", "workloads are watched together")
	case w.missing != "":
		level.Info(w.cluster.log(w)).Log("msg", "workload is watched again")
	}
	w.missing, w.failures = "", 0
	w.cluster.mu.Lock()
	defer w.cluster.mu.Unlock()
	w.enter(open, nil)
}

// watch lists the workloads, if it has to, and watches them until that ends. It
// returns whether the API server has answered, and when the watch was opened.
func (w *watcher) watch(ctx context.Context) (answered bool, opened time.Time, err error) {
	lasts := watchLasts + rand.N(watchLasts)
	ctx, cancel := context.WithTimeout(ctx, lasts+Timeout) // if the server does not end it
	defer cancel()
	resource, err := w.cluster.api.Find(ctx, w.kind)
	if err != nil {
		return false, opened, fmt.Errorf("find the resource of %s %s: %w", w.kind.APIVersion, w.kind.Name, err)
	}
	if w.version == "" {
		if err := w.list(ctx, resource); err != nil {
			return false, opened, err
		}
		answered = true
	}
	stream, err := w.cluster.api.Watch(ctx, resource, w.in, w.version, lasts)
	switch {
	case kubeapi.Denied(err) && (answered || w.missing == "watch"):
		return answered, opened, &missingRightError{"watch", resource, w.in.Name, err}
	case kubeapi.Denied(err): // whether the right to list is missing as well shows next
		w.version = ""
		return answered, opened, fmt.Errorf("watch %s: %w", w, err)
	case err != nil:
		w.failures++
		if kubeapi.Expired(err) || w.failures%resumes == 0 {
			w.version = ""
		}
		return answered, opened, fmt.Errorf("watch %s: %w", w, err)
	}
	defer stream.Close()
	w.opened()
	opened = time.Now()
	return true, opened, w.follow(stream)
}

// list reads all workloads.
func (w *watcher) list(ctx context.Context, resource schema.GroupVersionResource) error {
	views := map[kubeapi.Place]view{}
	version, err := w.cluster.api.List(ctx, resource, w.in, func(text json.RawMessage) {
		if at, v := w.view(text); w.has(at) {
			views[at] = v
		}
	})
	if kubeapi.Denied(err) {
		if w.refusedSince.IsZero() {
			w.refusedSince = time.Now()
		}
		if !w.listed || time.Since(w.refusedSince) >= patience {
			return &missingRightError{"list", resource, w.in.Name, err}
		}
	}
	if err != nil {
		return fmt.Errorf("list %s: %w", w, err)
	}
	w.version, w.listed, w.refusedSince = version, true, time.Time{}
	w.cluster.mu.Lock()
	defer w.cluster.mu.Unlock()
	w.views = views
	return nil
}

// follow takes in what a watch shows until it ends.
func (w *watcher) follow(stream io.Reader) error {
	for decoder := json.NewDecoder(stream); ; {
		var event struct {
			Type   watch.EventType `json:"type"`
			Object json.RawMessage `json:"object"`
		}
		switch err := decoder.Decode(&event); {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return fmt.Errorf("watch %s: %w", w, err)
		}
		if event.Type == watch.Error {
			var status metav1.Status
			if err := json.Unmarshal(event.Object, &status); err != nil {
				return fmt.Errorf("watch %s: decode an error: %w", w, err)
			}
			err := apierrors.FromObject(&status)
			if kubeapi.Expired(err) {
				w.version = ""
			}
			return fmt.Errorf("watch %s: %w", w, err)
		}
		at, v := w.view(event.Object)
		if v.version != "" {
			w.version = v.version
		}
		if event.Type != watch.Bookmark && w.has(at) {
			w.keep(at, v, event.Type == watch.Deleted)
		}
	}
}

func (w *watcher) keep(at kubeapi.Place, v view, gone bool) {
	w.cluster.mu.Lock()
	defer w.cluster.mu.Unlock()
	if gone {
		delete(w.views, at)
		return
	}
	w.views[at] = v
}

func (w *watcher) view(text []byte) (kubeapi.Place, view) {
	at, v := viewOf(text, w.kind.Builtin())
	if w.in.Namespace != "" {
		at.Namespace = w.in.Namespace
	}
	return at, v
}

// has reports whether it watches an object: a server may ignore the selector.
func (w *watcher) has(at kubeapi.Place) bool { return w.in.Name == "" || w.in.Name == at.Name }

// missingRightError means that the API server refuses to show workloads.
type missingRightError struct {
	verb     string
	resource schema.GroupVersionResource
	workload string // "" for all
	err      error
}

func (e *missingRightError) Error() string { return e.err.Error() }

func (e *missingRightError) Unwrap() error { return e.err }

// name describes the right.
func (e *missingRightError) name() string {
	right := fmt.Sprintf("%s %s", e.verb, e.resource.GroupResource())
	if e.workload != "" {
		right += " named " + e.workload
	}
	return right
}

// lost describes what does not work without the right.
func (e *missingRightError) lost() string {
	if e.verb == "watch" {
		return "each decision costs a request"
	}
	return "the annotation " + PausedAnnotation + ", ready replicas for wait_for_ready, and other writers of the replicas are not seen; each decision costs a request"
}
