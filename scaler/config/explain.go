package config

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/prometheus/common/model"

	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/decide"
)

// Explain says in plain words what the configuration does, in lines that fit a
// terminal of 80 columns.
func (c Config) Explain() string {
	var e explanation
	e.say(0, "Prometheus: %s", c.Prometheus.Redacted())
	for _, t := range c.Targets {
		e.line(0, "")
		e.target(t)
		if t.Prometheus != nil {
			e.say(1, "Its Prometheus: %s", t.Prometheus.Redacted())
		}
	}
	return e.String()
}

const width = 80

// explanation is text of lines, indented by what they belong to.
type explanation struct{ strings.Builder }

// say writes a sentence, in as many lines as it takes.
func (e *explanation) say(indent int, format string, args ...any) {
	e.wrap(indent, strings.Fields(fmt.Sprintf(format, args...)))
}

// promql writes an expression, which can be pasted as it is written. One of
// several lines is left as it is, and text in quotes stays in one piece.
func (e *explanation) promql(indent int, text string) {
	text = strings.TrimSpace(text)
	if strings.Contains(text, "\n") {
		for line := range strings.SplitSeq(text, "\n") {
			e.line(indent, "%s", strings.TrimRight(line, " \t\r"))
		}
		return
	}
	quote, start := rune(0), 0
	var words []string
	for i, r := range text {
		switch {
		case quote == 0 && r == ' ':
			words, start = append(words, text[start:i]), i+1
		case quote == 0 && strings.ContainsRune("\"'`", r):
			quote = r
		case r == quote && text[i-1] != '\\':
			quote = 0
		}
	}
	e.wrap(indent, append(words, text[start:]))
}

// wrap writes words, in as many lines as they take.
func (e *explanation) wrap(indent int, words []string) {
	line := ""
	for _, word := range words {
		switch {
		case line == "":
			line = word
		case 2*indent+utf8.RuneCountInString(line+" "+word) > width:
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
		only := t.Policy.Triggers[0]
		e.line(1, "Every %s it evaluates", model.Duration(t.Interval))
		e.query(2, 1, t.Queries[0])
		if only.OnNoData == decide.ZeroOnNoData {
			e.say(1, "It holds on a sample older than %s.", maxAge(t.Policy))
		} else {
			e.say(1, "It holds without a sample, and on one older than %s.", maxAge(t.Policy))
		}
		e.fallback("", t.Policy, only)
		e.rule(1, t.Policy, only.Rule)
	}
	e.steps(t.Policy)
	if t.MaxReplicasQuery != "" {
		e.say(1, "This query also caps scale-up; without a result, load never scales up:")
		e.promql(2, t.MaxReplicasQuery)
	}
	e.calendar(t)
	e.waits(t)
	e.busyPods(t)
	switch flap, limits, ok := t.flaps(); {
	case ok && limits != t.Policy.Limits:
		e.say(1, "When the calendar allows %d to %d replicas, %s. allow_flapping accepts that.", limits.Min, limits.Max, flap)
	case ok:
		e.say(1, "%s%s. allow_flapping accepts that.", strings.ToUpper(flap.String()[:1]), flap.String()[1:])
	default:
		e.say(1, "No constant load makes it flap.")
	}
	switch {
	case t.Pause.Any():
		e.pause(t.Pause)
	case t.DryRun:
		e.say(1, "Dry run: it logs what it would do, and never writes.")
	}
}

func (e *explanation) workload(t Target) {
	w := t.Workload
	if t.Group == nil {
		e.say(0, "%s: scales %s (%s) in namespace %s", t.Name, w, w.APIVersion, w.Namespace)
		return
	}
	e.say(0, "%s: scales every %s (%s) that the query's labels name", t.Name, strings.ToLower(w.Kind), w.APIVersion)
	if t.Group.NamespaceLabel != "" {
		e.line(1, "namespace      label %s", t.Group.NamespaceLabel)
	} else {
		e.line(1, "namespace      %s", w.Namespace)
	}
	e.line(1, "name           label %s", t.Group.NameLabel)
	e.line(1, "in the log     %s/NAMESPACE/NAME", t.Name)
}

// query writes an expression, and what else there is to say about it.
func (e *explanation) query(expression, indent int, q Query) {
	e.promql(expression, q.PromQL)
	switch q.Timestamp {
	case "":
	case DefaultTimestampQuery:
		e.say(indent, "A sample is as old as the end of the window that was counted or, without that, as its scrape.")
	default:
		e.say(indent, "The time of the newest sample is")
		e.promql(indent+1, q.Timestamp)
	}
	if q.Zero {
		e.say(indent, "An empty answer is 0.")
	}
}

// maxAge says how old a sample may be.
func maxAge(p decide.Policy) string {
	if p.MaxSampleAge > 0 {
		return model.Duration(p.MaxSampleAge).String()
	}
	return "three times the spacing of the samples (30s to 15m)"
}

// fallback says what happens without a sample of the trigger; of is its name
// with " of " before it, or "".
func (e *explanation) fallback(of string, p decide.Policy, trigger decide.Trigger) {
	if trigger.OnNoData == decide.FallbackOnNoData {
		e.say(1, "After %s without a sample%s, it scales up to %d replicas, never down.", maxAge(p), of, trigger.FallbackReplicas)
	}
}

func (e *explanation) triggers(t Target) {
	triggers := t.Policy.Triggers
	e.line(1, "Every %s it evaluates", model.Duration(t.Interval))
	for i, trigger := range triggers {
		optional := ""
		if trigger.Optional {
			optional = " (optional)"
		}
		e.line(1, "- %s%s:", trigger.Name, optional)
		e.query(3, 2, t.Queries[i])
		e.rule(2, t.Policy, trigger.Rule)
	}
	e.say(1, "A sample older than %s counts as missing.", maxAge(t.Policy))
	for _, trigger := range triggers {
		e.fallback(" of "+trigger.Name, t.Policy, trigger)
	}
	if len(triggers) == 1 {
		e.say(1, "Without a sample, load changes nothing.")
		return
	}
	e.say(1, "It scales up if any trigger asks for more replicas, and down only if all ask for fewer. The highest number wins.")
	if slices.ContainsFunc(triggers, func(t decide.Trigger) bool { return !t.Optional }) {
		e.say(1, "While a sample is missing, the other triggers may scale up, but not down.")
	}
	if slices.ContainsFunc(triggers, func(t decide.Trigger) bool { return t.Optional }) {
		e.say(1, "Optional triggers without a sample do not count. Without any sample, load changes nothing.")
	}
}

// steps says how far a step may go; the explanation of a step rule includes it.
func (e *explanation) steps(p decide.Policy) {
	if !slices.ContainsFunc(p.Triggers, func(t decide.Trigger) bool { return t.Rule.Kind == decide.Target }) {
		return
	}
	if p.StepUp > 0 {
		e.say(1, "A step up adds %d at most.", p.StepUp)
	}
	if p.StepDown > 0 {
		e.say(1, "A step down removes %d at most.", p.StepDown)
	}
}
