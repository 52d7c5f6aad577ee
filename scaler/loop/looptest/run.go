package looptest

import (
	"context"

	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/loop"
	"github.com/camunda-autoscaler/camunda-autoscaler/service/sleep"
)

// Run runs a loop by itself until ctx ends, as a fleet runs it among others.
func Run(ctx context.Context, l *loop.Loop) {
	for ctx.Err() == nil {
		_ = sleep.For(ctx, l.Step(ctx))
	}
}
