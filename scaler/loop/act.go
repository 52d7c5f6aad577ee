package loop

import (
	"cmp"
	"context"
	"time"

	"github.com/go-kit/log/level"

	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/decide"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/metrics"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/workload"
)

// get reads the workload, and logs what other writers did to it.
func (l *Loop) get(ctx context.Context) (workload.Scale, error) {
	asked := time.Now()
	scale, err := l.scaler.Get(ctx)
	if scale.Asked || err != nil {
		l.metrics.Took(metrics.Read, time.Since(asked))
	}
	if err != nil {
		if ctx.Err() == nil {
			l.metrics.WorkloadFailed(metrics.Read, workload.CauseOf(err))
		}
		return scale, err
	}
	l.metrics.SetPaused(l.target.Paused || scale.Paused)
	owned, c := l.ownership.see(scale, time.Now())
	l.ownership = owned
	if c.kind != unchanged {
		l.owner.due, l.owner.err = true, nil
	}
	line := []any{"target", l.target.Name, "namespace", l.target.Workload.Namespace, "workload", l.target.Workload}
	switch c.kind {
	case foreign, undone:
		l.metrics.ForeignChange()
		line = append([]any{"msg", "replicas changed by another writer"}, line...)
		level.Info(l.logger).Log(append(line, "manager", cmp.Or(scale.Writer.Manager, "unknown"), "from", c.from, "to", c.to, "undone", c.kind == undone)...)
	case recreated:
		line = append([]any{"msg", "workload recreated"}, line...)
		level.Info(l.logger).Log(append(line, "from", c.from, "to", c.to)...)
	case unchanged:
	}
	return scale, nil
}

// block returns why nothing may be written, "" if nothing forbids it.
func (l *Loop) block(ctx context.Context, scale workload.Scale, r *report) decide.Reason {
	switch {
	case l.target.Paused:
		r.pausedBy = "file"
		return decide.Paused
	case scale.Paused:
		r.pausedBy = "annotation"
		return decide.Paused
	}
	if other, uncertain := l.otherScaler(ctx, scale); other != "" {
		r.owner = other
		if uncertain != nil {
			r.fail(uncertain, string(workload.CauseOf(uncertain)))
		}
		return decide.OwnedByOther
	}
	if l.ownership.contested(time.Now()) {
		return decide.Contested
	}
	return ""
}

// act carries a decision out: in one attempt, and once begun to its end.
func (l *Loop) act(ctx context.Context, scale workload.Scale, r *report) {
	d := r.decision
	if d.Action == decide.None || l.target.DryRun {
		return
	}
	asked := time.Now()
	err := l.scaler.Set(context.WithoutCancel(ctx), scale, d.To)
	l.metrics.Took(metrics.Write, time.Since(asked))
	if err == nil {
		l.ownership = l.ownership.wrote(d.From, d.To)
		return
	}
	cause := workload.CauseOf(err)
	l.metrics.WorkloadFailed(metrics.Write, cause)
	r.fail(err, string(cause))
	switch cause {
	case workload.CauseTimeout, workload.CauseServer, workload.CauseConnection:
		l.ownership = l.ownership.mayHaveWritten(d.From, d.To)
	}
}
