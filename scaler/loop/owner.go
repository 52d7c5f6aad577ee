package loop

import (
	"context"
	"time"

	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/decide"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/workload"
)

// checkEvery is how often we check that the other autoscaler still exists.
const checkEvery = time.Minute

// owner is what is known of another autoscaler of the workload. Its writes alone
// do not tell: they leave no trace if the workload was created by server-side
// apply without replicas, and control planes of vendors write under names of
// their own. So HorizontalPodAutoscalers are listed at the start and whenever
// another writer changes the replicas.
type owner struct {
	due     bool      // list them at the next decision
	checked time.Time // when they were last listed
	of      version   // that the workload had then
	name    string    // of a HorizontalPodAutoscaler; "" if there is none or it is unknown
	err     error     // why it is unknown
}

// version tells a write of the replicas by one autoscaler from its next.
type version struct {
	uid        string
	generation int64
	writer     workload.Writer
}

func versionOf(s workload.Scale) version { return version{s.UID, s.Generation, s.Writer} }

// overdue reports whether to list HorizontalPodAutoscalers now.
func (o owner) overdue(s workload.Scale, now time.Time) bool {
	late := now.Sub(o.checked) >= checkEvery
	switch {
	case o.due:
		return o.err == nil || late
	case o.name != "" || o.err != nil && s.Writer.Autoscaler():
		return late // it may have gone
	}
	return s.Writer.Autoscaler() && o.of != versionOf(s) // it has written since
}

// is returns the other autoscaler, "" if there is none.
func (o owner) is(s workload.Scale) string {
	switch {
	case o.name != "":
		return "horizontalpodautoscaler/" + o.name
	case s.Writer.Autoscaler() && (o.err != nil || o.of != versionOf(s)):
		return s.Writer.Manager
	}
	return ""
}

// otherScaler returns what else scales the workload, if anything does.
func (l *Loop) otherScaler(ctx context.Context, s workload.Scale) decide.Block {
	if l.owner.overdue(s, l.local()) {
		l.checkOwner(ctx, s)
	}
	if name := l.owner.is(s); name != "" {
		return decide.Block{Reason: decide.OwnedByOther, By: name, Err: l.owner.err}
	}
	if left := l.ownership.rivalled(l.local(), l.target.Interval); left > 0 && !l.target.DryRun {
		return decide.Block{Reason: decide.OwnedByOther, By: "another camunda-scaler", Left: left}
	}
	return decide.Block{}
}

func (l *Loop) checkOwner(ctx context.Context, s workload.Scale) {
	name, err := l.scaler.ScaledByHPA(ctx)
	switch forbidden := workload.CauseOf(err) == workload.CauseForbidden; {
	case err == nil:
		l.owner = owner{checked: l.local(), of: versionOf(s), name: name}
		return
	case forbidden: // the writer alone tells
		l.owner.due, l.owner.name = false, ""
	}
	l.owner.checked, l.owner.err = l.local(), err
}
