package decide

import (
	"math"
	"sort"
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
	MaxUnknown bool // upper bound unknown: load must not scale up

	MinBy, MaxBy string // the calendar entries that set them; "" for the rule
}

// valid are the limits without contradictions: the ceiling holds, and nothing
// goes down to 0 from where it could not come back.
func (l Limits) valid(zero bool) Limits {
	if l.Ceiling > 0 {
		l.Max = min(l.Max, l.Ceiling)
	}
	least := int32(1)
	if zero {
		least = 0
	}
	l.Min = max(l.Min, least)
	return l
}

// FromZero reports whether the rule can scale up from 0 replicas: it does not
// divide by them.
func (r *Rule) FromZero() bool { return r.Kind == Target || r.Absolute }

// DefaultRule is the rule that the scaler was made for, with DefaultLimits.
func DefaultRule() Rule { return Rule{Kind: Step, ScaleUpAt: 50, ScaleDownAt: 20} }

// DefaultLimits are those of the rule that the scaler was made for.
func DefaultLimits() Limits { return Limits{Min: 1, Max: 4} }

// PerInstance is what the rule compares: the number per replica, NaN without
// replicas, or the number itself if the rule is absolute.
func (r *Rule) PerInstance(number float64, replicas int32) float64 {
	switch {
	case r.Absolute:
		return number
	case replicas <= 0:
		return math.NaN()
	}
	return number / float64(replicas)
}

// High reports whether the number asks for more than n replicas, whatever the
// limits are. Of 0 replicas, a rule that divides by them asks for nothing.
func (r *Rule) High(number float64, n int32) bool {
	switch {
	case r.Kind == Target && n <= 0:
		return number > 0
	case r.Kind == Target:
		return number/float64(n) > r.ValuePerReplica
	}
	return r.PerInstance(number, n) >= r.ScaleUpAt
}

// Low reports whether the number asks for fewer than n replicas, if there may be
// least of them. A target rule asks for none where there is nothing to do.
func (r *Rule) Low(number float64, n, least int32) bool {
	switch {
	case r.Kind == Target && n <= 1:
		return least <= 0 && number <= 0
	case r.Kind == Target:
		return number/float64(n-1) <= r.ValuePerReplica
	}
	return r.PerInstance(number, n) <= r.ScaleDownAt
}

// verdict is what a rule says of one number.
type verdict struct {
	to     int32 // the replicas that it asks for
	reason Reason
	per    float64  // what was compared
	bound  *float64 // the rule's number that decided; nil if none did
}

// verdict applies the rule to n replicas. It goes by at most up or down, and
// never beyond the limits. It goes to 0 from 1 alone, so that what has to come
// before is waited for with one replica.
func (r *Rule) verdict(number float64, n int32, limits Limits, up, down int32) verdict {
	v := verdict{to: n, reason: WithinBounds, per: r.PerInstance(number, n)}
	high, low := r.High(number, n), r.Low(number, n, limits.Min)
	most, least := limits.Max, limits.Min // as far as a step may go
	if n > 1 {
		least = max(least, 1)
	}
	atHigh, atLow := &r.ScaleUpAt, &r.ScaleDownAt
	if r.Kind == Target {
		desired := r.desired(number)
		most, least = min(most, desired), max(least, desired)
		atHigh, atLow = &r.ValuePerReplica, &r.ValuePerReplica
	}
	switch {
	case high && n < limits.Max:
		v.to, v.reason, v.bound = stepUp(n, most, up), LoadHigh, atHigh
	case high:
		v.reason, v.bound = LoadHighAtMax, atHigh
	case low && n > limits.Min:
		v.to, v.reason, v.bound = stepDown(n, least, down), LoadLow, atLow
	case low:
		v.reason, v.bound = LoadLowAtMin, atLow
	}
	return v
}

// desired is the fewest replicas of which none has more than the value: 0 if
// there is nothing to share. It is exact: it asks the division that everybody can
// repeat, which gives less or as much the more replicas there are.
func (r *Rule) desired(number float64) int32 {
	if number <= 0 {
		return 0
	}
	enough := func(i int) bool { return number/float64(i+1) <= r.ValuePerReplica }
	return int32(1 + sort.Search(math.MaxInt32-1, enough))
}

// stepUp goes up from n to limit by at most step; 0 is any number.
func stepUp(n, limit, step int32) int32 {
	if step <= 0 || limit-n < step {
		return limit
	}
	return n + step
}

// stepDown goes down from n to limit by at most step; 0 is any number.
func stepDown(n, limit, step int32) int32 {
	if step <= 0 || n-limit < step {
		return limit
	}
	return n - step
}
