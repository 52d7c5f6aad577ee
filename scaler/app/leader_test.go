package app

import (
	"context"
	"testing"

	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/lease"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/workload"
)

// counted counts the writes that get through.
type counted struct{ sets int }

func (c *counted) Get(context.Context) (workload.Scale, error) {
	return workload.Scale{Replicas: 1, ResourceVersion: "1"}, nil
}
func (c *counted) Set(context.Context, workload.Scale, int32) error { c.sets++; return nil }
func (c *counted) ScaledByHPA(context.Context) (string, error)      { return "", nil }

func TestWritesNeedTheLease(t *testing.T) {
	c := &counted{}
	held := false
	w := fenced{c, func(ctx context.Context) (context.Context, context.CancelFunc, error) {
		if !held {
			return nil, nil, lease.ErrNotHeld
		}
		return ctx, func() {}, nil
	}}
	if err := w.Set(t.Context(), workload.Scale{}, 2); workload.CauseOf(err) != workload.CauseNotLeader || c.sets != 0 {
		t.Errorf("got %v and %d writes", err, c.sets)
	}
	held = true
	if err := w.Set(t.Context(), workload.Scale{}, 2); err != nil || c.sets != 1 {
		t.Errorf("got %v and %d writes", err, c.sets)
	}
}
