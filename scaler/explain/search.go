package explain

import (
	"math"
	"slices"
	"sort"
	"time"

	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/config"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/decide"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/loop"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/sample"
)

// question is a decision that can be made again on other inputs. Its methods are
// pure, and answer by decide.Policy.Decide itself.
type question struct {
	policy decide.Policy
	in     decide.Input
	before decide.State
}

func questionOf(d loop.Decision) question {
	q := question{policy: d.Target.Policy, in: d.Input}
	if d.Before != nil {
		q.before = *d.Before
	} else {
		q.before = decide.NewState(d.Now)
	}
	return q
}

// now is what would be decided if the samples were new, and nothing had to be
// waited for.
func (q question) now() decide.Decision {
	p := q.policy
	p.ScaleUpDelay, p.ScaleDownDelay, p.ScaleToZeroDelay, p.ScaleDownCoverage, p.HoldAfterStart = 0, 0, 0, 0, 0
	p.WaitForReady, p.BusyPods = false, nil
	q.in.Used, q.before.Since = false, time.Time{}
	d, _ := p.Decide(q.in, q.before)
	return d
}

// afresh is the question with samples that were not used before.
func (q question) afresh() question {
	q.in.Used = false
	return q.later(0)
}

// later is the question after a while in which nothing changes but the time. Its
// samples are as old as they were, but not older than the time since they were
// used.
func (q question) later(by time.Duration) question {
	q.in.Now = q.in.Now.Add(by)
	q.in.Samples = slices.Clone(q.in.Samples)
	for i, s := range q.in.Samples {
		if s.Missing() != "" || s.Timestamp.IsZero() {
			continue
		}
		at := s.Timestamp.Add(by)
		if !at.After(q.before.Since) {
			at = q.in.Now
		}
		q.in.Samples[i].Timestamp = at
	}
	q.in.Used = q.in.Used && by == 0
	return q
}

// step is the most time that may pass between two samples without a gap.
func (q question) step() time.Duration {
	least := q.policy.MaxAge(0)
	for _, s := range q.in.Samples {
		least = min(least, q.policy.MaxAge(s.Spacing))
	}
	return max(least, time.Millisecond)
}

// pass lets time pass in which samples of the same values come, and returns what
// is remembered then.
func (q question) pass(left time.Duration) question {
	for step := q.step(); left > 0; left -= step {
		_, after := q.policy.Decide(q.in, q.before)
		q.before = after
		q = q.later(min(step, left))
	}
	return q
}

// reach lets time pass until a step is taken, and returns after how long, and
// whether it comes at once if all Pods are ready, or idle. It is not ok if more than time
// is missing.
func (q question) reach() (d decide.Decision, after time.Duration, ready, ok bool) {
	for range 8 {
		d, _ = q.policy.Decide(q.in, q.before)
		if !d.Reason.Waits() || d.Left <= 0 {
			break
		}
		after += d.Left
		ready = ready || d.Reason == decide.WaitForReady || d.Reason == decide.WaitForIdle
		q = q.pass(d.Left)
	}
	return d, after, ready, d.Action != decide.None
}

// next is the question that comes an interval after a step.
func (q question) next(t *config.Target) question {
	d, after := q.policy.Decide(q.in, q.before)
	q.before = after.Acted(d.Now)
	if !t.DryRun {
		q.in.Replicas, q.in.ByRule, q.in.Pods = d.To, true, nil
	}
	return q.later(t.Interval)
}

// with is the question with another value of a trigger's sample.
func (q question) with(trigger int, value float64) question {
	q.in.Samples = slices.Clone(q.in.Samples)
	s := &q.in.Samples[trigger]
	if s.Missing() != "" {
		*s = sample.Result{Timestamp: q.in.Now, Spacing: s.Spacing}
	}
	s.Outcome, s.Value, s.Empty = sample.Value, value, false
	return q
}

// withData is the question with that value wherever data are missing.
func (q question) withData(value float64) question {
	for i, s := range q.in.Samples {
		if s.Missing() != "" {
			q = q.with(i, value)
		}
	}
	return q
}

func (q question) unblocked() question {
	q.in.Block, q.in.NoUp, q.in.NoDown = decide.Block{}, "", ""
	return q
}

// blocks reports whether something forbids steps in that direction.
func (q question) blocks(a decide.Action) bool {
	return q.in.Block.Reason != "" || a == decide.Up && q.in.NoUp != "" || a == decide.Down && q.in.NoDown != ""
}

// key numbers all finite numbers in their order.
func key(v float64) uint64 {
	n := math.Float64bits(v)
	if n>>63 == 1 {
		return ^n
	}
	return n | 1<<63
}

func number(key uint64) float64 {
	if key>>63 == 1 {
		return math.Float64frombits(key &^ (1 << 63))
	}
	return math.Float64frombits(^key)
}

// border returns the least value from which on something holds or, downwards,
// the greatest. It is not ok if it holds for all values, or for none. A guess
// that is right but for rounding makes it fast.
func border(upwards bool, guess float64, holds func(v float64) bool) (v float64, ok bool) {
	before := func(k uint64) bool { return holds(number(k)) != upwards } // the border is above
	first, last := key(-math.MaxFloat64), key(math.MaxFloat64)
	if !before(first) || before(last) {
		return 0, false
	}
	const off = 4 // numbers
	if near := key(guess); near > first+off && near < last-off {
		if before(near - off) {
			first = near - off
		}
		if !before(near + off) {
			last = near + off
		}
	}
	for last-first > 1 {
		if middle := first + (last-first)/2; before(middle) {
			first = middle
		} else {
			last = middle
		}
	}
	if upwards {
		return number(last), true
	}
	return number(first), true
}

// upAt returns the least value of a trigger at which load scales up, if the
// others stay as they are.
func (q question) upAt(trigger int) (float64, bool) {
	q = q.unblocked()
	r, n := q.policy.Triggers[trigger].Rule, float64(q.in.Replicas)
	guess := r.ScaleUpAt
	switch {
	case r.Kind == decide.Target:
		guess = r.ValuePerReplica * n
	case !r.Absolute:
		guess *= n
	}
	return border(true, guess, func(v float64) bool { return q.with(trigger, v).now().Action == decide.Up })
}

// counts reports whether a step down needs a trigger to agree: it does not while
// it is optional and without data, unless that keeps up a fallback.
func (q question) counts(trigger int, fallbacks bool) bool {
	t := q.policy.Triggers[trigger]
	last := q.in.Replicas == 1 // which goes only if no data is missing
	return !t.Optional || last || q.in.Samples[trigger].Missing() == "" || fallbacks && t.OnNoData == decide.FallbackOnNoData
}

// downAt returns the greatest value of a trigger at which load scales down, if
// all others are low enough, too.
func (q question) downAt(trigger int, fallbacks bool) (float64, bool) {
	q = q.unblocked()
	for i := range q.in.Samples {
		if i != trigger && q.counts(i, fallbacks) {
			q = q.with(i, -math.MaxFloat64)
		}
	}
	r, n := q.policy.Triggers[trigger].Rule, float64(q.in.Replicas)
	guess := r.ScaleDownAt
	switch {
	case r.Kind == decide.Target:
		guess = r.ValuePerReplica * (n - 1)
	case !r.Absolute:
		guess *= n
	}
	return border(false, guess, func(v float64) bool { return q.with(trigger, v).now().Action == decide.Down })
}

// low returns how low the triggers have to be, all of them, for load to scale
// down. Those that are low enough already are left out.
func (q question) low(fallbacks bool) (values []Value, ok bool) {
	for i, s := range q.in.Samples {
		if !q.counts(i, fallbacks) {
			continue
		}
		bound, ok := q.downAt(i, fallbacks)
		if !ok {
			return nil, false
		}
		if s.Missing() != "" || s.Value > bound {
			values = append(values, outward(i, bound, false))
		}
	}
	return values, len(values) > 0
}

// fallback returns after how long without data the replicas go up to the
// fallback, whatever the load.
func (q question) fallback() (after time.Duration, ok bool) {
	p := q.policy
	most := max(time.Hour, p.MaxSampleAge) // MaxAge is never more
	p.ScaleUpDelay, p.ScaleDownDelay, p.HoldAfterStart = 2*most, 2*most, 0
	for i, t := range p.Triggers {
		ok = ok || t.OnNoData == decide.FallbackOnNoData && q.in.Samples[i].Missing() != ""
	}
	due := func(after time.Duration) bool {
		in := q.in
		in.Now = in.Now.Add(after)
		d, _ := p.Decide(in, q.before)
		return d.Reason == decide.Fallback
	}
	if !ok || !due(most) {
		return 0, false
	}
	ms := sort.Search(int(most/time.Millisecond), func(ms int) bool { return due(time.Duration(ms) * time.Millisecond) })
	return time.Duration(ms) * time.Millisecond, true
}

// replicas returns the nearest number of replicas, within the limits, with which
// the load as it is would move them in that direction.
func (q question) replicas(a decide.Action) (int32, bool) {
	const far = 100
	by, why := int32(-1), decide.LoadHigh
	if a == decide.Down {
		by, why = 1, decide.LoadLow
	}
	q = q.unblocked()
	for n, i := q.in.Replicas+by, 0; n >= max(1, q.in.Limits.Min) && n <= q.in.Limits.Max && i < far; n, i = n+by, i+1 {
		if d := q.changed(Change{Replicas: n}).now(); d.Action == a && d.Reason == why {
			return n, true
		}
	}
	return 0, false
}
