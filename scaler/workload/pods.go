package workload

import (
	"context"
	"fmt"

	"golang.org/x/sync/errgroup"

	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/kubeapi"
)

// List lists the workload's Pods, but for those that have ended or are about to.
// It makes two requests or more: the scale subresource tells which Pods they are.
func (w *Workload) List(ctx context.Context) ([]kubeapi.Pod, error) {
	resource, err := w.cluster.api.Find(ctx, w.kind())
	if err != nil {
		return nil, fmt.Errorf("find the resource of %s %s: %w", w.APIVersion, w.Kind, err)
	}
	scale, err := w.cluster.api.GetScale(ctx, resource, w.place())
	if err != nil {
		return nil, fmt.Errorf("get the scale of %s in namespace %s: %w", w, w.Namespace, err)
	}
	pods, err := w.cluster.api.Pods(ctx, w.Namespace, scale.Selector)
	if err != nil {
		return nil, fmt.Errorf("list the Pods of %s in namespace %s: %w", w, w.Namespace, err)
	}
	return pods, nil
}

// SetDeletionCosts annotates Pods with what it costs to end them, several at a
// time, and tries none after the first failure.
func (w *Workload) SetDeletionCosts(ctx context.Context, costs map[kubeapi.Pod]int32) error {
	writes, ctx := errgroup.WithContext(ctx)
	writes.SetLimit(8)
	for pod, cost := range costs {
		writes.Go(func() error {
			if err := ctx.Err(); err != nil {
				return err // the first one is returned
			}
			if err := w.cluster.api.SetDeletionCost(ctx, w.Namespace, pod, cost); err != nil {
				return fmt.Errorf("annotate Pod %s in namespace %s: %w", pod.Name, w.Namespace, err)
			}
			return nil
		})
	}
	return writes.Wait()
}
