package config

import (
	"fmt"
	"slices"
	"strings"

	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/decide"
)

// Explain says in plain words what the configuration does.
func (c Config) Explain() string {
	var e explanation
	e.line(0, "Prometheus: %s", c.Prometheus.Redacted())
	for _, t := range c.Targets {
		e.line(0, "")
		e.target(t)
	}
	return e.String()
}

// explanation is text of lines, the more indented the smaller their subject.
type explanation struct{ strings.Builder }

// say writes a sentence, in as many lines as a terminal's width takes.
func (e *explanation) say(indent int, format string, args ...any) {
	const width = 80
	line := ""
	for word := range strings.FieldsSeq(fmt.Sprintf(format, args...)) {
		switch {
		case line == "":
			line = word
		case 2*indent+len(line)+1+len(word) > width:
			e.line(indent, "%s", line)
			line = word
		default:
			line += " " + word
		}
	}
	e.line(indent, "%s", line)
}

func (e *explanation) line(indent int, format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	if text != "" {
		e.WriteString(strings.Repeat("  ", indent))
	}
	e.WriteString(text + "\n")
}

func (e *explanation) target(t Target) {
	e.workload(t)
	if t.listed() {
		e.triggers(t)
	} else {
		e.line(1, "every %s, by   %s", t.Interval, t.Queries[0].PromQL)
		e.query(1, t.Queries[0])
		if t.Queries[0].Zero {
			e.say(1, "A sample older than %s changes nothing.", maxAge(t.Policy))
		} else {
			e.say(1, "A sample older than %s, or none, changes nothing.", maxAge(t.Policy))
		}
		e.fallback(1, t, t.Policy.Triggers[0])
		e.rule(1, t.Policy, t.Policy.Triggers[0].Rule)
	}
	e.steps(t.Policy)
	if t.MaxReplicasQuery != "" {
		e.say(1, "What this gives bounds the steps up too; without it, none by the load:")
		e.line(2, "%s", t.MaxReplicasQuery)
	}
	e.calendar(t)
	if t.Policy.WaitForReady {
		e.say(1, "No step up while the last one's Pods are not ready.")
	}
	e.timeline(t.Policy)
	switch flap, limits, ok := t.flaps(); {
	case ok && limits != t.Policy.Limits:
		e.say(1, "It flaps when the calendar allows %d to %d, and allow_flapping accepts that: %s.", limits.Min, limits.Max, flap)
	case ok:
		e.say(1, "It flaps, and allow_flapping accepts that: %s.", flap)
	default:
		e.say(1, "No constant load makes it go up and down for ever.")
	}
	switch {
	case t.Paused:
		e.say(1, "Paused: it writes nothing.")
	case t.DryRun:
		e.say(1, "Dry run: it says what it would do, and writes nothing.")
	}
}

// steps says how far it may go at once; a step rule's explanation has said it.
func (e *explanation) steps(p decide.Policy) {
	if !slices.ContainsFunc(p.Triggers, func(t decide.Trigger) bool { return t.Rule.Kind == decide.Target }) {
		return
	}
	if p.StepUp > 0 {
		e.say(1, "Never more than %d up at once.", p.StepUp)
	}
	if p.StepDown > 0 {
		e.say(1, "Never more than %d down at once.", p.StepDown)
	}
}

func (e *explanation) workload(t Target) {
	w := t.Workload
	if t.Group == nil {
		e.line(0, "%s: scales %s (%s) in namespace %s", t.Name, w, w.APIVersion, w.Namespace)
		return
	}
	e.line(0, "%s: scales every %s (%s) that the query's labels name", t.Name, strings.ToLower(w.Kind), w.APIVersion)
	if t.Group.NamespaceLabel != "" {
		e.line(1, "its namespace   the label %s", t.Group.NamespaceLabel)
	} else {
		e.line(1, "its namespace   %s", w.Namespace)
	}
	e.line(1, "its name        the label %s", t.Group.NameLabel)
	e.line(1, "in the log      %s/NAMESPACE/NAME", t.Name)
}

// query says what else there is about a query.
func (e *explanation) query(indent int, q Query) {
	if q.Timestamp != "" {
		e.line(indent, "sample's time  %s", q.Timestamp)
	}
	if q.Zero {
		e.say(indent, "An empty answer is 0.")
	}
}

// maxAge says how old a sample may be.
func maxAge(p decide.Policy) string {
	if p.MaxSampleAge > 0 {
		return p.MaxSampleAge.String()
	}
	return "three times the spacing of the samples (30s to 15m)"
}

func (e *explanation) fallback(indent int, t Target, trigger decide.Trigger) {
	if trigger.OnNoData == decide.FallbackOnNoData {
		e.say(indent, "Without a sample for %s it goes up to %d replicas if there are fewer.", maxAge(t.Policy), trigger.FallbackReplicas)
	}
}

func (e *explanation) triggers(t Target) {
	e.line(1, "every %s, by", t.Interval)
	for i, trigger := range t.Policy.Triggers {
		optional := ""
		if trigger.Optional {
			optional = " (optional)"
		}
		e.line(1, "- %s%s:   %s", trigger.Name, optional, t.Queries[i].PromQL)
		e.query(2, t.Queries[i])
		e.fallback(2, t, trigger)
		e.rule(2, t.Policy, trigger.Rule)
	}
	e.say(1, "A sample older than %s, or none, is no data.", maxAge(t.Policy))
	required, optional := false, false
	for _, trigger := range t.Policy.Triggers {
		required = required || !trigger.Optional
		optional = optional || trigger.Optional
	}
	if len(t.Policy.Triggers) == 1 {
		e.say(1, "Without data nothing is asked for.")
		return
	}
	e.say(1, "It goes up if any of them asks for it, as far as the one that asks for the most.")
	e.say(1, "It goes down only if all of them ask for it, to the most that any asks for.")
	if required {
		e.say(1, "While one has no data it may go up by the others, but not down.")
	}
	if optional {
		e.say(1, "An optional one without data has no say. Without any data nothing is asked for.")
	}
}
