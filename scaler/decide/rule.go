package decide

import (
	"fmt"
	"math"
)

// Kind says how a rule turns a number into replicas.
type Kind string

// The kinds of rules.
const (
	Step   Kind = "step"   // a step up or down beyond a bound
	Target Kind = "target" // as many replicas as keep the number per replica at or below a value
)

// Kinds lists every kind.
func Kinds() []Kind { return []Kind{Step, Target} }

// Rule says what one number asks for. Its bounds are inclusive and exact.
type Rule struct {
	Kind Kind

	// Of a step rule: a step up if the number per replica is at or above the
	// one, a step down if it is at or below the other.
	ScaleUpAt, ScaleDownAt float64
	Absolute               bool // compare the number itself, not the number per replica

	// Of a target rule: the fewest replicas with which number/replicas is not
	// above it.
	ValuePerReplica float64
}

// Limits bound the replicas.
type Limits struct {
	Min int32 // fewer are stepped up from; a step down never goes below
	Max int32 // a step up never goes above
	// Ceiling is what more replicas are stepped down to; 0 for none. Without
	// one, replicas above Max were set by hand and stay until the load is low.
	Ceiling    int32
	MaxUnknown bool // what bounds the steps up is not known now: none by the load
}

// DefaultRule is the rule that the scaler was made for, with DefaultLimits.
func DefaultRule() Rule { return Rule{Kind: Step, ScaleUpAt: 50, ScaleDownAt: 20} }

// DefaultLimits are those of the rule that the scaler was made for.
func DefaultLimits() Limits { return Limits{Min: 1, Max: 4} }

// verdict is what a rule says of one number.
type verdict struct {
	to     int32 // the replicas that it asks for
	reason Reason
	per    float64  // what was compared: the number per replica, or the number
	bound  *float64 // the rule's number that decided; nil if none did
}

// verdict applies the rule. Replicas is 1 or more.
func (r Rule) verdict(number float64, replicas int32, limits Limits, up, down int32) verdict {
	v := verdict{to: replicas, reason: WithinBounds, per: number / float64(replicas)}
	var high, low bool
	wanted := limits.Max
	if r.Kind == Target {
		least := r.least(number)
		high, low, wanted, v.bound = least > replicas, least < replicas, max(least, limits.Min), &r.ValuePerReplica
		if low {
			down = atMost(down, replicas-wanted)
		}
	} else {
		if r.Absolute {
			v.per = number
		}
		high, low = v.per >= r.ScaleUpAt, v.per <= r.ScaleDownAt
	}
	switch {
	case high && replicas < limits.Max:
		v.to, v.reason = stepUp(replicas, min(wanted, limits.Max), up), LoadHigh
	case low && replicas > limits.Min:
		v.to, v.reason = stepDown(replicas, limits.Min, down), LoadLow
	case high:
		v.reason = LoadHighAtMax
	case low:
		v.reason = LoadLowAtMin
	}
	switch {
	case !high && !low:
		v.bound = nil
	case r.Kind == Target:
	case v.reason == LoadHigh || v.reason == LoadHighAtMax:
		v.bound = &r.ScaleUpAt
	default:
		v.bound = &r.ScaleDownAt
	}
	return v
}

// least is the fewest replicas, 1 or more, of which none has more than its
// share. It is exact: it asks the division that everybody can repeat.
func (r Rule) least(number float64) int32 {
	n := math.Ceil(number / r.ValuePerReplica)
	switch {
	case !(n > 1): // also a NaN, which Problems keeps out
		n = 1
	case n >= math.MaxInt32:
		return math.MaxInt32
	}
	for n > 1 && number/(n-1) <= r.ValuePerReplica {
		n--
	}
	for number/n > r.ValuePerReplica && n < math.MaxInt32 {
		n++
	}
	return int32(n)
}

// stepUp goes from n towards limit by at most step; 0 is any number.
func stepUp(n, limit, step int32) int32 {
	if step == 0 || limit-n < step {
		return limit
	}
	return n + step
}

// stepDown is the same downwards.
func stepDown(n, limit, step int32) int32 {
	if step == 0 || n-limit < step {
		return limit
	}
	return n - step
}

func atMost(step, n int32) int32 {
	if step == 0 {
		return n
	}
	return min(step, n)
}

// Problem is a contradiction in a rule.
type Problem struct {
	Field   string // the field, in snake case
	Problem string // what is wrong, and what instead
}

type problems []Problem

func (p *problems) add(field, format string, args ...any) {
	*p = append(*p, Problem{field, fmt.Sprintf(format, args...)})
}

func (p *problems) finite(field string, v float64) bool {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		p.add(field, "%v is not finite: want a number", v)
		return false
	}
	return true
}

// Problems returns every contradiction in the rule; a rule without any is
// valid.
func (r Rule) Problems() []Problem {
	var p problems
	if r.Kind == Target {
		if p.finite("value_per_replica", r.ValuePerReplica) && r.ValuePerReplica <= 0 {
			p.add("value_per_replica", "%v is too low: want a number above 0", r.ValuePerReplica)
		}
		return p
	}
	up, down := p.finite("scale_up_at", r.ScaleUpAt), p.finite("scale_down_at", r.ScaleDownAt)
	if up && down && r.ScaleUpAt <= r.ScaleDownAt {
		p.add("scale_up_at", "%v is not above scale_down_at, %v: raise the one or lower the other", r.ScaleUpAt, r.ScaleDownAt)
	}
	return p
}

// Problems returns every contradiction in the limits.
func (l Limits) Problems() []Problem {
	var p problems
	if l.Min < 1 {
		p.add("min_replicas", "%d is too low: want 1 or more, for the number is divided by the replicas", l.Min)
	}
	if l.Min > l.Max {
		p.add("min_replicas", "%d is above max_replicas, %d: lower the one or raise the other", l.Min, l.Max)
	}
	return p
}
