// Package ready tells whether a Kafka node may count as up: not when it listens, but
// when all of its replicas are in sync. A rolling update and a PodDisruptionBudget
// that wait for that never have two replicas of a partition missing.
package ready

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"

	"github.com/camunda-autoscaler/camunda-autoscaler/examples/kafka/admin/fresh"
)

// Handler answers 200 while the node is ready, else 503 with the reason.
func Handler(admin *kadm.Client, node int32, timeout time.Duration) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), timeout)
		defer cancel()
		state, err := admin.Metadata(fresh.Context(ctx))
		if err == nil {
			err = Check(state, node)
		}
		if err != nil {
			http.Error(w, err.Error(), http.StatusServiceUnavailable)
		}
	})
}

// Check returns why the node is not ready, nil if it is.
func Check(state kadm.Metadata, node int32) error {
	if !slices.Contains(state.Brokers.NodeIDs(), node) {
		return fmt.Errorf("node %d is not registered, or it is fenced", node)
	}
	for _, t := range state.Topics.Sorted() {
		for _, p := range t.Partitions.Sorted() {
			if slices.Contains(p.Replicas, node) && !slices.Contains(p.ISR, node) {
				return fmt.Errorf("node %d is not in sync on %s/%d", node, p.Topic, p.Partition)
			}
		}
	}
	return nil
}
