// Package pods runs the Pods of a control plane that has no real nodes as processes
// on this machine. It does what a kubelet does for them: it runs init containers in turn, restarts what ends, tells readiness, and finishes
// deletions after SIGTERM and the grace period. There are no images, no networks of
// their own, and no isolation: a function says which program plays a container.
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

// Program is what plays a container. The Runner sets the log's path.
type Program struct {
	process.Spec
	// Ready returns nil when the container is ready; if it is nil, a container
	// is ready as soon as it runs.
	Ready func(ctx context.Context) error
}

// Runner runs Pods until the context of Start ends.
type Runner struct {
	cluster *kube.Cluster
	dir     string
	play    func(ctx context.Context, pod *Pod, c Container) (Program, error)
	report  func(error)

	mu      sync.Mutex
	workers map[string]*worker // by the Pod's UID
	running sync.WaitGroup
}

// Start runs the Pods that the scheduler puts on nodes. play says which program
// plays a container; report is told what goes wrong.
func Start(ctx context.Context, cluster *kube.Cluster, dir string,
	play func(context.Context, *Pod, Container) (Program, error), report func(error),
) *Runner {
	r := &Runner{cluster: cluster, dir: dir, play: play, report: report, workers: map[string]*worker{}}
	r.running.Go(func() { r.follow(ctx) })
	return r
}

// Wait returns when all processes have ended, after the context of Start has.
func (r *Runner) Wait() { r.running.Wait() }

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
	// Without a resourceVersion, a watch starts with all that is there.
	events, err := r.cluster.Watch(ctx, "/api/v1/pods?watch=true&fieldSelector=spec.nodeName!=")
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
	if w == nil {
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
	return filepath.Join(r.dir, pod+"-"+container+".log")
}

func (r *Runner) patchStatus(ctx context.Context, pod *Pod, status any) error {
	path := "/api/v1/namespaces/" + pod.Metadata.Namespace + "/pods/" + pod.Metadata.Name + "/status"
	return r.cluster.Request(ctx, http.MethodPatch, path, object{"metadata": object{"uid": pod.Metadata.UID}, "status": status}, nil)
}

func (r *Runner) finishDeletion(ctx context.Context, pod *Pod) error {
	path := "/api/v1/namespaces/" + pod.Metadata.Namespace + "/pods/" + pod.Metadata.Name
	err := r.cluster.Request(ctx, http.MethodDelete, path, object{
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
