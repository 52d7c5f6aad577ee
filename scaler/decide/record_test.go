package decide

import (
	"math"
	"testing"
	"time"

	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/sample"
)

// A decision that was recorded with its input, and with what was remembered
// before it, can be made again.
func TestAgain(t *testing.T) {
	p := Policy{Limits: DefaultLimits(), Triggers: []Trigger{{Name: "a", Rule: DefaultRule()}, {Name: "b", Rule: DefaultRule()}}}
	now := time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)
	at := func(v float64, age time.Duration) sample.Result {
		return sample.Result{Outcome: sample.Value, Value: v, Timestamp: now.Add(-age)}
	}
	before := NewState(now.Add(-time.Hour))
	for _, c := range []struct {
		name    string
		samples []sample.Result
		before  *State
		want    Reason
		trigger int
		age     time.Duration
		known   bool
	}{
		{"a step", []sample.Result{at(70, 2*time.Second), at(300, time.Second)}, &before, LoadHigh, 1, time.Second, true},
		{"the workload is unreadable", []sample.Result{at(70, 2*time.Second), at(300, time.Second)}, nil, WorkloadUnreadable, 1, time.Second, true},
		{"no sample", []sample.Result{{Outcome: sample.NoData}, {Outcome: sample.NoData}}, nil, NoData, 0, 0, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := p.Again(Input{Now: now, Samples: c.samples, Replicas: 2, Limits: DefaultLimits()}, c.before)
			if d.Reason != c.want || d.Trigger != c.trigger {
				t.Errorf("got %s by trigger %d, want %s by %d", d.Reason, d.Trigger, c.want, c.trigger)
			}
			if c.before == nil && (d.Action != None || d.To != 2 || !math.IsNaN(d.PerInstance)) {
				t.Errorf("it is no decision to do nothing: %+v", d)
			}
			if age, known := d.Age(); known != c.known || known && age != c.age {
				t.Errorf("age %s, known: %v", age, known)
			}
		})
	}
}

// A decision by a trigger that there is no sample of has none.
func TestSampleOfNone(t *testing.T) {
	if s := (Decision{Trigger: 1}).Sample(); s != (sample.Result{}) {
		t.Errorf("got %+v", s)
	}
}

// Samples from before the end of a step are used up by it.
func TestActed(t *testing.T) {
	start := time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)
	st := NewState(start)
	for _, at := range []time.Duration{time.Minute, 30 * time.Second} {
		if st = st.Acted(start.Add(at)); !st.Since.Equal(start.Add(time.Minute)) {
			t.Errorf("after a step until %s: since %s", at, st.Since)
		}
	}
}

// Every kind that is listed is a kind that decides.
func TestKinds(t *testing.T) {
	for _, k := range Kinds() {
		rule := DefaultRule()
		rule.Kind, rule.ValuePerReplica = k, 50
		if d := decide1(value(500), 2, rule, DefaultLimits()); d.Action != Up {
			t.Errorf("%s: got %s, %s for a high load", k, d.Action, d.Reason)
		}
	}
}
