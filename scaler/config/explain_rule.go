package config

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/decide"
)

// rule says what a rule does, with a table of the loads at which it acts.
func (e *explanation) rule(indent int, p decide.Policy, r decide.Rule) {
	limits := fmt.Sprintf("%d to %d replicas", p.Limits.Min, p.Limits.Max)
	switch {
	case r.Kind == decide.Target:
		e.say(indent, "%s: the fewest with which none has more than %s:", limits, float(r.ValuePerReplica))
		e.table(indent+1, p.Limits, func(n float64) string { return fmt.Sprintf("up above %s", float(r.ValuePerReplica*n)) },
			func(n float64) string { return fmt.Sprintf("down at %s or less", float(r.ValuePerReplica*(n-1))) })
	case r.Absolute:
		e.say(indent, "%s: %s more at %s or more in total, %s fewer at %s or less.", limits, number(p.StepUp), float(r.ScaleUpAt), number(p.StepDown), float(r.ScaleDownAt))
	default:
		e.say(indent, "%s: %s more at %s or more per replica, %s fewer at %s or less:", limits, number(p.StepUp), float(r.ScaleUpAt), number(p.StepDown), float(r.ScaleDownAt))
		e.table(indent+1, p.Limits, func(n float64) string { return fmt.Sprintf("up at %s or more", float(r.ScaleUpAt*n)) },
			func(n float64) string { return fmt.Sprintf("down at %s or less", float(r.ScaleDownAt*n)) })
	}
}

// float writes a number without what a product's rounding leaves behind.
func float(v float64) string { return strconv.FormatFloat(v, 'g', 15, 64) }

func number(n int32) string {
	if n == 1 {
		return "one"
	}
	return fmt.Sprint(n)
}

// table has a line for every number of replicas; of many, for the first and the
// last ones.
func (e *explanation) table(indent int, limits decide.Limits, up, down func(n float64) string) {
	low, high := int(limits.Min), int(limits.Max)
	for n := low; n <= high; n++ {
		if n == low+5 && n < high-1 { // the rest follows the same pattern
			e.line(indent, "...")
			n = high - 2
			continue
		}
		var steps []string
		if n < high {
			steps = append(steps, up(float64(n)))
		}
		if n > low {
			steps = append(steps, down(float64(n)))
		}
		if len(steps) == 0 {
			steps = []string{"no step, because min_replicas equals max_replicas"}
		}
		e.line(indent, "at %d: %s", n, strings.Join(steps, ", "))
	}
}
