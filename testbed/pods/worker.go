package pods

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/camunda-autoscaler/camunda-autoscaler/testbed/process"
)

const (
	startingInterval = 200 * time.Millisecond // of probes until a Pod is ready
	probeInterval    = 500 * time.Millisecond // afterwards
	probeTimeout     = 5 * time.Second
	failureThreshold = 3 // probes, a kubelet's default
	restartPause     = time.Second
)

// worker runs one Pod.
type worker struct {
	runner     *Runner
	pod        *Pod // as it was when it was first seen
	containers []*played
	started    time.Time
	once       sync.Once
	deletion   chan time.Duration // the grace period

	mu    sync.Mutex
	seen  *Pod // as it was last seen
	ready bool
}

func newWorker(r *Runner, pod *Pod) *worker {
	w := &worker{runner: r, pod: pod, seen: pod, deletion: make(chan time.Duration, 1), started: time.Now()}
	for _, c := range pod.Spec.Containers {
		w.containers = append(w.containers, &played{worker: w, container: c})
	}
	return w
}

func (w *worker) see(pod *Pod) {
	pod.Address = w.pod.Address
	w.mu.Lock()
	defer w.mu.Unlock()
	w.seen = pod
}

func (w *worker) delete(grace time.Duration) { w.once.Do(func() { w.deletion <- grace }) }

func (w *worker) happened(kind Kind) {
	if w.runner.Observe == nil {
		return
	}
	w.mu.Lock()
	e := Event{time.Now(), w.seen, kind, w.ready}
	w.mu.Unlock()
	w.runner.events.Lock()
	defer w.runner.events.Unlock()
	w.runner.Observe(e)
}

// run plays the Pod until it is deleted or has ended.
func (w *worker) run(ctx context.Context) {
	alive, end := context.WithCancel(ctx)
	defer end()
	var work sync.WaitGroup
	work.Go(func() { w.play(alive) })
	select {
	case grace := <-w.deletion:
		w.happened(Term)
		w.stop(grace)
		end()
		work.Wait()
		w.happened(Gone)
		if err := w.runner.finishDeletion(ctx, w.pod); err != nil && ctx.Err() == nil {
			w.fail(fmt.Errorf("finishing its deletion: %w", err))
		}
	case <-ctx.Done(): // which kills the processes
		work.Wait()
	}
}

func (w *worker) fail(err error) {
	w.runner.report(fmt.Errorf("pod %s: %w", w.pod.Metadata.Name, err))
}

// play runs the init containers, then the containers, and reports the Pod's status.
func (w *worker) play(ctx context.Context) {
	for _, c := range w.pod.Spec.InitContainers {
		for {
			err := w.runOnce(ctx, c)
			if ctx.Err() != nil {
				return
			}
			if err == nil {
				break
			}
			w.fail(fmt.Errorf("init container %s: %w", c.Name, err))
			sleep(ctx, restartPause)
		}
	}
	var running sync.WaitGroup
	for _, p := range w.containers {
		running.Go(func() { p.run(ctx) })
	}
	w.report(ctx)
	running.Wait()
}

func (w *worker) runOnce(ctx context.Context, c Container) error {
	program, err := w.program(ctx, c)
	if err != nil {
		return err
	}
	return process.Run(ctx, program.Spec)
}

func (w *worker) program(ctx context.Context, c Container) (Program, error) {
	program, err := w.runner.Play(ctx, w.runner, w.pod, c)
	if err != nil {
		return Program{}, fmt.Errorf("playing %s: %w", c.Image, err)
	}
	program.Name = w.pod.Metadata.Name + "/" + c.Name
	program.Log = w.runner.Log(w.pod.Metadata.Name, c.Name)
	return program, nil
}

// report reports the Pod's status when it changes, until the Pod has ended.
func (w *worker) report(ctx context.Context) {
	reported := ""
	for ctx.Err() == nil {
		phase := w.phase()
		ready := phase == "Running"
		summary := []any{phase}
		statuses := []object{}
		for _, p := range w.containers {
			status := p.status(ctx)
			ready = ready && status.ready
			statuses = append(statuses, status.object(p.container))
			summary = append(summary, status.ready, status.restarts)
		}
		if now := fmt.Sprint(summary...); now != reported {
			if err := w.runner.patchStatus(ctx, w.pod, w.status(phase, ready, statuses)); err != nil {
				if ctx.Err() == nil {
					w.fail(fmt.Errorf("reporting its status: %w", err))
				}
			} else {
				reported = now
			}
		}
		w.becomes(ready)
		switch {
		case phase != "Running":
			return
		case ready:
			sleep(ctx, probeInterval)
		default:
			sleep(ctx, startingInterval)
		}
	}
}

func (w *worker) becomes(ready bool) {
	w.mu.Lock()
	changed := w.ready != ready
	w.ready = ready
	w.mu.Unlock()
	switch {
	case changed && ready:
		w.happened(Ready)
	case changed:
		w.happened(Unready)
	}
}

func (w *worker) phase() string {
	if w.pod.Spec.RestartPolicy != "Never" {
		return "Running"
	}
	for _, p := range w.containers {
		switch ended, err := p.result(); {
		case !ended:
			return "Running"
		case err != nil:
			return "Failed"
		}
	}
	return "Succeeded"
}

func (w *worker) status(phase string, ready bool, containers []object) object {
	at := time.Now().UTC().Format(time.RFC3339)
	condition := func(kind string, is bool) object {
		status := "False"
		if is {
			status = "True"
		}
		return object{"type": kind, "status": status, "lastTransitionTime": at}
	}
	status := object{
		"phase": phase, "startTime": w.started.UTC().Format(time.RFC3339), "containerStatuses": containers,
		"conditions": []object{
			condition("PodScheduled", true), condition("Initialized", true),
			condition("ContainersReady", ready), condition("Ready", ready),
		},
	}
	if w.pod.Address != "" {
		status["podIP"], status["podIPs"] = w.pod.Address, []object{{"ip": w.pod.Address}}
	}
	return status
}

// stop ends all containers with SIGTERM, and with SIGKILL after the grace period.
func (w *worker) stop(grace time.Duration) {
	var stopping sync.WaitGroup
	for _, p := range w.containers {
		stopping.Go(func() { p.stop(grace) })
	}
	stopping.Wait()
}
