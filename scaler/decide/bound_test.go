package decide

import (
	"testing"
	"time"
)

// A floor is gone up to by steps, also without data, and whatever delays the
// load or bounds it: keda#7204, step limits hold on every path.
func TestAFloorIsGoneUpToBySteps(t *testing.T) {
	s := newStory(t, 1, func(p *Policy) { p.StepUp, p.ScaleUpDelay = 2, time.Hour })
	s.limits = Limits{Min: 6, Max: 8}
	s.wants(BelowMin, 3, 10*time.Second, none())
	s.wants(BelowMin, 5, 10*time.Second, value(high)) // the load's own step has to wait
	s.limits.MaxUnknown = true
	s.wants(BelowMin, 6, 10*time.Second, value(high))
	s.wants(NoData, 6, 10*time.Second, none())
	s.limits.Min = 8
	s.policy.StepUp = 0
	s.replicas = 1
	s.wants(BelowMin, 8, 10*time.Second, value(low))
}

// With the load high as well it says so, and the longer step is taken.
func TestBelowMin(t *testing.T) {
	limits := Limits{Min: 3, Max: 4}
	if d := decide1(value(0), 1, DefaultRule(), limits); d.Action != Up || d.To != 2 || d.Reason != BelowMin || d.Bound != nil {
		t.Errorf("got %+v, want up", d)
	}
	if d := decide1(value(100), 2, DefaultRule(), limits); d.Action != Up || d.To != 3 || d.Reason != LoadHigh {
		t.Errorf("got %+v, want up", d)
	}
	s := newStory(t, 1, func(p *Policy) { p.Triggers[0].Rule, p.StepUp = Rule{Kind: Target, ValuePerReplica: 10}, 0 })
	s.limits = Limits{Min: 5, Max: 9}
	s.wants(BelowMin, 5, 10*time.Second, value(25))
	s.wants(LoadHigh, 7, 10*time.Second, value(65))
}

// The calendar's maximum is gone down to by steps, on fresh data of every
// required trigger only, and not before the coverage.
func TestACeilingIsGoneDownToBySteps(t *testing.T) {
	s := newStory(t, 9, two(func(_, b *Trigger) { b.Optional = true }))
	s.policy.StepDown, s.policy.ScaleDownDelay = 2, time.Hour
	s.limits = Limits{Min: 1, Max: 4, Ceiling: 4}
	used := value(high)
	used.Timestamp = s.now
	s.wants(SampleUsed, 9, 10*time.Second, used, none())
	s.wants(NoData, 9, 10*time.Second, none(), none())
	s.wants(NoData, 9, 10*time.Second, none(), value(low))
	s.wants(AboveMax, 7, 10*time.Second, value(high), none()) // also while the load is high
	s.wants(AboveMax, 5, 10*time.Second, value(low), none())  // it need not wait as the load has to
	s.policy.ScaleDownCoverage = 30 * time.Second
	s.wants(Coverage, 5, 20*time.Second-time.Nanosecond, value(low), none())
	s.wants(AboveMax, 4, time.Nanosecond, value(150), none())
	s.wants(LoadHighAtMax, 4, 10*time.Second, value(high), none())
}

// At the maximum with a high load a missing trigger matters to nothing, but for
// a ceiling, which needs it.
func TestACeilingNeedsEveryRequiredTrigger(t *testing.T) {
	s := newStory(t, 9, two())
	s.limits = Limits{Min: 1, Max: 4, Ceiling: 4}
	s.wants(LoadHighAtMax, 9, 10*time.Second, value(high), none())
	s.wants(AboveMax, 8, 10*time.Second, value(high), value(low))
}

// Where the load goes as far down as the ceiling or further, it is the load's
// step.
func TestTheLongerStepDownIsTaken(t *testing.T) {
	s := newStory(t, 9, func(p *Policy) { p.Triggers[0].Rule, p.StepDown = Rule{Kind: Target, ValuePerReplica: 10}, 0 })
	s.limits = Limits{Min: 1, Max: 6, Ceiling: 6}
	s.wants(AboveMax, 6, 10*time.Second, value(75))
	s.replicas = 9
	s.wants(LoadLow, 6, 10*time.Second, value(60))
	s.replicas = 9
	s.wants(LoadLow, 3, 10*time.Second, value(30))
}

// If the floor and the ceiling contradict, the ceiling holds.
func TestTheCeilingHolds(t *testing.T) {
	s := newStory(t, 6)
	s.limits = Limits{Min: 5, Max: 8, Ceiling: 3}
	for _, want := range []int32{5, 4, 3} {
		s.wants(AboveMax, want, 10*time.Second, value(float64(35*s.replicas)))
	}
	s.wants(LoadLowAtMin, 3, 10*time.Second, value(low))
	s.wants(LoadHighAtMax, 3, 10*time.Second, value(high))
	s.replicas = 1
	s.wants(BelowMin, 2, 10*time.Second, none())
	s.wants(BelowMin, 3, 10*time.Second, none())
	s.wants(NoData, 3, 10*time.Second, none())
}

// More than max_replicas were set by hand: they stay until the load is low.
func TestPlainMaxNeverForcesDown(t *testing.T) {
	s := newStory(t, 9)
	s.wants(LoadHighAtMax, 9, 10*time.Second, value(high))
	s.wants(WithinBounds, 9, 10*time.Second, value(300))
	s.wants(LoadLow, 8, 10*time.Second, value(low))
}

// A maximum from a query bounds steps up on every path, but takes no replica
// away, and no step down ends below the minimum; if it is unknown, no load
// goes up.
func TestAMaxFromAQueryOnlyBoundsStepsUp(t *testing.T) {
	s := newStory(t, 4)
	s.limits = Limits{Min: 3, Max: 2}
	s.wants(LoadHighAtMax, 4, 10*time.Second, value(high))
	s.wants(WithinBounds, 4, 10*time.Second, value(150))
	s.wants(LoadLow, 3, 10*time.Second, value(low))
	s.wants(LoadLowAtMin, 3, 10*time.Second, value(low))
	s.replicas = 1
	s.wants(BelowMin, 2, 10*time.Second, none())
	s.wants(NoData, 2, 10*time.Second, none())
	s.limits.Max = 0
	s.wants(LoadHighAtMax, 2, 10*time.Second, value(high))

	s = newStory(t, 3, func(p *Policy) { p.ScaleUpDelay = 10 * time.Second })
	s.decide(10*time.Second, value(high))
	s.limits.MaxUnknown = true
	s.wants(MaxUnknown, 3, 10*time.Second, value(high))
	s.wants(LoadLow, 2, 10*time.Second, value(low))
	s.wants(MaxUnknown, 2, 10*time.Second, value(high))
	s.limits.MaxUnknown = false
	s.wants(ScaleUpDelay, 2, 10*time.Second, value(high)) // a hold breaks the delay
	s.wants(LoadHigh, 3, 10*time.Second, value(high))
}

// keda#6659: a fallback lowered what another trigger wanted. keda#3065: no data
// read as 0, everything to the minimum at peak. A fallback is a floor, after
// max_sample_age without data, and never lowers.
func TestFallbackIsAFloor(t *testing.T) {
	fallback := func(p *Policy) {
		two(func(a, _ *Trigger) { a.OnNoData, a.FallbackReplicas = FallbackOnNoData, 4 })(p)
		p.Limits.Max, p.StepUp = 6, 2
	}
	s := newStory(t, 1, fallback)
	s.wants(NoData, 1, 10*time.Second, none(), value(low))
	s.wants(NoData, 1, 30*time.Second-time.Nanosecond, none(), value(low))
	s.wants(Fallback, 3, time.Nanosecond, none(), value(low))
	if d := s.decide(time.Second, none(), none()); d.Reason != Fallback || d.To != 4 || d.Trigger != 0 {
		t.Errorf("got %+v, want the fallback of the first trigger", d)
	}
	s.wants(NoData, 4, time.Second, none(), none())
	s.wants(LoadHigh, 6, time.Second, none(), value(high))
	s.wants(NoData, 6, time.Hour, none(), none()) // more than the fallback stays
	s.wants(LoadLow, 5, time.Second, value(low), value(low))

	s.replicas = 1
	s.wants(NoData, 1, 20*time.Second, none(), value(45))
	s.wants(WithinBounds, 1, 5*time.Second, value(45), value(45)) // back again, so counted anew
	s.wants(NoData, 1, 10*time.Second, none(), value(45))
	s.policy.Triggers[0].FallbackReplicas = 9
	s.policy.StepUp = 0
	s.wants(Fallback, 6, 30*time.Second, none(), value(45)) // to max_replicas at most
}

// The fallback of an optional trigger keeps the others from going below it.
func TestFallbackOfAnOptionalTrigger(t *testing.T) {
	s := newStory(t, 6, two(func(a, _ *Trigger) { a.Optional, a.OnNoData, a.FallbackReplicas = true, FallbackOnNoData, 3 }))
	s.policy.StepDown = 2
	s.limits.Max = 6
	s.wants(LoadLow, 4, 10*time.Second, none(), value(low))
	s.wants(LoadLow, 3, 30*time.Second, none(), value(low))
	s.wants(LoadLowAtMin, 3, 10*time.Second, none(), value(low))
	s.replicas = 2
	s.wants(Fallback, 3, 10*time.Second, none(), value(low))
}

// Each fallback counts for itself, by its trigger's name, so a reload that
// changes the order or adds one mixes nothing up.
func TestFallbackOutlivesAReload(t *testing.T) {
	a := Trigger{Name: "a", Rule: DefaultRule(), OnNoData: FallbackOnNoData, FallbackReplicas: 2}
	b := Trigger{Name: "b", Rule: DefaultRule(), OnNoData: FallbackOnNoData, FallbackReplicas: 4}
	s := newStory(t, 1, func(p *Policy) { p.Triggers, p.StepUp = []Trigger{a}, 0 })
	s.wants(NoData, 1, 10*time.Second, none())
	s.policy.Triggers = []Trigger{b, a}
	s.wants(NoData, 1, 20*time.Second, none(), none())
	s.wants(Fallback, 2, 10*time.Second, none(), none())
	s.wants(NoData, 2, 20*time.Second-time.Nanosecond, none(), none())
	s.wants(Fallback, 4, time.Nanosecond, none(), none())
}
