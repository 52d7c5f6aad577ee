package explain

import (
	"fmt"
	"strings"

	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/decide"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/loop"
)

// next says what would have to change for a step.
func next(d loop.Decision, all []Change) string {
	action, reason := d.Result()
	switch {
	case reason == decide.WriteFailed:
		return "The next sample decides again."
	case reason == decide.SwitchedOff:
		return "It stays off until the replicas are set to 1 or more by hand."
	case reason == decide.WorkloadUnreadable:
		return "It decides again as soon as they can be read."
	case d.Before == nil:
		return "It decides again as soon as there is a new sample."
	case len(all) == 0:
		return "No load causes a step: " + fmt.Sprintf("the minimum is %d and the maximum %d.", d.Limits.Min, d.Limits.Max)
	}
	opening := ""
	switch {
	case all[0].Unblocked && d.Block.Reason != "":
		opening = "otherwise it "
	case action != decide.None:
		opening = "next, it "
	case len(d.Samples) == 1 && d.Sample().Missing() != "":
		opening = "with data, it "
	}
	told := map[int]bool{} // triggers whose values are in the text already
	var parts []string
	said := ""
	for _, a := range []decide.Action{decide.Up, decide.Down} {
		ways := toward(a, all)
		if len(ways) == 0 {
			continue
		}
		verb := "scales "
		if ways[0].Unblocked || ways[0].supposes() || d.Target.DryRun {
			verb = "would scale "
		}
		if verb == said {
			verb = ""
		} else {
			said = verb
		}
		parts = append(parts, verb+string(a)+direction(d, ways, told))
	}
	text := opening + strings.Join(parts, "; ") + "."
	text = strings.ToUpper(text[:1]) + text[1:]
	if reason == decide.Contested || reason == decide.OwnedByOther && d.Left > 0 {
		text = "It resumes by itself. " + text
	}
	return text
}

// toward returns the changes that lead to a step in that direction.
func toward(a decide.Action, all []Change) (ways []Change) {
	for _, c := range all {
		if c.Action == a {
			ways = append(ways, c)
		}
	}
	return ways
}

// supposes reports whether the change is of what people have set, so that the
// sentence is hypothetical.
func (c Change) supposes() bool {
	return len(c.Values) == 0 && c.Replicas+c.Min+c.Max > 0
}

// direction says what leads to a step in one direction.
func direction(d loop.Decision, ways []Change, told map[int]bool) string {
	var text strings.Builder
	const most = 2
	for i, c := range ways {
		if i > 0 {
			text.WriteString(", or")
		}
		if i == most && len(ways) > most+1 {
			fmt.Fprintf(&text, " in %d other ways", len(ways)-most)
			break
		}
		text.WriteString(c.text(d, told))
		if i+1 == len(ways) || c.lasts() != ways[i+1].lasts() { // else it is said once
			text.WriteString(c.lasts())
		}
	}
	return text.String()
}

// lasts says for how long it takes what text says.
func (c Change) lasts() string {
	switch {
	case c.NoData:
		return ""
	case c.Ready:
		return ", waiting up to " + Duration(c.After) + " for Pods"
	case c.After > 0 && (len(c.Values) > 0 || c.Replicas+c.Min+c.Max > 0):
		return " for " + Duration(c.After)
	case c.After > 0:
		return " in " + Duration(c.After) + " if the load stays as it is"
	}
	return ""
}

// text says what it takes, as what follows "up" or "down".
func (c Change) text(d loop.Decision, told map[int]bool) string {
	switch {
	case len(c.Values) > 0:
		return values(d, c, told)
	case c.Replicas > 0:
		return " if there were " + replicas(c.Replicas)
	case c.MaxKnown:
		return fmt.Sprintf(" if max_replicas_query returned %d or more", c.Max)
	case c.Max > 0:
		return fmt.Sprintf(" if the maximum were %d", c.Max)
	case c.Min > 0:
		return fmt.Sprintf(" if the minimum were %d", c.Min)
	case c.NoData && c.After > 0:
		return fmt.Sprintf(" to %d in %s if data stays missing", c.To, Duration(c.After))
	case c.Data:
		return " with any data"
	case c.NewSample && c.After == 0:
		return fmt.Sprintf(" to %d on the next sample if the load stays as it is", c.To)
	}
	return fmt.Sprintf(" to %d", c.To)
}

// values says from where on values lead to the step.
func values(d loop.Decision, c Change, told map[int]bool) string {
	word := " or more"
	if c.Action == decide.Down {
		word = " or less"
	}
	var parts []string
	for _, v := range c.Values {
		now := ""
		if s := d.Samples[v.Trigger]; s.Missing() == "" && !told[v.Trigger] {
			now, told[v.Trigger] = " (now "+Number(s.Value)+")", true
		}
		if t := d.Target.Policy.Triggers[v.Trigger]; t.Name != "" {
			parts = append(parts, fmt.Sprintf("%s is %s%s%s", t.Name, v, word, now))
			continue
		}
		return fmt.Sprintf(" at %s%s%s", v, word, now)
	}
	return " if " + strings.Join(parts, " and ")
}
