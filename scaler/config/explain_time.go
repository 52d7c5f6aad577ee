package config

import (
	"fmt"
	"strings"
	"time"

	"github.com/prometheus/alertmanager/timeinterval"
	"github.com/prometheus/common/model"

	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/workload"
)

// calendar says when which limits are in force.
func (e *explanation) calendar(t Target) {
	if t.Calendar == nil {
		return
	}
	e.say(1, "Calendar: of the active entries, the first that names a limit decides it; otherwise the rule's limit applies. Limits are reached by steps.")
	for _, w := range t.Calendar {
		var limits []string
		if w.Min != nil {
			limits = append(limits, fmt.Sprintf("at least %d", *w.Min))
		}
		if w.Max != nil {
			limits = append(limits, fmt.Sprintf("at most %d", *w.Max))
		}
		e.say(2, "%s: %s", w.Name, strings.Join(limits, ", "))
		for _, interval := range w.Times {
			e.say(3, "%s, in %s", when(interval), w.Location)
		}
	}
}

// when says in words when an interval is.
func when(t timeinterval.TimeInterval) string {
	var parts []string
	part := func(ranges []string, suffix string) {
		if len(ranges) > 0 {
			parts = append(parts, strings.Join(ranges, " and ")+suffix)
		}
	}
	var times, weekdays, days, months, years []string
	for _, r := range t.Times {
		times = append(times, span(clock(r.StartMinute), clock(r.EndMinute)))
	}
	for _, r := range t.Weekdays {
		weekdays = append(weekdays, span(time.Weekday(r.Begin), time.Weekday(r.End)))
	}
	for _, r := range t.DaysOfMonth {
		days = append(days, span(dayOfMonth(r.Begin), dayOfMonth(r.End)))
	}
	for _, r := range t.Months {
		months = append(months, span(time.Month(r.Begin), time.Month(r.End)))
	}
	for _, r := range t.Years {
		years = append(years, span(year(r.Begin), year(r.End)))
	}
	part(times, "")
	part(weekdays, "")
	part(days, " of the month")
	part(months, "")
	part(years, "")
	return strings.Join(parts, ", ")
}

// span is one word, or two with a to between them.
func span(first, last fmt.Stringer) string {
	if first == last {
		return first.String()
	}
	return first.String() + " to " + last.String()
}

type (
	clock      int // minutes since midnight
	dayOfMonth int // from 1, or from -1, the last, backwards
	year       int
)

func (c clock) String() string { return fmt.Sprintf("%02d:%02d", c/60, c%60) }
func (y year) String() string  { return fmt.Sprint(int(y)) }

func (d dayOfMonth) String() string {
	switch {
	case d == -1:
		return "the last"
	case d < 0:
		return fmt.Sprintf("the last but %d", -d-1)
	}
	return fmt.Sprint(int(d))
}

// zero reports whether there may be 0 replicas at some time.
func (t Target) zero() bool {
	lowest, _ := t.span()
	return lowest == 0
}

// busyPods says how a step down goes about Pods that work.
func (e *explanation) busyPods(t Target) {
	b, p := t.BusyPods, t.Policy.BusyPods
	if b == nil {
		return
	}
	switch {
	case t.Workload.Kind != "StatefulSet":
		e.say(1, "Just before a step down it marks the Pods that work, so that those go that do not. Which do, this query tells by its label %s:", b.PodLabel)
	case p.WaitForIdle > 0:
		e.say(1, "Of a StatefulSet, the Pods with the highest numbers go. Which of them work, this query tells by its label %s:", b.PodLabel)
	default:
		e.say(1, "busy_pods has no effect: of a StatefulSet, the Pods with the highest numbers go. Set wait_for_idle to wait for them.")
		return
	}
	e.promql(2, b.PromQL)
	if p.WaitForIdle > 0 {
		e.say(1, "A step down waits until as many Pods are idle as are to go, for at most %s.", model.Duration(p.WaitForIdle))
	}
	if p.StepUnknown {
		e.say(1, "If it is not known which Pods work, it steps down all the same.")
	} else {
		e.say(1, "If it is not known which Pods work, it does not step down.")
	}
}

func (e *explanation) pause(p workload.Pause) {
	what := "never writes"
	switch {
	case !p.Down:
		what = "takes no step up"
	case !p.Up:
		what = "takes no step down"
	}
	if p.Until.IsZero() {
		e.say(1, "Paused: it %s.", what)
		return
	}
	e.say(1, "Paused: it %s until %s.", what, p.Until.Format(time.RFC3339))
}

// waits draws what the target waits for.
func (e *explanation) waits(t Target) {
	p := t.Policy
	toZero := time.Duration(0)
	if t.zero() {
		toZero = p.ScaleToZeroDelay
	}
	waits := []struct {
		since, name string
		wait        time.Duration
		then        string
	}{
		{"load is high", "scale_up_delay", p.ScaleUpDelay, "a step up"},
		{"load is low", "scale_down_delay", p.ScaleDownDelay, "a step down"},
		{"load is none", "scale_to_zero_delay", toZero, "from 1 to 0"},
		{"samples come", "scale_down_coverage", p.ScaleDownCoverage, "a step down"},
		{"the start", "hold_after_start", p.HoldAfterStart, "any step"},
	}
	const width = len("scale_down_coverage") + len(" 2h30m ")
	heading := false
	for _, w := range waits {
		if w.wait == 0 {
			continue
		}
		if !heading {
			e.say(1, "It waits:")
			heading = true
		}
		name := w.name + " " + model.Duration(w.wait).String() + " "
		e.line(2, "%-13s|-- %s%s> %s", w.since, name, strings.Repeat("-", max(2, width-len(name))), w.then)
	}
	if p.ScaleUpDelay > 0 || p.ScaleDownDelay > 0 || toZero > 0 {
		e.say(1, "A step, missing samples, and a load that asks for anything else restart a delay.")
	}
	if t.zero() && p.ScaleUpDelay > 0 {
		e.say(1, "From 0 replicas it scales up at once.")
	}
	if p.ScaleDownCoverage > 0 {
		e.say(1, "Missing samples restart the coverage window.")
	}
	if p.WaitForReady {
		e.say(1, "After a step up, load adds no more replicas until all are ready, for at most 10m.")
	}
}
