package kubelet

import (
	"context"
	"encoding/base64"
	"fmt"
	"net"
	"net/http"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"github.com/camunda-autoscaler/camunda-autoscaler/testbed/process"
)

const (
	probePeriod      = 200 * time.Millisecond
	failureThreshold = 3 // probes, as a kubelet's default
	restartPause     = time.Second
)

// running is one Pod with one container, as a process.
type running struct {
	kubelet *Kubelet
	pod     pod
	address string
	ended   chan time.Duration // the grace period, when the Pod is deleted
}

// end makes the process end; it may be called more than once.
func (r *running) end(grace time.Duration) {
	select {
	case r.ended <- grace:
	default:
	}
}

// run starts the process, again when it ends by itself, until the Pod is deleted
// or ctx ends.
func (r *running) run(ctx context.Context) {
	for restarts := 0; ; restarts++ {
		p, err := r.start(ctx)
		if err != nil {
			r.status(ctx, restarts, false, err.Error())
		} else {
			r.kubelet.observe(r.pod, Started)
			r.status(ctx, restarts, false, "")
			if r.supervise(ctx, p, restarts) {
				break
			}
			r.kubelet.observe(r.pod, Crashed)
		}
		select {
		case <-time.After(restartPause):
			continue
		case <-r.ended:
		case <-ctx.Done():
			return
		}
		break
	}
	if ctx.Err() != nil {
		return
	}
	r.kubelet.observe(r.pod, Gone)
	_ = r.kubelet.remove(ctx, r.pod) // if it is gone already, that is what we want
}

// supervise returns true when the process has ended because the Pod was deleted.
func (r *running) supervise(ctx context.Context, p *process.Process, restarts int) (deleted bool) {
	probe := time.NewTicker(probePeriod)
	defer probe.Stop()
	ready, failures := false, 0
	for {
		select {
		case grace := <-r.ended:
			r.stop(p, grace)
			return true
		case <-p.Exited():
			return false
		case <-ctx.Done():
			<-p.Exited()
			return true
		case <-probe.C:
			if failures++; r.probe(ctx) {
				failures = 0
			}
			if is := failures == 0 || ready && failures < failureThreshold; is != ready {
				ready = is
				r.status(ctx, restarts, ready, "")
				if ready {
					r.kubelet.observe(r.pod, Ready)
				} else {
					r.kubelet.observe(r.pod, Unready)
				}
			}
		}
	}
}

func (r *running) stop(p *process.Process, grace time.Duration) {
	r.kubelet.observe(r.pod, Term)
	p.Signal(syscall.SIGTERM)
	select {
	case <-p.Exited():
	case <-time.After(grace):
		r.kubelet.observe(r.pod, Killed)
		p.Kill()
	}
}

func (r *running) start(ctx context.Context) (*process.Process, error) {
	c := r.pod.Spec.Containers[0]
	program, ok := r.kubelet.Programs[c.Image]
	if !ok {
		return nil, fmt.Errorf("no program for the image %s", c.Image)
	}
	env, err := r.environment(ctx, c)
	if err != nil {
		return nil, err
	}
	return process.Start(ctx, process.Spec{
		Name: r.pod.Metadata.Name, Path: program, Args: c.Args, Env: env, Dir: r.kubelet.Dir,
		Log: filepath.Join(r.kubelet.Dir, r.pod.Metadata.Name+".log"),
	})
}

func (r *running) environment(ctx context.Context, c container) (env []string, err error) {
	for _, e := range c.Env {
		value := e.Value
		switch from := e.ValueFrom; {
		case from == nil:
		case from.FieldRef != nil && from.FieldRef.FieldPath == "metadata.name":
			value = r.pod.Metadata.Name
		case from.FieldRef != nil && from.FieldRef.FieldPath == "status.podIP":
			value = r.address
		case from.SecretKeyRef != nil:
			if value, err = r.secret(ctx, from.SecretKeyRef.Name, from.SecretKeyRef.Key); err != nil {
				return nil, err
			}
		default:
			return nil, fmt.Errorf("environment variable %s: this kubelet cannot set it", e.Name)
		}
		env = append(env, e.Name+"="+value)
	}
	// A Pod has all addresses of its network namespace; a process has to keep to one.
	if len(c.Ports) > 0 {
		env = append(env, "WEB_LISTEN_ADDRESS="+net.JoinHostPort(r.address, strconv.Itoa(c.Ports[0].ContainerPort)))
	}
	return env, nil
}

func (r *running) secret(ctx context.Context, name, key string) (string, error) {
	var secret struct{ Data map[string]string }
	if err := r.kubelet.Cluster.Request(ctx, http.MethodGet, "/api/v1/namespaces/"+r.kubelet.Namespace+"/secrets/"+name, nil, &secret); err != nil {
		return "", err
	}
	value, err := base64.StdEncoding.DecodeString(secret.Data[key])
	if err != nil || len(value) == 0 {
		return "", fmt.Errorf("the Secret %s has no key %s", name, key)
	}
	return string(value), nil
}

func (r *running) probe(ctx context.Context) bool {
	c := r.pod.Spec.Containers[0]
	if c.ReadinessProbe == nil || len(c.Ports) == 0 {
		return true
	}
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	url := "http://" + net.JoinHostPort(r.address, strconv.Itoa(c.Ports[0].ContainerPort)) + c.ReadinessProbe.HTTPGet.Path
	return process.Request(ctx, http.MethodGet, url) == nil
}

// status tells the API server how the Pod is; the next change tells it again if
// it could not be told.
func (r *running) status(ctx context.Context, restarts int, ready bool, waiting string) {
	c := r.pod.Spec.Containers[0]
	now := time.Now().UTC().Format(time.RFC3339)
	is, phase := "False", "Running"
	state := map[string]any{"running": map[string]any{"startedAt": now}}
	if ready {
		is = "True"
	}
	if waiting != "" {
		phase, state = "Pending", map[string]any{"waiting": map[string]any{"reason": "CreateContainerError", "message": waiting}}
	}
	conditions := []map[string]any{}
	for _, kind := range []string{"PodScheduled", "Initialized", "ContainersReady", "Ready"} {
		status := "True"
		if kind == "ContainersReady" || kind == "Ready" {
			status = is
		}
		conditions = append(conditions, map[string]any{"type": kind, "status": status, "lastTransitionTime": now})
	}
	_ = r.kubelet.Cluster.Request(ctx, http.MethodPatch, r.kubelet.pods()+"/"+r.pod.Metadata.Name+"/status", map[string]any{
		"status": map[string]any{
			"phase": phase, "podIP": r.address, "podIPs": []map[string]any{{"ip": r.address}}, "startTime": now, "conditions": conditions,
			"containerStatuses": []map[string]any{{
				"name": c.Name, "image": c.Image, "imageID": "", "ready": ready, "started": waiting == "", "restartCount": restarts, "state": state,
			}},
		},
	}, nil)
}
