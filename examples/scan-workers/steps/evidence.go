package steps

import (
	"context"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/camunda-autoscaler/camunda-autoscaler/examples/scan-workers/rig"
)

const deletionCost = "controller.kubernetes.io/pod-deletion-cost"

// history has all changes of Pods, ReplicaSets and Deployments, as the API server
// reported them: resource versions tell their order.
type history struct {
	mu      sync.Mutex
	changes []change
}

type change struct {
	at                  time.Time
	kind, event, name   string
	version             string
	replicas            *int
	cost                string
	ready, beingDeleted bool
}

func (c change) String() string {
	text := fmt.Sprintf("%s %8s %-11s %-8s %s", c.at.UTC().Format("15:04:05.000"), c.version, c.kind, c.event, c.name)
	if c.kind == "pods" {
		return text + fmt.Sprintf(" cost=%s ready=%v deleted=%v", c.cost, c.ready, c.beingDeleted)
	}
	if c.replicas != nil {
		text += fmt.Sprintf(" replicas=%d", *c.replicas)
	}
	return text
}

// record keeps all changes until ctx ends.
func (h *history) record(ctx context.Context, r *rig.Rig, group, kind string) error {
	return follow(ctx, r, group, kind, func(event string, o object) {
		c := change{
			at: time.Now(), kind: kind, event: strings.ToLower(event), name: o.Metadata.Name, version: o.Metadata.ResourceVersion,
			replicas: o.Spec.Replicas, cost: o.Metadata.Annotations[deletionCost], beingDeleted: o.Metadata.DeletionTimestamp != nil,
		}
		for _, condition := range o.Status.Conditions {
			if condition.Type == "Ready" {
				c.ready = condition.Status == "True"
			}
		}
		h.mu.Lock()
		defer h.mu.Unlock()
		h.changes = append(h.changes, c)
	})
}

// Removed is a worker that a step down removed while it had a job.
type Removed struct {
	Pod     string
	At      time.Time     // of SIGTERM
	Job     time.Duration // how long it had worked at the job
	Ready   bool
	Cost    string // the annotation when it was deleted; empty: none
	Became  string // of the job: interrupted, given back, finished
	History []string
}

// explain writes what happened to the pool of a removed worker before.
func (h *history) explain(pod string, at time.Time) (lines []string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	pool := strings.Join(strings.Split(pod, "-")[:2], "-")
	for _, c := range h.changes {
		if (c.name == pool || strings.HasPrefix(c.name, pool+"-")) && c.at.After(at.Add(-8*time.Second)) && c.at.Before(at.Add(time.Second)) {
			lines = append(lines, c.String())
		}
	}
	return lines
}

// WriteRemoved writes what is known of each worker that was removed with a job.
func WriteRemoved(w io.Writer, rows []Row, prefix string) {
	for _, row := range rows {
		if row.Way.Prefix != prefix {
			continue
		}
		for _, r := range row.Busy {
			fmt.Fprintf(w, "%s %s: removed while busy for %.1f s, ready=%v cost=%q; its job was %s\n",
				r.At.UTC().Format("15:04:05.000"), r.Pod, r.Job.Seconds(), r.Ready, r.Cost, r.Became)
			for _, line := range r.History {
				fmt.Fprintln(w, "   ", line)
			}
		}
	}
}
