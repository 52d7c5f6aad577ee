package metrics

import (
	"time"

	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/decide"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/loop"
)

// dryRun compares what a dry run's workload has with what its shadow has: the
// replicas that it would have if it followed the scaler's decisions.
type dryRun struct {
	at      time.Time // until when the totals count; zero before the first decision
	known   bool      // the replicas are, since at
	real    course
	shadow  course
	seconds float64 // in which both were known
	same    float64 // in which they were the same
}

// course is one course of replicas, and its totals.
type course struct {
	replicas       int32
	above          bool // a trigger's load is at its upper bound or above
	replicaSeconds float64
	aboveSeconds   float64
}

// observe takes in a decision. Without one on the shadow, its replicas stay.
func (r *dryRun) observe(d loop.Decision, now time.Time) {
	r.pass(now)
	if d.Shadow != nil {
		r.shadow.replicas = d.Shadow.To
	}
	r.known = d.Scale != nil && (r.known || d.Shadow != nil)
	if d.Scale != nil {
		r.real.replicas = d.Scale.Replicas
	}
	r.real.above, r.shadow.above = above(d, r.real.replicas), above(d, r.shadow.replicas)
}

// above reports whether the load of a trigger is at its upper bound or above.
// What is missing is not above.
func above(d loop.Decision, replicas int32) bool {
	for i, s := range d.Samples {
		if (replicas > 0 || d.Limits.Min == 0) && i < len(d.Target.Policy.Triggers) && decide.Hold(s) == "" && d.Target.Policy.Triggers[i].Rule.High(s.Value, replicas) {
			return true
		}
	}
	return false
}

// pass counts the time until now.
func (r *dryRun) pass(now time.Time) {
	if !r.at.IsZero() && r.known {
		d := now.Sub(r.at).Seconds()
		r.seconds += d
		if r.real.replicas == r.shadow.replicas {
			r.same += d
		}
		r.real.pass(d)
		r.shadow.pass(d)
	}
	r.at = now
}

func (c *course) pass(seconds float64) {
	c.replicaSeconds += seconds * float64(c.replicas)
	if c.above {
		c.aboveSeconds += seconds
	}
}

// The courses, as values of a label.
const (
	courseReal   = "real"
	courseShadow = "shadow"
)

// collect collects what is known, as of now.
func (r *dryRun) collect(m *Metrics, now time.Time, to export) {
	if r.at.IsZero() {
		return
	}
	r.pass(now)
	if r.known {
		to.metric(m.shadow, float64(r.shadow.replicas))
	}
	to.metric(m.compared, r.seconds)
	to.metric(m.same, r.same)
	for name, c := range map[string]course{courseReal: r.real, courseShadow: r.shadow} {
		to.metric(m.replicaTime, c.replicaSeconds, name)
		to.metric(m.aboveTime, c.aboveSeconds, name)
	}
}
