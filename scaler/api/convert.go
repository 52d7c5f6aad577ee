package api

import (
	"math"
	"time"

	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/decide"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/explain"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/journal"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/loop"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/report"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/sample"
)

// The states of a target without a decision to tell of.
const (
	NotDecided = "not decided yet"
	NotRunning = "not running"
)

// NewTarget describes a target. Its name is that of the journal.
func NewTarget(name string, s journal.Status) Target {
	t := Target{Name: name, Namespace: s.Target.Workload.Namespace, Workload: s.Target.Workload.String(), DryRun: s.Target.DryRun, State: StateOf(s)}
	if s.Last != nil {
		t.Since, t.Last = &s.Since, new(NewDecision(*s.Last))
	}
	if s.Acted != nil {
		t.LastAction = new(NewDecision(*s.Acted))
	}
	return t
}

// StateOf says in a few words what a target does now.
func StateOf(s journal.Status) string {
	switch {
	case !s.Running:
		return NotRunning
	case s.Last == nil || s.Last.At.Before(s.Started.Truncate(time.Millisecond)):
		return NotDecided
	}
	return report.Message(s.Last.Decision)
}

// NewDecision describes a decision.
func NewDecision(e journal.Entry) Decision { return newDecision(e, explain.Of(e.Decision)) }

// NewBrief describes a decision, but for what would have to change for a step.
func NewBrief(e journal.Entry) Decision {
	return newDecision(e, explain.Explanation{Did: explain.Did(e.Decision)})
}

func newDecision(entry journal.Entry, e explain.Explanation) Decision {
	d := entry.Decision
	action, reason := d.Result()
	p := d.Target.Policy
	out := Decision{
		Time: entry.At.UTC(), PrometheusTime: d.Now.UTC(), Action: string(action), Reason: string(reason),
		Did: e.Did, Next: e.Next, Changes: []Change{}, Load: string(d.Load), NewSample: !d.Used && d.Before != nil, DryRun: d.Target.DryRun,
		Trigger: p.Triggers[d.Trigger].Name, PerInstance: finite(d.PerInstance), Bound: d.Bound, Cause: d.Cause,
		Waits: Waits{
			ScaleUpDelaySeconds: p.ScaleUpDelay.Seconds(), ScaleDownDelaySeconds: p.ScaleDownDelay.Seconds(),
			ScaleDownCoverageSeconds: p.ScaleDownCoverage.Seconds(), HoldAfterStartSeconds: p.HoldAfterStart.Seconds(),
			ScaleToZeroDelaySeconds: p.ScaleToZeroDelay.Seconds(), WaitForReady: p.WaitForReady, LeftSeconds: d.Left.Seconds(),
		},
	}
	if p.BusyPods != nil {
		out.Waits.WaitForIdleSeconds = p.BusyPods.WaitForIdle.Seconds()
	}
	if d.Pods != nil && d.Pods.Err == nil {
		out.IdlePods = &d.Pods.Idle
	}
	for _, c := range e.Changes {
		out.Changes = append(out.Changes, newChange(d, c))
	}
	for i, s := range d.Samples {
		out.Triggers = append(out.Triggers, newTrigger(d, i, s))
	}
	if d.Scale != nil {
		to := d.From
		if action != decide.None {
			to = d.To
		}
		out.From, out.To = &d.From, &to
		out.Workload = &Workload{Replicas: d.Scale.Replicas, Ready: d.Scale.Ready, Paused: d.Scale.Pause.At(d.Now).Any(), Writer: d.Scale.Writer.Manager}
	}
	if l := d.Limits; l.Max > 0 || l.MaxUnknown {
		out.Limits = &Limits{MinReplicas: l.Min, Ceiling: l.Ceiling, MinBy: l.MinBy, MaxBy: l.MaxBy, StepUp: p.StepUp, StepDown: p.StepDown}
		if !l.MaxUnknown {
			out.Limits.MaxReplicas = &l.Max
		}
	}
	switch b := d.Block; {
	case b.Reason != "":
		out.Block = &Block{Reason: string(b.Reason), By: b.By, LeftSeconds: b.Left.Seconds()}
	case d.Reason == decide.Paused:
		out.Block = &Block{Reason: string(d.Reason), By: d.PausedBy()}
	}
	if kind := foreign[d.Change.Kind]; kind != "" {
		out.Foreign = &Foreign{Kind: kind, From: d.Change.From, To: d.Change.To}
	}
	if s := d.Shadow; s != nil {
		out.Shadow = &Shadow{Action: string(s.Action), From: s.From, To: s.To, Reason: string(s.Reason)}
	}
	if d.Lag > 0 {
		out.LagSeconds = new(d.Lag.Seconds())
	}
	if d.Err != nil {
		out.Error = d.Err.Error()
	}
	return out
}

var foreign = map[loop.ChangeKind]string{loop.Foreign: "changed", loop.Reverted: "reverted", loop.Recreated: "recreated"}

func finite(v float64) *float64 {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return nil
	}
	return &v
}

func newChange(d loop.Decision, c explain.Change) Change {
	out := Change{
		Action: string(c.Action), To: c.To, Replicas: c.Replicas, MinReplicas: c.Min, MaxReplicas: c.Max, MaxReplicasQuery: c.MaxKnown,
		AnyData: c.Data, NewSample: c.NewSample, NoData: c.NoData, Unblocked: c.Unblocked, AfterSeconds: c.After.Seconds(), Ready: c.Ready,
	}
	for _, v := range c.Values {
		value := Value{Trigger: d.Target.Policy.Triggers[v.Trigger].Name, AtLeast: &v.Bound}
		if c.Action == decide.Down {
			value.AtLeast, value.AtMost = nil, &v.Bound
		}
		out.Values = append(out.Values, value)
	}
	return out
}

func newTrigger(d loop.Decision, i int, s sample.Result) Trigger {
	p := d.Target.Policy
	t := p.Triggers[i]
	out := Trigger{
		Name: t.Name, Outcome: string(s.Outcome), Empty: s.Empty, AgeUnknown: s.Ageless, MaxAgeSeconds: p.MaxAge(s.Spacing).Seconds(), Series: s.Series,
		Rule: Rule{Type: string(t.Rule.Kind), Per: "replica", Optional: t.Optional, OnNoData: string(t.OnNoData), FallbackReplicas: t.FallbackReplicas},
	}
	if i < len(d.Target.Queries) {
		out.Query = d.Target.Queries[i].PromQL
	}
	if why := s.Missing(); why != "" {
		out.Outcome = string(why)
	}
	if t.Rule.Kind == decide.Target {
		out.Rule.ValuePerReplica = &t.Rule.ValuePerReplica
	} else {
		out.Rule.ScaleUpAt, out.Rule.ScaleDownAt = &t.Rule.ScaleUpAt, &t.Rule.ScaleDownAt
	}
	if t.Rule.Absolute {
		out.Rule.Per = "total"
	}
	if !s.Timestamp.IsZero() {
		out.Time, out.AgeSeconds = new(s.Timestamp.UTC()), new(d.Now.Sub(s.Timestamp).Seconds())
	}
	if s.Spacing > 0 {
		out.IntervalSeconds = new(s.Spacing.Seconds())
	}
	if s.Err != nil {
		out.Error = s.Err.Error()
	}
	if s.Missing() != "" {
		return out
	}
	out.Value = finite(s.Value)
	if d.Scale != nil && (d.Replicas > 0 || d.ByRule) {
		out.PerInstance = finite(t.Rule.PerInstance(s.Value, d.Replicas))
		alone := decide.Policy{Triggers: []decide.Trigger{t}, StepUp: p.StepUp, StepDown: p.StepDown}
		asks, _ := alone.Decide(decide.Input{Now: d.Now, Samples: []sample.Result{s}, Replicas: d.Replicas, ByRule: d.ByRule, Limits: d.Limits}, decide.State{})
		out.Asks, out.AsksFor = string(asks.Load), &d.Replicas
		if asks.Reason == decide.LoadHigh || asks.Reason == decide.LoadLow {
			out.AsksFor = &asks.To
		}
	}
	return out
}
