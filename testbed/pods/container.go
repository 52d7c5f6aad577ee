package pods

import (
	"context"
	"net"
	"net/http"
	"strconv"
	"sync"
	"syscall"
	"time"

	"github.com/camunda-autoscaler/camunda-autoscaler/testbed/process"
)

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
	ready    bool
	failures int // probes in a row
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
			p.worker.happened(Started)
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
		p.worker.happened(Crashed)
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
	if running == nil {
		return
	}
	deadline := time.Now().Add(grace)
	pause := time.Duration(p.container.Lifecycle.PreStop.Sleep.Seconds) * time.Second
	select {
	case <-running.Exited():
	case <-time.After(min(pause, grace)):
	}
	running.Signal(syscall.SIGCONT) // a stopped process handles no SIGTERM
	running.Signal(syscall.SIGTERM)
	select {
	case <-running.Exited():
	case <-time.After(time.Until(deadline)):
		p.worker.happened(Killed)
		running.Kill()
	}
}

type containerStatus struct {
	ready, running, ended bool
	restarts              int
	err                   error // of the end
}

// status probes the container: it becomes ready with the first probe that
// succeeds, and unready after several in a row that failed.
func (p *played) status(ctx context.Context) containerStatus {
	p.mu.Lock()
	s := containerStatus{running: p.process != nil && !p.ended, ended: p.ended, restarts: p.restarts, err: p.err}
	probe, ready, failures := p.program.Ready, p.ready, p.failures
	p.mu.Unlock()
	switch {
	case !s.running:
		ready, failures = false, 0
	case probe == nil:
		ready = true
	default:
		limited, cancel := context.WithTimeout(ctx, probeTimeout)
		err := probe(limited)
		cancel()
		if failures++; err == nil {
			failures = 0
		}
		ready = failures == 0 || ready && failures < failureThreshold
	}
	p.mu.Lock()
	p.ready, p.failures = ready, failures
	p.mu.Unlock()
	s.ready = ready
	return s
}

// HTTPProbe returns the container's readiness probe at an address, or nil if it
// has none.
func (c Container) HTTPProbe(address string) func(context.Context) error {
	if c.ReadinessProbe == nil || c.ReadinessProbe.HTTPGet == nil {
		return nil
	}
	url := "http://" + address + c.ReadinessProbe.HTTPGet.Path
	return func(ctx context.Context) error { return process.Request(ctx, http.MethodGet, url) }
}

// Listen returns the address of the container's first port in a Pod that has an
// address.
func (c Container) Listen(pod *Pod) string {
	if len(c.Ports) == 0 {
		return ""
	}
	return net.JoinHostPort(pod.Address, strconv.Itoa(c.Ports[0].ContainerPort))
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
