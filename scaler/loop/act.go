package loop

import (
	"context"
	"time"

	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/decide"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/gate"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/workload"
)

// get reads the workload, and notices what other writers did to it.
func (l *Loop) get(ctx context.Context) (workload.Scale, Change, error) {
	scale, err := l.scaler.Get(ctx)
	if err != nil {
		return scale, Change{}, err
	}
	owned, change := l.ownership.see(scale, l.local())
	l.ownership = owned
	if change.Kind != Unchanged {
		l.owner.due, l.owner.err = true, nil
	}
	return scale, change, nil
}

// paused returns who paused which direction, "" if it is not paused.
func (l *Loop) paused(scale workload.Scale, now time.Time) (up, down string) {
	for _, by := range []struct {
		name  string
		pause workload.Pause
	}{{"annotation", scale.Pause}, {"file", l.target.Pause}} {
		p := by.pause.At(now)
		if p.Up {
			up = by.name
		}
		if p.Down {
			down = by.name
		}
	}
	return up, down
}

// block returns why nothing may be written, if anything forbids it.
func (l *Loop) block(ctx context.Context, scale workload.Scale, in decide.Input) decide.Block {
	switch {
	case in.NoUp != "" && in.NoDown != "":
		return decide.Block{Reason: decide.Paused, By: in.NoUp}
	case l.target.DryRun: // who writes nothing contests with nobody, and is to be compared
		return decide.Block{}
	}
	if other := l.otherScaler(ctx, scale); other.Reason != "" {
		return other
	}
	if left := l.ownership.contested(l.local()); left > 0 {
		return decide.Block{Reason: decide.Contested, Left: left}
	}
	return decide.Block{}
}

// act carries a decision out: in one attempt, and once started to its end.
func (l *Loop) act(ctx context.Context, d *Decision) {
	if d.Action == decide.None || l.target.DryRun {
		return
	}
	err := l.scaler.Set(gate.WithUrgency(context.WithoutCancel(ctx), d.urgency()), *d.Scale, d.To)
	l.actedAt = l.local()
	if err == nil {
		l.ownership = l.ownership.wrote(d.From, d.To)
		return
	}
	cause := workload.CauseOf(err)
	d.fail(err, string(cause))
	switch cause {
	case workload.CauseTimeout, workload.CauseServer, workload.CauseConnection:
		l.ownership = l.ownership.mayHaveWritten(d.From, d.To)
	}
}
