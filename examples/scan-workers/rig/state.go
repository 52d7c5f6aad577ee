package rig

import (
	"context"
	"net/http"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/camunda-autoscaler/camunda-autoscaler/examples/scan-workers/kubelet"
)

// State is how a pool is.
type State struct {
	Jobs     int // that wait in the queue; those that a worker has are not among them
	Replicas int // that the Deployment should have
	Pods     int // that there are
}

// State looks at a pool.
func (r *Rig) State(ctx context.Context, pool string) (s State, err error) {
	var d struct {
		Spec   struct{ Replicas int }
		Status struct{ Replicas int }
	}
	if err := r.Cluster.Request(ctx, http.MethodGet, "/apis/apps/v1/namespaces/"+Namespace+"/deployments/"+pool, nil, &d); err != nil {
		return s, err
	}
	s.Replicas, s.Pods = d.Spec.Replicas, d.Status.Replicas
	err = r.Channel(ctx, func(c *amqp.Channel) error {
		q, err := c.QueueDeclarePassive(pool, true, false, false, false, nil)
		s.Jobs = q.Messages
		return err
	})
	return s, err
}

// First returns when something first happened to a Pod, at a time or later; the
// zero time if it has not.
func (r *Rig) First(kind kubelet.Kind, since time.Time) time.Time {
	for _, e := range r.Events() {
		if e.Kind == kind && !e.At.Before(since) {
			return e.At
		}
	}
	return time.Time{}
}

// Count returns how often something has happened to Pods.
func (r *Rig) Count(kind kubelet.Kind) (n int) {
	for _, e := range r.Events() {
		if e.Kind == kind {
			n++
		}
	}
	return n
}
