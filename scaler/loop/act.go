package loop

import (
	"context"
	"time"

	"github.com/go-kit/log/level"

	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/decide"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/metrics"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/workload"
)

// get reads the workload, and says who else has written it.
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
	line := []any{"target", l.target.Name, "namespace", l.target.Workload.Namespace, "workload", l.target.Workload}
	switch c.kind {
	case foreign, undone:
		l.metrics.ForeignChange()
		line = append([]any{"msg", "replicas changed by somebody else"}, line...)
		level.Info(l.logger).Log(append(line, "manager", orUnknown(scale.Writer.Manager), "from", c.from, "to", c.to, "undone", c.kind == undone)...)
	case recreated:
		line = append([]any{"msg", "the workload was recreated"}, line...)
		level.Info(l.logger).Log(append(line, "from", c.from, "to", c.to)...)
	case unchanged:
	}
	return scale, nil
}

func orUnknown(s string) any {
	if s == "" {
		return nil
	}
	return s
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
	case l.ownership.autoscaled(scale):
		l.checkOwner(ctx, scale)
		if !l.ownership.autoscaled(scale) {
			break
		}
		r.owner = scale.Writer.Manager
		if l.owner.name != "" {
			r.owner = "horizontalpodautoscaler/" + l.owner.name
		}
		if l.owner.err != nil {
			r.fail(l.owner.err, string(workload.CauseOf(l.owner.err)))
		}
		return decide.OwnedByOther
	}
	if l.ownership.contested(time.Now()) {
		return decide.Contested
	}
	return ""
}

// owner is what is known of the autoscaler that wrote the replicas.
type owner struct {
	asked time.Time
	name  string // of a HorizontalPodAutoscaler; "" if unknown
	err   error  // why it is unknown
}

// checkEvery is how often is looked whether another autoscaler still is there.
const checkEvery = time.Minute

// checkOwner asks whether the autoscaler that wrote the replicas is still
// there.
func (l *Loop) checkOwner(ctx context.Context, scale workload.Scale) {
	if !l.owner.asked.IsZero() && time.Since(l.owner.asked) < checkEvery {
		return
	}
	name, err := l.scaler.ScaledByHPA(ctx)
	l.owner = owner{time.Now(), name, err}
	if err == nil && name == "" {
		l.ownership.void = scale.Writer
	}
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
