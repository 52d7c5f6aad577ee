package decide

import (
	"errors"
	"testing"
	"time"
)

func gentle(b BusyPods) func(*Policy) { return func(p *Policy) { p.BusyPods = &b } }

// A step down waits until as many Pods are idle as are to go, but only so long;
// then it comes all the same.
func TestAStepDownWaitsForIdlePods(t *testing.T) {
	s := newStory(t, 3, gentle(BusyPods{WaitForIdle: time.Minute}))
	s.pods = &Pods{Idle: 0}
	for range 6 {
		s.wants(WaitForIdle, 3, 10*time.Second, value(0))
	}
	s.wants(LoadLow, 2, 10*time.Second, value(0))
	s.wants(WaitForIdle, 2, 10*time.Second, value(0)) // counted again
	s.pods.Idle = 1
	s.wants(LoadLow, 1, 10*time.Second, value(0))
}

// The wait is of one step: a load that is no longer low ends it. Samples that are
// missing do not.
func TestTheWaitForIdlePodsEnds(t *testing.T) {
	s := newStory(t, 3, gentle(BusyPods{WaitForIdle: time.Minute}))
	s.pods = &Pods{}
	s.wants(WaitForIdle, 3, 10*time.Second, value(0))
	s.wants(NoData, 3, 20*time.Second, none())
	s.wants(WaitForIdle, 3, 20*time.Second, value(0))
	s.wants(LoadLow, 2, 20*time.Second, value(0)) // a minute after the first

	s = newStory(t, 3, gentle(BusyPods{WaitForIdle: time.Minute}))
	s.pods = &Pods{}
	s.wants(WaitForIdle, 3, 10*time.Second, value(0))
	s.wants(WithinBounds, 3, 30*time.Second, value(100))
	for range 2 {
		s.wants(WaitForIdle, 3, 30*time.Second, value(0))
	}
	s.wants(LoadLow, 2, 30*time.Second, value(0))
}

// If it is not known which Pods work, the step holds or comes, as configured. A
// step up never looks.
func TestBusyUnknown(t *testing.T) {
	s := newStory(t, 3, gentle(BusyPods{WaitForIdle: time.Minute}))
	s.pods = &Pods{Err: errors.New("forbidden")}
	for range 30 {
		s.wants(BusyUnknown, 3, 10*time.Second, value(0))
	}
	s.wants(LoadHigh, 4, 10*time.Second, value(1000))
	s.policy.BusyPods.StepUnknown = true
	s.wants(LoadLow, 3, 10*time.Second, value(0))
}

// The maximum of a calendar waits for idle Pods as well.
func TestAboveMaxWaitsForIdlePods(t *testing.T) {
	s := newStory(t, 3, gentle(BusyPods{WaitForIdle: time.Minute}))
	s.pods = &Pods{}
	s.limits.Max, s.limits.Ceiling = 2, 2
	for range 6 {
		s.wants(WaitForIdle, 3, 10*time.Second, value(100))
	}
	s.wants(AboveMax, 2, 10*time.Second, value(100))
}

// A direction that is paused has no steps, floors and ceilings included; the
// other one has.
func TestOneDirectionIsPaused(t *testing.T) {
	s := newStory(t, 2)
	s.noDown = "file"
	s.wants(Paused, 2, 10*time.Second, value(0))
	s.wants(LoadHigh, 3, 10*time.Second, value(1000))
	s.limits.Ceiling = 2
	s.wants(Paused, 3, 10*time.Second, value(100))

	s = newStory(t, 2)
	s.noUp = "annotation"
	s.wants(Paused, 2, 10*time.Second, value(1000))
	s.wants(LoadLow, 1, 10*time.Second, value(0))
	s.limits.Min = 3
	s.wants(Paused, 1, 10*time.Second, none())
}

// Who paused is told: of what was to be done, or of all.
func TestPausedBy(t *testing.T) {
	for _, c := range []struct {
		in   Input
		want string
	}{
		{Input{NoUp: "file"}, "file"},
		{Input{NoDown: "annotation"}, "annotation"},
		{Input{NoUp: "annotation", NoDown: "file", Block: Block{Reason: Paused, By: "annotation"}}, "annotation"},
		{Input{}, ""},
	} {
		if got := (Decision{Input: c.in}).PausedBy(); got != c.want {
			t.Errorf("%+v: %q, want %q", c.in, got, c.want)
		}
	}
}
