package loop

import (
	"time"

	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/decide"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/workload"
)

// Shadow is what was decided by the same samples on a dry run's shadow: on the
// replicas that the workload would have if it followed such decisions.
type Shadow struct {
	Action   decide.Action
	From, To int32 // replicas; equal if Action is None
	Reason   decide.Reason
}

// shadow is the course that a workload's replicas would take if a dry run's
// decisions were carried out. It starts with the replicas that there are, and
// then follows its own decisions alone. It is a value; its methods are pure.
type shadow struct {
	known    bool
	uid      string // of the workload
	replicas int32
	byRule   bool // that there are 0
	state    decide.State
}

// restarted returns the shadow after Prometheus's clock became known or jumped:
// the replicas stay.
func (s shadow) restarted(now time.Time) shadow {
	s.state = decide.NewState(now)
	return s
}

// follow returns the shadow's replicas, those of the workload if it has none
// yet, if the workload is another of the same name, and while it is switched off
// or back from that.
func (s shadow) follow(scale workload.Scale) shadow {
	ours := decide.Input{Replicas: s.replicas, ByRule: s.byRule}
	theirs := decide.Input{Replicas: scale.Replicas, ByRule: scale.Writer.Scaler()}
	if !s.known || s.uid != scale.UID || ours.Off() || theirs.Off() {
		s.replicas, s.byRule = theirs.Replicas, theirs.ByRule
	}
	s.known, s.uid = true, scale.UID
	return s
}

// decide decides on the shadow's replicas by what the workload was decided on.
// Whether its Pods would be ready is unknown, so nothing waits for them.
func (s shadow) decide(p decide.Policy, in decide.Input, scale workload.Scale) (shadow, *Shadow) {
	s = s.follow(scale)
	in.Replicas, in.ByRule, in.Ready = s.replicas, s.byRule, nil
	d, state := p.Decide(in, s.state)
	s.state = state
	if d.Action != decide.None {
		s.state, s.byRule = s.state.Acted(in.Now), true
	}
	s.replicas = d.To
	return s, &Shadow{d.Action, d.From, d.To, d.Reason}
}
