// Package pods runs the Pods of a control plane that has no real nodes as processes
// on this machine. It does what a kubelet does for them: it runs init containers one
// after the other, restarts what ends, reports readiness, and finishes deletions
// after SIGTERM and, when the grace period is over, SIGKILL. There are no images, no
// networks of their own, and no isolation: a function says which program plays a
// container.
package pods

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"github.com/camunda-autoscaler/camunda-autoscaler/testbed/kube"
	"github.com/camunda-autoscaler/camunda-autoscaler/testbed/process"
)

// Program is what plays a container. The Runner sets its name and the log's path.
type Program struct {
	process.Spec
	// Ready returns nil when the container is ready; if it is nil, a container
	// is ready as soon as it runs.
	Ready func(ctx context.Context) error
}

// Options say how Pods are run.
type Options struct {
	Dir       string // of the logs, which exists
	Namespace string // empty: all
	// Network gives each Pod an address in 127.NETWORK.0.0/16, which is in its
	// status; 0: Pods have none.
	Network byte
	// Play says which program plays a container.
	Play func(context.Context, *Runner, *Pod, Container) (Program, error)
	// Observe is told what happens to Pods, by one goroutine at a time; may be nil.
	Observe func(Event)
}

// Event is something that happened to a Pod.
type Event struct {
	At    time.Time
	Pod   *Pod // as it was last seen
	Kind  Kind
	Ready bool // whether the Pod was when it happened
}

// Kind is what happened.
type Kind string

// The kinds of events.
const (
	Started Kind = "started" // a container's process runs
	Ready   Kind = "ready"
	Unready Kind = "unready"
	Crashed Kind = "crashed" // a container ended by itself
	Term    Kind = "term"    // the Pod was deleted, and its containers get SIGTERM
	Killed  Kind = "killed"  // the grace period is over, and a container got SIGKILL
	Gone    Kind = "gone"    // nothing of it runs any more
)

// Runner runs Pods until the context of Start ends.
type Runner struct {
	Options

	cluster *kube.Cluster
	events  sync.Mutex // held while Observe is called

	mu       sync.Mutex
	workers  map[string]*worker // by the Pod's UID
	last     int                // address
	problems []error
	running  sync.WaitGroup
}

// Start runs the Pods that the scheduler puts on nodes.
func Start(ctx context.Context, cluster *kube.Cluster, o Options) *Runner {
	r := &Runner{Options: o, cluster: cluster, workers: map[string]*worker{}}
	r.running.Go(func() { r.follow(ctx) })
	return r
}

// Wait returns when all processes have ended, after the context of Start has.
func (r *Runner) Wait() { r.running.Wait() }

// Problems returns what went wrong so far; some of it does when Pods are killed.
func (r *Runner) Problems() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return errors.Join(r.problems...)
}

func (r *Runner) report(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.problems = append(r.problems, err)
}

// follow watches Pods, and starts again when the watch ends.
func (r *Runner) follow(ctx context.Context) {
	for ctx.Err() == nil {
		if err := r.watch(ctx); err != nil && ctx.Err() == nil {
			r.report(fmt.Errorf("watching Pods: %w", err))
		}
		sleep(ctx, time.Second)
	}
}

func (r *Runner) watch(ctx context.Context) error {
	path := "/api/v1/pods"
	if r.Namespace != "" {
		path = "/api/v1/namespaces/" + r.Namespace + "/pods"
	}
	// Without a resourceVersion, a watch starts with all that is there.
	events, err := r.cluster.Watch(ctx, path+"?watch=true&fieldSelector=spec.nodeName!=")
	if err != nil {
		return err
	}
	defer events.Close()
	for d := json.NewDecoder(events); ; {
		var event struct {
			Type   string
			Object Pod
		}
		if err := d.Decode(&event); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		switch event.Type {
		case "ADDED", "MODIFIED":
			r.observe(ctx, &event.Object)
		case "DELETED": // without a grace period
			r.forget(&event.Object)
		}
	}
}

func (r *Runner) observe(ctx context.Context, pod *Pod) {
	r.mu.Lock()
	defer r.mu.Unlock()
	w := r.workers[pod.Metadata.UID]
	switch {
	case w != nil:
		w.see(pod)
	case pod.Metadata.DeletionTimestamp != nil: // nothing of it runs here, or no more
		r.running.Go(func() { _ = r.finishDeletion(ctx, pod) })
		return
	default:
		if r.Network != 0 {
			r.last++
			pod.Address = fmt.Sprintf("127.%d.%d.%d", r.Network, r.last/250, r.last%250+1)
		}
		w = newWorker(r, pod)
		r.workers[pod.Metadata.UID] = w
		r.running.Go(func() {
			w.run(ctx)
			r.mu.Lock()
			defer r.mu.Unlock()
			delete(r.workers, pod.Metadata.UID)
		})
	}
	if pod.Metadata.DeletionTimestamp != nil {
		grace := 30 * time.Second
		if s := pod.Metadata.DeletionGracePeriodSeconds; s != nil {
			grace = time.Duration(*s) * time.Second
		}
		w.delete(grace)
	}
}

func (r *Runner) forget(pod *Pod) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if w := r.workers[pod.Metadata.UID]; w != nil {
		w.delete(0)
	}
}

// Kill ends a container as a crash does. It is started again after the pause.
func (r *Runner) Kill(namespace, pod, container string, pause time.Duration) error {
	return r.signal(namespace, pod, container, func(p *played) { p.crash(pause) })
}

// Signal sends a signal to a container's processes, for example SIGSTOP to make it
// hang.
func (r *Runner) Signal(namespace, pod, container string, signal syscall.Signal) error {
	return r.signal(namespace, pod, container, func(p *played) { p.signal(signal) })
}

func (r *Runner) signal(namespace, pod, container string, do func(*played)) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, w := range r.workers {
		if w.pod.Metadata.Namespace != namespace || w.pod.Metadata.Name != pod {
			continue
		}
		for _, p := range w.containers {
			if p.container.Name == container {
				do(p)
				return nil
			}
		}
	}
	return fmt.Errorf("no container %s of a Pod %s/%s runs", container, namespace, pod)
}

// Log returns the path of a container's log. Pods of the same name continue it.
func (r *Runner) Log(pod, container string) string {
	return filepath.Join(r.Dir, pod+"-"+container+".log")
}

func (r *Runner) patchStatus(ctx context.Context, pod *Pod, status any) error {
	return r.cluster.Request(ctx, http.MethodPatch, pod.path()+"/status", object{"metadata": object{"uid": pod.Metadata.UID}, "status": status}, nil)
}

func (r *Runner) finishDeletion(ctx context.Context, pod *Pod) error {
	err := r.cluster.Request(ctx, http.MethodDelete, pod.path(), object{
		"apiVersion": "v1", "kind": "DeleteOptions", "gracePeriodSeconds": 0,
		"preconditions": object{"uid": pod.Metadata.UID},
	}, nil)
	var status *kube.StatusError
	if errors.As(err, &status) && (status.Code == http.StatusNotFound || status.Code == http.StatusConflict) {
		return nil // it is gone, or replaced by another of its name
	}
	return err
}

type object = map[string]any

func sleep(ctx context.Context, d time.Duration) {
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
}
