package report

import (
	"fmt"
	"strconv"

	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/decide"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/event"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/loop"
)

// Events puts an Event on the workload for every write, and for one that failed
// unless it failed in the same way before.
type Events struct {
	Record func(event.Event) // returns at once
}

// Observe implements loop.Observer.
func (e Events) Observe(d loop.Decision) {
	if d.Action == decide.None || d.Target.DryRun || d.Failed() && d.Repeat {
		return
	}
	made := event.Event{Workload: d.Target.Workload, UID: d.Scale.UID, Reason: "ScaledUp"}
	verb := "Scaled"
	switch {
	case d.Failed():
		made.Warning, made.Reason, verb = true, "ScalingFailed", "Could not scale"
	case d.Action == decide.Down:
		made.Reason = "ScaledDown"
	}
	made.Message = fmt.Sprintf("%s from %d to %d replicas: %s", verb, d.From, d.To, why(d))
	if d.Err != nil {
		made.Message += fmt.Sprintf(" (%s: %v)", d.Cause, d.Err)
	}
	e.Record(made)
}

// why says what a step was taken for.
func why(d loop.Decision) string {
	p := d.Target.Policy
	switch d.Reason {
	case decide.BelowMin:
		return fmt.Sprintf("the minimum is %d%s", d.Limits.Min, by(d.Limits.MinBy))
	case decide.AboveMax:
		return fmt.Sprintf("the maximum is %d%s", d.Limits.Max, by(d.Limits.MaxBy))
	case decide.Fallback:
		return fmt.Sprintf("there has been no data for more than %s, and the fallback is more replicas", p.MaxAge(d.Sample().Spacing))
	}
	trigger, name := p.Triggers[d.Trigger], ""
	if trigger.Name != "" {
		name = trigger.Name + ", "
	}
	value, bound := rounded(d.Sample().Value), rounded(*d.Bound)
	switch {
	case d.From == 0:
		return fmt.Sprintf("%s%v, with no replica", name, value)
	case trigger.Rule.Absolute:
		return fmt.Sprintf("%s%v, and the bound is %v", name, value, bound)
	}
	return fmt.Sprintf("%s%v on %d is %v per replica, and the bound is %v", name, value, d.From, rounded(d.PerInstance), bound)
}

func by(entry string) string {
	if entry == "" {
		return ""
	}
	return " (calendar entry " + strconv.Quote(entry) + ")"
}
