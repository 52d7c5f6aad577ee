package replay

import (
	"context"

	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/config"
)

// Actual is what really happened: the replicas that were recorded, judged as
// those of a run are.
type Actual struct {
	Steps []Step // the first MaxSteps
	Meter Meter

	target config.Target
	end    int64
	pods   pods
}

// NewActual returns the course of the recorded replicas of a target.
func NewActual(t config.Target, o Options) *Actual {
	a := &Actual{target: t, end: o.To.UnixNano(), pods: pods{readyAfter: o.ReadyAfter.Nanoseconds()}}
	a.Meter = newMeter(o, &a.pods)
	a.Meter.absent = true
	return a
}

// Known reports whether any replicas were recorded.
func (a *Actual) Known() bool { return a.Meter.MostRunning > 0 }

// Feed takes in what was seen next.
func (a *Actual) Feed(_ context.Context, batch []Observation) {
	for _, o := range batch {
		a.Meter.advance(min(o.Seen, a.end))
		if o.Seen >= a.end {
			return
		}
		a.Meter.limits = a.target.Calendar.Limits(a.target.Policy.Limits, timeOf(o.Seen))
		if o.Track != Replicas {
			a.Meter.observe(o)
			continue
		}
		known := o.replicas()
		if a.Meter.absent = known == nil; a.Meter.absent {
			continue
		}
		switch n := *known; {
		case a.pods.desired == 0:
			a.pods.desired, a.pods.ready = n, n
		case n != a.pods.desired:
			from := a.pods.desired
			a.pods.set(n, o.Seen)
			a.Meter.step(from, n)
			if len(a.Steps) < MaxSteps {
				a.Steps = append(a.Steps, Step{Time: timeOf(o.Seen), From: from, To: n})
			}
		}
	}
}

// End lets the time pass until the end of the replay.
func (a *Actual) End(context.Context) { a.Meter.advance(a.end) }
