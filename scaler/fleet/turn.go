package fleet

import (
	"context"

	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/loop"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/workload"
)

// How many members read their samples at a time: of those that are due together,
// the others wait before their cycle has taken any stack. Those of a group all
// wait for one answer. Of separate targets, more than are asked in all requests
// that are in flight would only wait for those.
const (
	groupTurns      = 16
	connectionTurns = 1000
)

// turnsOf returns the turns of those whose samples come from there.
func turnsOf(source any) chan struct{} {
	switch source := source.(type) {
	case *group:
		return source.turns
	case *connection:
		return source.turns
	}
	return nil
}

// turn lets a member's cycle start.
type turn struct {
	of   chan struct{} // has room for as many as may read at a time
	held bool
}

// take waits for the turn. It returns whether it has come before ctx ended.
func (t *turn) take(ctx context.Context) bool {
	if ctx.Err() != nil {
		return false
	}
	select {
	case t.of <- struct{}{}:
		t.held = true
	case <-ctx.Done():
	}
	return t.held
}

// give gives it back, if that was not done before.
func (t *turn) give() {
	if t.held {
		t.held = false
		<-t.of
	}
}

// yielding gives the turn back once the samples are read (or before, in the first
// cycle, which reads the workload first). What a cycle then asks
// of the API server may take its time, and writes are put in order among all that
// wait.
type yielding struct {
	loop.Scaler
	turn *turn
}

func (y yielding) Get(ctx context.Context) (workload.Scale, error) {
	y.turn.give()
	return y.Scaler.Get(ctx)
}
