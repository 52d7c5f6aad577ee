package decide

import (
	"testing"
	"time"

	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/sample"
)

func value(v float64) sample.Result { return sample.Result{Outcome: sample.Value, Value: v} }

func none() sample.Result { return sample.Result{Outcome: sample.NoData} }

// decide1 asks a policy of one rule, without a past.
func decide1(s sample.Result, replicas int32, r Rule, l Limits) Decision {
	p := DefaultPolicy()
	p.Triggers[0].Rule, p.Limits = r, l
	d, _ := p.Decide(Input{Samples: []sample.Result{s}, Replicas: replicas, Limits: l}, State{})
	return d
}

// story is a target in the course of time, beginning with its start.
type story struct {
	*testing.T
	policy       Policy
	limits       Limits
	replicas     int32
	ready        *int32
	block        Reason
	zero         bool  // 0 replicas are by rule
	pods         *Pods // looked at before a step down
	noUp, noDown string
	now          time.Time
	state        State
}

func newStory(t *testing.T, replicas int32, change ...func(*Policy)) *story {
	t.Helper()
	now := time.Unix(1_700_000_000, 0)
	s := &story{T: t, policy: DefaultPolicy(), replicas: replicas, now: now, state: NewState(now)}
	for _, c := range change {
		c(&s.policy)
	}
	s.limits = s.policy.Limits
	return s
}

// decide lets time pass, and decides on samples of that time, unless they say
// of which. The step is taken.
func (s *story) decide(after time.Duration, samples ...sample.Result) Decision {
	s.now = s.now.Add(after)
	for i := range samples {
		if samples[i].Outcome == sample.Value && samples[i].Timestamp.IsZero() {
			samples[i].Timestamp = s.now
		}
	}
	in := Input{
		Now: s.now, Samples: samples, Replicas: s.replicas, ByRule: s.zero, Ready: s.ready, Limits: s.limits, Block: Block{Reason: s.block},
		NoUp: s.noUp, NoDown: s.noDown,
	}
	d, state := s.policy.Decide(in, s.state)
	if d.Action == Down && s.pods != nil {
		in.Pods = s.pods
		d, state = s.policy.Decide(in, s.state)
	}
	s.replicas, s.state = d.To, state
	return d
}

// wants decides like decide, and wants that reason and so many replicas after.
func (s *story) wants(reason Reason, replicas int32, after time.Duration, samples ...sample.Result) {
	s.Helper()
	if d := s.decide(after, samples...); d.Reason != reason || d.To != replicas {
		s.Fatalf("%s after the start: got %+v, want %s, %d replicas", s.now.Sub(time.Unix(1_700_000_000, 0)), d, reason, replicas)
	}
}

// two makes a policy of two triggers, a and b, with the default rule.
func two(change ...func(a, b *Trigger)) func(*Policy) {
	return func(p *Policy) {
		p.Triggers = []Trigger{{Name: "a", Rule: DefaultRule()}, {Name: "b", Rule: DefaultRule()}}
		for _, c := range change {
			c(&p.Triggers[0], &p.Triggers[1])
		}
	}
}
