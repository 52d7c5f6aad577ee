package decide

import (
	"fmt"
	"math"
)

// Rule is the step rule: one replica more if the value per replica is at or
// above ScaleUpAt, one less if it is at or below ScaleDownAt. Both bounds are
// inclusive and exact.
type Rule struct {
	ScaleUpAt   float64
	ScaleDownAt float64
	MinReplicas int32 // a step down never goes below
	MaxReplicas int32 // a step up never goes above
}

// DefaultRule is the rule that the scaler was made for.
func DefaultRule() Rule {
	return Rule{ScaleUpAt: 50, ScaleDownAt: 20, MinReplicas: 1, MaxReplicas: 4}
}

// Problem is a contradiction in a rule.
type Problem struct {
	Field   string // the rule's field, in snake case
	Problem string // what is wrong, and what instead
}

// Problems returns every contradiction in the rule; a rule without any is
// valid.
func (r Rule) Problems() []Problem {
	var problems []Problem
	add := func(field, format string, args ...any) {
		problems = append(problems, Problem{field, fmt.Sprintf(format, args...)})
	}
	finite := func(field string, v float64) bool {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			add(field, "%v is not finite: want a number", v)
			return false
		}
		return true
	}
	up, down := finite("scale_up_at", r.ScaleUpAt), finite("scale_down_at", r.ScaleDownAt)
	if up && down && r.ScaleUpAt <= r.ScaleDownAt {
		add("scale_up_at", "%v is not above scale_down_at, %v: raise the one or lower the other", r.ScaleUpAt, r.ScaleDownAt)
	}
	if r.MinReplicas < 1 {
		add("min_replicas", "%d is too low: want 1 or more, for the number is divided by the replicas", r.MinReplicas)
	}
	if r.MinReplicas > r.MaxReplicas {
		add("min_replicas", "%d is above max_replicas, %d: lower the one or raise the other", r.MinReplicas, r.MaxReplicas)
	}
	return problems
}
