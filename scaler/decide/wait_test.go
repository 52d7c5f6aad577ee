package decide

import (
	"testing"
	"time"

	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/sample"
)

// Loads of the default rule with 2 replicas or more; high stays high up to 4.
const (
	high = 1000.0
	low  = 0.0
)

// keda#737, keda#5321, keda#6844: "cooldown" is only to zero. Here each
// direction has a delay with its name, exact to the sample, and counted anew
// after each step.
func TestDelaysAreExactAndCountedAnew(t *testing.T) {
	up := newStory(t, 1, func(p *Policy) { p.ScaleUpDelay = 30 * time.Second })
	up.wants(ScaleUpDelay, 1, 10*time.Second, value(high))
	up.wants(ScaleUpDelay, 1, 10*time.Second, value(high))
	up.wants(ScaleUpDelay, 1, 20*time.Second-time.Nanosecond, value(high))
	up.wants(LoadHigh, 2, time.Nanosecond, value(high))
	up.wants(ScaleUpDelay, 2, 30*time.Second-time.Nanosecond, value(high))
	up.wants(LoadHigh, 3, time.Nanosecond, value(high))

	down := newStory(t, 4, func(p *Policy) { p.ScaleDownDelay = 30 * time.Second })
	down.wants(ScaleDownDelay, 4, 10*time.Second, value(low))
	down.wants(ScaleDownDelay, 4, 30*time.Second-time.Nanosecond, value(low))
	down.wants(LoadLow, 3, time.Nanosecond, value(low))
	down.wants(ScaleDownDelay, 3, 20*time.Second, value(low))
	down.wants(LoadLow, 2, 10*time.Second, value(low))
	down.wants(LoadHigh, 3, 10*time.Second, value(high)) // the other direction has no delay
}

// Whatever comes between breaks the delay: a load that asks for nothing, or
// for the other direction, a hold, and a gap in the samples.
func TestABreakBeginsTheDelayAnew(t *testing.T) {
	for name, between := range map[string]func(*story){
		"within":     func(s *story) { s.decide(10*time.Second, value(70)) },
		"high":       func(s *story) { s.decide(10*time.Second, value(high)); s.replicas = 2 },
		"no data":    func(s *story) { s.wants(NoData, 2, time.Second, none()); s.now = s.now.Add(9 * time.Second) },
		"paused":     func(s *story) { s.block = Paused; s.wants(Paused, 2, 10*time.Second, value(low)); s.block = "" },
		"turned off": func(s *story) { s.replicas = 0; s.wants(SwitchedOff, 0, 10*time.Second, value(low)); s.replicas = 2 },
		"gap":        func(s *story) { s.now = s.now.Add(30 * time.Second) },
	} {
		t.Run(name, func(t *testing.T) {
			s := newStory(t, 2, func(p *Policy) { p.ScaleDownDelay = 30 * time.Second })
			s.wants(ScaleDownDelay, 2, 10*time.Second, value(low))
			s.wants(ScaleDownDelay, 2, 10*time.Second, value(low))
			between(s)
			s.wants(ScaleDownDelay, 2, 10*time.Second, value(low))
			s.wants(ScaleDownDelay, 2, 20*time.Second, value(low))
			s.wants(LoadLow, 1, 10*time.Second, value(low))
		})
	}
}

// The same sample seen again says nothing new, so it breaks no delay.
func TestAUsedSampleBreaksNoDelay(t *testing.T) {
	s := newStory(t, 1, func(p *Policy) { p.ScaleUpDelay = 20 * time.Second })
	s.wants(ScaleUpDelay, 1, 10*time.Second, value(high))
	s.wants(LoadHigh, 2, 20*time.Second, value(high))
	used := value(high)
	used.Timestamp = s.now
	s.wants(SampleUsed, 2, 10*time.Second, used)
	s.wants(LoadHigh, 3, 10*time.Second, value(high))
}

// A reload keeps what is remembered: a changed delay counts from the same
// sample.
func TestAReloadKeepsTheDelays(t *testing.T) {
	s := newStory(t, 1, func(p *Policy) { p.ScaleUpDelay = time.Minute })
	s.wants(ScaleUpDelay, 1, 10*time.Second, value(high))
	s.wants(ScaleUpDelay, 1, 20*time.Second, value(high))
	s.policy.ScaleUpDelay = 20 * time.Second
	s.wants(LoadHigh, 2, time.Second, value(high))
}

// mimir#7691: a hole in the data, and a wrong step down right after it. With
// coverage, samples must have come without a gap for so long, exactly.
func TestNoStepDownWithoutCoverage(t *testing.T) {
	for name, gap := range map[string]func(*story){
		"at the start": func(*story) {},
		"hole": func(s *story) {
			s.decide(10*time.Second, value(70))
			s.now = s.now.Add(21 * time.Second)
		},
		"nobody looked": func(s *story) { s.decide(10*time.Second, value(70)); s.now = s.now.Add(time.Hour) },
		"no data once":  func(s *story) { s.decide(10*time.Second, value(70)); s.decide(time.Second, none()) },
		"restart":       func(s *story) { s.decide(10*time.Second, value(70)); s.state = NewState(s.now) },
	} {
		t.Run(name, func(t *testing.T) {
			s := newStory(t, 3, func(p *Policy) { p.ScaleDownCoverage = 40 * time.Second })
			gap(s)
			s.wants(Coverage, 3, 10*time.Second, value(low))
			s.wants(WithinBounds, 3, 15*time.Second, value(100))
			s.wants(Coverage, 3, 25*time.Second-time.Nanosecond, value(low))
			s.wants(LoadLow, 2, time.Nanosecond, value(low))
			s.wants(LoadLow, 1, 30*time.Second, value(low)) // counted from the gap, not from the step
		})
	}
	up := newStory(t, 1, func(p *Policy) { p.ScaleDownCoverage = time.Hour })
	up.wants(LoadHigh, 2, 10*time.Second, value(high))
}

// A sample that was scraped before a hole, but is seen after it, covers nothing.
func TestCoverageBeginsAfterTheHole(t *testing.T) {
	s := newStory(t, 3, func(p *Policy) { p.ScaleDownCoverage = 40 * time.Second })
	s.decide(10*time.Second, value(70))
	s.decide(9*time.Second, none())
	old := value(low)
	old.Timestamp = s.now.Add(-time.Second)
	s.wants(Coverage, 3, time.Second, old)
	s.wants(Coverage, 3, 20*time.Second, value(low))
	s.wants(Coverage, 3, 19*time.Second-time.Nanosecond, value(low))
	s.wants(LoadLow, 2, time.Nanosecond, value(low))
}

// A required trigger that was missing begins the coverage anew with its first
// sample; an optional one does not.
func TestCoverageIsThatOfRequiredTriggers(t *testing.T) {
	for _, optional := range []bool{false, true} {
		s := newStory(t, 3, two(func(a, _ *Trigger) { a.Optional = optional }))
		s.policy.ScaleDownCoverage = 20 * time.Second
		s.decide(10*time.Second, value(100), value(100))
		s.decide(10*time.Second, none(), value(100))
		s.decide(10*time.Second, none(), value(100))
		if optional {
			s.wants(LoadLow, 2, 10*time.Second, value(low), value(low))
			continue
		}
		s.wants(Coverage, 3, 10*time.Second, value(low), value(low))
		s.wants(Coverage, 3, 10*time.Second, value(low), value(low))
		s.wants(LoadLow, 2, 10*time.Second, value(low), value(low))
	}
}

// keda#6176: a restart at peak. No step for so long after the start, and none
// ever on a sample from before it.
func TestHoldAfterStart(t *testing.T) {
	s := newStory(t, 2, func(p *Policy) { p.HoldAfterStart = time.Minute })
	s.wants(AfterStart, 2, 10*time.Second, value(low))
	s.wants(AfterStart, 2, 50*time.Second-time.Nanosecond, value(high))
	s.limits.Min = 3
	s.wants(AfterStart, 2, 0, none())
	s.wants(BelowMin, 3, time.Nanosecond, none())
}

func TestARestartWaitsForAFreshSample(t *testing.T) {
	s := newStory(t, 2)
	old := value(high)
	old.Timestamp = s.now
	s.wants(SampleUsed, 2, time.Second, old)
	old.Timestamp = s.now.Add(-time.Nanosecond)
	s.wants(LoadHigh, 3, time.Second, old)
}

// Never two steps for one sample, also if an older sample of another trigger
// came along with a step, or the replicas were changed by hand since.
func TestASampleIsUsedOnce(t *testing.T) {
	s := newStory(t, 1, two())
	a, b := value(high), value(100)
	s.now = s.now.Add(10 * time.Second)
	a.Timestamp, b.Timestamp = s.now, s.now.Add(-5*time.Second)
	s.wants(LoadHigh, 2, 0, a, b)
	s.wants(SampleUsed, 2, time.Second, a, b)
	s.limits.Min = 3
	s.wants(BelowMin, 3, time.Second, none(), b) // a floor needs no sample, and gives none back
	s.wants(SampleUsed, 3, time.Second, a, b)
	s.replicas = 2
	s.wants(BelowMin, 3, time.Second, a, b)
	s.limits.Max = 9
	s.wants(LoadHigh, 4, time.Second, value(high), b)
	// Down needs a fresh sample of every trigger.
	fresh := func() sample.Result { return value(low) }
	b.Value = low
	s.wants(SampleUsed, 4, time.Second, fresh(), b)
	s.wants(LoadLow, 3, time.Second, fresh(), fresh())
}

// Load waits for the last step's Pods, for ten minutes at most: Pods that fail
// their probes because of the load would keep the help away. Down, to a floor,
// and where readiness is unknown nothing waits.
func TestWaitForReady(t *testing.T) {
	s := newStory(t, 2, func(p *Policy) { p.WaitForReady, p.Limits.Max = true, 9 })
	s.wants(LoadHigh, 3, 10*time.Second, value(high)) // readiness is unknown
	s.ready = new(int32(2))
	s.wants(WaitForReady, 3, 10*time.Second, value(high))
	s.limits.Min = 4
	s.wants(BelowMin, 4, 10*time.Second, none())
	s.limits.Min = 1
	s.wants(WaitForReady, 4, 10*time.Second, value(high))
	s.ready = new(int32(4))
	s.wants(LoadHigh, 5, 10*time.Second, value(high))
	if d := s.decide(10*time.Second, value(high)); d.Reason != WaitForReady || d.Left != ReadyWait-10*time.Second {
		t.Errorf("got %+v, want to wait for the rest of %s", d, ReadyWait)
	}
	s.wants(LoadLow, 4, 10*time.Second, value(low))
	s.ready = new(int32(3))
	for range 57 {
		s.wants(WaitForReady, 4, 10*time.Second, value(high))
	}
	s.wants(LoadHigh, 5, 10*time.Second, value(high))
	s.wants(WaitForReady, 5, 10*time.Second, value(high)) // each step has ten minutes of its own
}

// keda#944, keda#5165, keda#4733: a pause that bounces. Whatever blocks, no step
// is taken on any path.
func TestBlockedMeansNoStep(t *testing.T) {
	for _, why := range []Reason{Paused, OwnedByOther, Contested} {
		s := newStory(t, 2, func(p *Policy) { p.Triggers[0].OnNoData, p.Triggers[0].FallbackReplicas = FallbackOnNoData, 4 })
		s.block = why
		s.wants(why, 2, 10*time.Second, value(high))
		s.wants(why, 2, 10*time.Second, value(low))
		s.limits = Limits{Min: 4, Max: 8}
		s.wants(why, 2, 10*time.Second, value(100))
		s.limits = Limits{Min: 1, Max: 1, Ceiling: 1}
		s.wants(why, 2, 10*time.Second, value(100))
		s.limits = DefaultLimits()
		s.wants(NoData, 2, time.Hour, none()) // what else is wrong is told first
		s.wants(NoData, 2, time.Hour, none())
		s.block = ""
		s.wants(Fallback, 3, 10*time.Second, none())
	}
}

// A workload at 0 was switched off: nothing turns it on, neither a load nor a
// floor.
func TestSwitchedOffStaysOff(t *testing.T) {
	s := newStory(t, 0, two(func(a, _ *Trigger) { a.Optional = true }))
	s.limits.Min = 3
	s.wants(SwitchedOff, 0, 10*time.Second, value(high), value(high))
	s.wants(SwitchedOff, 0, 10*time.Second, none(), value(high))
	s.wants(NoData, 0, 10*time.Second, value(high), none())
	s.block = Paused
	s.wants(SwitchedOff, 0, 10*time.Second, value(low), value(low))
}
