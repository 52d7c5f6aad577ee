package page

import (
	"fmt"
	"time"

	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/decide"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/explain"
)

// course is what one course of replicas comes to.
type course struct {
	replicaTime, above time.Duration
}

// compared is a dry run beside what really happened.
type compared struct {
	real, shadow course
	same, known  time.Duration
}

// compare adds up the time in which both courses are known. What is not decided
// on for more than three intervals is unknown.
func (p past) compare() (c compared) {
	for i, e := range p.entries {
		if e.Shadow == nil || e.Scale == nil {
			continue
		}
		end := p.to
		if i+1 < len(p.entries) {
			end = p.entries[i+1].At
		}
		passed := end.Sub(e.At)
		if passed > 3*e.Target.Interval {
			continue
		}
		c.known += passed
		if e.Shadow.To == e.Replicas {
			c.same += passed
		}
		for _, of := range []struct {
			*course
			n int32
		}{{&c.real, e.Replicas}, {&c.shadow, e.Shadow.To}} {
			of.replicaTime += passed * time.Duration(of.n)
			for k, s := range e.Samples {
				r := e.Target.Policy.Triggers[k].Rule
				up, _ := bounds(r, of.n)
				if s.Missing() == "" && (s.Value > up || s.Value >= up && r.Kind == decide.Step) {
					of.above += passed
					break
				}
			}
		}
	}
	return c
}

// lines says how the dry run compares, one fact a line; none if it is none.
func (c compared) lines() []string {
	if c.known <= 0 {
		return nil
	}
	hours := func(d time.Duration) string { return explain.Number(d.Hours()) }
	return []string{
		fmt.Sprintf("%s %% of %s with the same replicas", explain.Number(100*float64(c.same)/float64(c.known)), explain.Duration(c.known)),
		fmt.Sprintf("%s replica-hours instead of %s", hours(c.shadow.replicaTime), hours(c.real.replicaTime)),
		fmt.Sprintf("above the bound for %s instead of %s", explain.Duration(c.shadow.above), explain.Duration(c.real.above)),
	}
}
