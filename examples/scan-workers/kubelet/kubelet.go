// Package kubelet runs the Pods of a cluster without nodes as processes of this
// machine, for tests: there is no container, but a real process that gets what
// a kubelet would give it. That is its environment, an address of its own, probes
// of readiness, restarts, SIGTERM when the Pod is deleted, and SIGKILL after
// terminationGracePeriodSeconds.
package kubelet

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/camunda-autoscaler/camunda-autoscaler/testbed/kube"
)

// Kubelet runs the Pods of one namespace that the scheduler has bound.
type Kubelet struct {
	Cluster   *kube.Cluster
	Namespace string
	Programs  map[string]string // by image
	Dir       string            // of logs, which exists
	Network   byte              // Pods get addresses in 127.NETWORK.0.0/16
	Observe   func(Event)       // may be nil; called by one goroutine at a time

	mu      sync.Mutex
	running map[string]*running // by UID
	next    int                 // address
	wait    sync.WaitGroup
}

// Event is something that happened to a Pod.
type Event struct {
	At   time.Time
	Pod  string
	Kind Kind
}

// Kind is what happened.
type Kind string

// The kinds of events.
const (
	Started Kind = "started" // its process runs
	Ready   Kind = "ready"
	Unready Kind = "unready" // three probes failed
	Term    Kind = "term"    // it was deleted, and its process got SIGTERM
	Killed  Kind = "killed"  // the grace period is over, and its process got SIGKILL
	Crashed Kind = "crashed"
	Gone    Kind = "gone" // its process has ended, and so has the Pod
)

type pod struct {
	Metadata struct {
		Name, UID, DeletionTimestamp string
		DeletionGracePeriodSeconds   *int
	}
	Spec struct {
		NodeName   string
		Containers []container
	}
}

type container struct {
	Name, Image   string
	Command, Args []string
	Env           []struct {
		Name, Value string
		ValueFrom   *struct {
			FieldRef     *struct{ FieldPath string }
			SecretKeyRef *struct{ Name, Key string }
		}
	}
	Ports          []struct{ ContainerPort int }
	ReadinessProbe *struct{ HTTPGet struct{ Path string } }
}

// Run runs Pods until ctx ends; then it kills their processes, and returns.
func (k *Kubelet) Run(ctx context.Context) error {
	k.running = map[string]*running{}
	defer k.wait.Wait()
	for ctx.Err() == nil {
		err := k.watch(ctx)
		if ctx.Err() != nil {
			break
		}
		if err != nil {
			return fmt.Errorf("watch Pods: %w", err)
		}
	}
	return nil
}

func (k *Kubelet) pods() string { return "/api/v1/namespaces/" + k.Namespace + "/pods" }

// watch is told all Pods first, and then their changes, until the API server
// ends the watch.
func (k *Kubelet) watch(ctx context.Context) error {
	events, err := k.Cluster.Watch(ctx, k.pods()+"?watch=true")
	if err != nil {
		return err
	}
	defer events.Close()
	for d := json.NewDecoder(events); ; {
		var event struct {
			Type   string
			Object pod
		}
		if d.Decode(&event) != nil { // the watch has ended
			return nil
		}
		k.sync(ctx, event.Type, event.Object)
	}
}

// sync starts what is bound and not running, and ends what is deleted.
func (k *Kubelet) sync(ctx context.Context, event string, p pod) {
	k.mu.Lock()
	defer k.mu.Unlock()
	r, known := k.running[p.Metadata.UID]
	switch {
	case event == "DELETED": // without a grace period, or after our own last word
		if known {
			r.end(0)
		}
	case p.Metadata.DeletionTimestamp != "" && !known:
		if p.Spec.NodeName != "" {
			k.wait.Go(func() { _ = k.remove(ctx, p) })
		}
	case p.Metadata.DeletionTimestamp != "":
		r.end(grace(p))
	case p.Spec.NodeName != "" && !known:
		k.next++
		r := &running{kubelet: k, pod: p, address: fmt.Sprintf("127.%d.%d.%d", k.Network, k.next/250, k.next%250+1), ended: make(chan time.Duration, 1)}
		k.running[p.Metadata.UID] = r
		k.wait.Go(func() {
			r.run(ctx)
			k.mu.Lock()
			delete(k.running, p.Metadata.UID)
			k.mu.Unlock()
		})
	}
}

func grace(p pod) time.Duration {
	if seconds := p.Metadata.DeletionGracePeriodSeconds; seconds != nil {
		return time.Duration(*seconds) * time.Second
	}
	return 30 * time.Second
}

// remove says that nothing of a deleted Pod runs any more, as a kubelet does.
func (k *Kubelet) remove(ctx context.Context, p pod) error {
	return k.Cluster.Request(ctx, http.MethodDelete, k.pods()+"/"+p.Metadata.Name, map[string]any{
		"gracePeriodSeconds": 0, "preconditions": map[string]any{"uid": p.Metadata.UID},
	}, nil)
}

func (k *Kubelet) observe(p pod, kind Kind) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.Observe != nil {
		k.Observe(Event{time.Now(), p.Metadata.Name, kind})
	}
}
