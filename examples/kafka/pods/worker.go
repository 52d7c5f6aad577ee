package pods

import (
	"context"
	"fmt"
	"sync"
	"syscall"
	"time"

	"github.com/camunda-autoscaler/camunda-autoscaler/testbed/process"
)

const (
	probeInterval = 500 * time.Millisecond
	probeTimeout  = 5 * time.Second
	restartPause  = time.Second
)

// worker runs one Pod.
type worker struct {
	runner     *Runner
	pod        *Pod
	containers []*played
	started    time.Time

	once     sync.Once
	deletion chan time.Duration // the grace period
	initDone bool
}

func newWorker(r *Runner, pod *Pod) *worker {
	w := &worker{runner: r, pod: pod, deletion: make(chan time.Duration, 1), started: time.Now()}
	for _, c := range pod.Spec.Containers {
		w.containers = append(w.containers, &played{worker: w, container: c})
	}
	return w
}

func (w *worker) delete(grace time.Duration) { w.once.Do(func() { w.deletion <- grace }) }

// run plays the Pod until it is deleted or has ended.
func (w *worker) run(ctx context.Context) {
	alive, end := context.WithCancel(ctx)
	defer end()
	var work sync.WaitGroup
	work.Go(func() { w.play(alive) })
	select {
	case grace := <-w.deletion:
		w.stop(grace)
		end()
		work.Wait()
		if err := w.runner.finishDeletion(ctx, w.pod); err != nil && ctx.Err() == nil {
			w.fail(fmt.Errorf("finishing its deletion: %w", err))
		}
	case <-ctx.Done():
		w.stop(2 * time.Second)
		work.Wait()
	}
}

func (w *worker) fail(err error) {
	w.runner.report(fmt.Errorf("pod %s: %w", w.pod.Metadata.Name, err))
}

// play runs the init containers, then the containers, and tells the API server.
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
	w.initDone = true
	var running sync.WaitGroup
	for _, p := range w.containers {
		running.Go(func() { p.run(ctx) })
	}
	w.tell(ctx)
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
	program, err := w.runner.play(ctx, w.pod, c)
	if err != nil {
		return Program{}, fmt.Errorf("playing %s: %w", c.Image, err)
	}
	program.Name = w.pod.Metadata.Name + "/" + c.Name
	program.Log = w.runner.Log(w.pod.Metadata.Name, c.Name)
	return program, nil
}

// tell reports the Pod's status when it changes, until the Pod has ended.
func (w *worker) tell(ctx context.Context) {
	told := ""
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
		if now := fmt.Sprint(summary...); now != told {
			if err := w.runner.patchStatus(ctx, w.pod, w.status(phase, ready, statuses)); err != nil {
				if ctx.Err() == nil {
					w.fail(fmt.Errorf("telling its status: %w", err))
				}
			} else {
				told = now
			}
		}
		if phase != "Running" {
			return
		}
		sleep(ctx, probeInterval)
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
	return object{
		"phase": phase, "startTime": w.started.UTC().Format(time.RFC3339), "containerStatuses": containers,
		"conditions": []object{
			condition("PodScheduled", true), condition("Initialized", w.initDone),
			condition("ContainersReady", ready), condition("Ready", ready),
		},
	}
}

// stop ends all containers with SIGTERM, and with SIGKILL after the grace period.
func (w *worker) stop(grace time.Duration) {
	var stopping sync.WaitGroup
	for _, p := range w.containers {
		stopping.Go(func() { p.stop(grace) })
	}
	stopping.Wait()
}

// played is a container.
type played struct {
	worker    *worker
	container Container

	mu       sync.Mutex
	process  *process.Process
	program  Program
	pause    time.Duration // before the next start
	stopped  bool
	ended    bool
	err      error // of the end
	restarts int
}

// run starts the container, and again when it ends, unless the Pod is one that
// runs once.
func (p *played) run(ctx context.Context) {
	for first := true; ctx.Err() == nil; first = false {
		program, err := p.worker.program(ctx, p.container)
		if err != nil {
			if ctx.Err() == nil {
				p.worker.fail(err)
			}
			sleep(ctx, restartPause)
			continue
		}
		p.mu.Lock()
		if p.stopped {
			p.mu.Unlock()
			return
		}
		p.pause = restartPause
		p.program = program
		p.process, err = process.Start(ctx, program.Spec)
		if !first {
			p.restarts++
		}
		started := p.process
		p.mu.Unlock()
		if err == nil {
			<-started.Exited()
			err = started.Err()
		}
		p.mu.Lock()
		p.ended, p.err = true, err
		again := !p.stopped && p.worker.pod.Spec.RestartPolicy != "Never"
		pause := p.pause
		p.mu.Unlock()
		if !again {
			return
		}
		sleep(ctx, pause)
		p.mu.Lock()
		p.ended = false
		p.mu.Unlock()
	}
}

func (p *played) result() (ended bool, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.ended, p.err
}

func (p *played) crash(pause time.Duration) {
	p.mu.Lock()
	p.pause = pause
	p.mu.Unlock()
	p.signal(syscall.SIGKILL)
}

func (p *played) signal(signal syscall.Signal) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.process != nil {
		p.process.Signal(signal)
	}
}

func (p *played) stop(grace time.Duration) {
	p.mu.Lock()
	p.stopped = true
	running := p.process
	p.mu.Unlock()
	if running != nil {
		running.Stop(grace)
	}
}

type containerStatus struct {
	ready, running, ended bool
	restarts              int
	err                   error // of the end
}

func (p *played) status(ctx context.Context) containerStatus {
	p.mu.Lock()
	s := containerStatus{running: p.process != nil && !p.ended, ended: p.ended, restarts: p.restarts, err: p.err}
	probe := p.program.Ready
	p.mu.Unlock()
	s.ready = s.running
	if s.running && probe != nil {
		ctx, cancel := context.WithTimeout(ctx, probeTimeout)
		defer cancel()
		s.ready = probe(ctx) == nil
	}
	return s
}

func (s containerStatus) object(c Container) object {
	state := object{"waiting": object{"reason": "ContainerCreating"}}
	switch {
	case s.running:
		state = object{"running": object{"startedAt": time.Now().UTC().Format(time.RFC3339)}}
	case s.ended && s.err == nil:
		state = object{"terminated": object{"reason": "Completed", "exitCode": 0}}
	case s.ended:
		state = object{"terminated": object{"reason": "Error", "exitCode": 1}}
	}
	return object{
		"name": c.Name, "image": c.Image, "imageID": c.Image, "ready": s.ready, "started": s.running,
		"restartCount": s.restarts, "state": state,
	}
}
