package decide

import (
	"testing"
	"time"

	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/sample"
)

// toZero is a queue whose workers may all go: 10 jobs each, 5 minutes before the
// last one goes.
func toZero(p *Policy) {
	p.Triggers[0].Rule = Rule{Kind: Target, ValuePerReplica: 10}
	p.Limits = Limits{Min: 0, Max: 10}
	p.StepUp, p.StepDown, p.ScaleToZeroDelay = 0, 0, 5*time.Minute
}

// At 0 the story goes on by the rule, unless a person set it.
func (s *story) byRule() *story {
	s.zero = true
	return s
}

// Down to 0 it goes from 1 replica, after the delay, and up from 0 at once, by
// the total and whatever scale_up_delay says.
func TestToZeroAndBack(t *testing.T) {
	s := newStory(t, 4, toZero, func(p *Policy) { p.ScaleUpDelay = time.Minute }).byRule()
	s.wants(LoadLow, 1, 10*time.Second, value(0))
	for range 29 {
		s.wants(ScaleToZeroDelay, 1, 10*time.Second, value(0))
	}
	s.wants(LoadLow, 0, 10*time.Second, value(0))
	s.wants(LoadLowAtMin, 0, 10*time.Second, value(0))
	s.wants(LoadHigh, 4, 10*time.Second, value(31))
}

// A job that comes within the delay restarts it, and so does a gap.
func TestTheDelayToZeroHasNoBreak(t *testing.T) {
	for name, interrupt := range map[string]func(s *story){
		"a job":        func(s *story) { s.wants(WithinBounds, 1, 10*time.Second, value(1)) },
		"missing data": func(s *story) { s.wants(NoData, 1, 10*time.Second, none()) },
		"a gap":        func(s *story) { s.wants(ScaleToZeroDelay, 1, 2*time.Minute, value(0)) },
	} {
		t.Run(name, func(t *testing.T) {
			s := newStory(t, 1, toZero).byRule()
			for range 30 {
				s.wants(ScaleToZeroDelay, 1, 10*time.Second, value(0))
			}
			interrupt(s)
			for range 29 {
				s.wants(ScaleToZeroDelay, 1, 10*time.Second, value(0))
			}
		})
	}
}

// Without data of every trigger, also of an optional one, and on an empty answer
// that counts as 0, the last replica stays.
func TestNeverToZeroOnMissingData(t *testing.T) {
	s := newStory(t, 1, toZero).byRule()
	empty := value(0)
	empty.Empty = true
	for range 60 {
		s.wants(LoadLowAtMin, 1, 10*time.Second, empty)
	}
	for range 60 {
		s.wants(NoData, 1, 10*time.Second, none())
	}
	old := value(0)
	old.Outcome = sample.Stale
	for range 60 {
		s.wants(Stale, 1, 10*time.Second, old)
	}

	s = newStory(t, 1, toZero, func(p *Policy) {
		p.Triggers = append(p.Triggers, Trigger{Name: "b", Rule: Rule{Kind: Step, ScaleUpAt: 5, Absolute: true}, Optional: true})
	}).byRule()
	for range 60 {
		s.wants(LoadLowAtMin, 1, 10*time.Second, value(0), none())
	}
	s.wants(ScaleToZeroDelay, 1, 10*time.Second, value(0), value(0))
}

// What a person switched off stays off, whatever the load and the floors; a
// replica set by hand starts the story again.
func TestSwitchedOffByHandStaysOff(t *testing.T) {
	s := newStory(t, 0, toZero)
	s.wants(SwitchedOff, 0, 10*time.Second, value(1000))
	s.limits.Min = 3
	s.wants(SwitchedOff, 0, 10*time.Second, value(1000))
	s.replicas = 1
	s.wants(LoadHigh, 10, 10*time.Second, value(1000))
}

// A floor that comes while there are 0 by rule is gone up to: the calendar's in
// the morning, and that of a file that allows 0 no longer.
func TestAFloorEndsZero(t *testing.T) {
	s := newStory(t, 0, toZero).byRule()
	s.wants(NoData, 0, 10*time.Second, none())
	s.limits.Min = 2
	s.wants(BelowMin, 2, 10*time.Second, none())

	s = newStory(t, 0).byRule()
	s.limits.Min = 0 // which a rule per replica cannot come back from
	s.wants(BelowMin, 1, 10*time.Second, value(0))
}

// A rule per total goes to 0 and back at its own bounds; with 0 it is what the
// rule for the replicas that there would be says.
func TestToZeroPerTotal(t *testing.T) {
	s := newStory(t, 2, func(p *Policy) {
		p.Triggers[0].Rule = Rule{Kind: Step, ScaleUpAt: 8, ScaleDownAt: 2, Absolute: true}
		p.Limits, p.StepDown, p.ScaleToZeroDelay = Limits{Min: 0, Max: 4}, 3, 0
	}).byRule()
	s.wants(LoadLow, 1, 10*time.Second, value(2)) // the longest step leaves one
	s.wants(LoadLow, 0, 10*time.Second, value(2))
	s.wants(WithinBounds, 0, 10*time.Second, value(7))
	s.wants(LoadHigh, 1, 10*time.Second, value(8))
}

// The default rule never goes to 0, and comes from 0 only where none but a rule
// has put it.
func TestTheDefaultRuleKnowsNoZero(t *testing.T) {
	s := newStory(t, 1)
	for range 100 {
		s.wants(LoadLowAtMin, 1, 10*time.Second, value(0))
	}
	s.replicas = 0
	s.wants(SwitchedOff, 0, 10*time.Second, value(1000))
}
