package api

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/explain"
)

// Bounds says in a word or two from which values on the next step comes, "" for
// none: up to three, as there is one for each trigger.
func (d Decision) Bounds() (up, down string) {
	of := func(action string) string {
		for _, c := range d.Changes {
			if c.Action != action || c.Replicas+c.MinReplicas+c.MaxReplicas > 0 || c.NoData || c.AnyData {
				continue
			}
			if len(c.Values) == 0 {
				switch {
				case c.Unblocked:
					return "blocked"
				case c.AfterSeconds > 0:
					return "in " + explain.Duration(seconds(c.AfterSeconds))
				}
				return "next sample"
			}
			var parts []string
			for _, v := range c.Values {
				bound := v.AtLeast
				if bound == nil {
					bound = v.AtMost
				}
				parts = append(parts, strings.TrimSpace(v.Trigger+" "+explain.Number(*bound)))
			}
			return strings.Join(parts, ", ")
		}
		return ""
	}
	return of("up"), of("down")
}

func seconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }

// Deciding returns the trigger that decided, nil if there is none.
func (d Decision) Deciding() *Trigger {
	for i := range d.Triggers {
		if d.Triggers[i].Name == d.Trigger {
			return &d.Triggers[i]
		}
	}
	return nil
}

// Run is a number of decisions that follow one another with the same action and
// reason, and the same replicas.
type Run struct {
	Newest, Oldest Decision
	Decisions      int
}

// Join adds the decision before the oldest of the runs, which are the newest
// first.
func Join(runs []Run, d Decision) []Run {
	if n := len(runs); n > 0 && runs[n-1].Oldest.same(d) {
		runs[n-1].Oldest = d
		runs[n-1].Decisions++
		return runs
	}
	return append(runs, Run{d, d, 1})
}

func (d Decision) same(other Decision) bool {
	return d.Action == "none" && other.Action == "none" && d.Reason == other.Reason && d.Cause == other.Cause && equal(d.From, other.From) &&
		d.Trigger == other.Trigger && other.Foreign == nil
}

func equal(a, b *int32) bool { return (a == nil) == (b == nil) && (a == nil || *a == *b) }

// Replicas writes the replicas and their limits: 3 of 1-4.
func Replicas(d Decision) string {
	if d.To == nil {
		return "-"
	}
	text := strconv.Itoa(int(*d.To))
	if d.DryRun && d.From != nil {
		text = strconv.Itoa(int(*d.From))
	}
	if l := d.Limits; l != nil {
		most := "?"
		if l.MaxReplicas != nil {
			most = strconv.Itoa(int(*l.MaxReplicas))
		}
		text += fmt.Sprintf(" of %d-%s", l.MinReplicas, most)
	}
	return text
}

// ReplicaLines says everything about the replicas, one fact a line.
func ReplicaLines(d Decision) (lines []string) {
	if d.To == nil {
		return []string{"unknown"}
	}
	lines = append(lines, Replicas(d))
	if w := d.Workload; w != nil && w.Ready != nil {
		lines = append(lines, fmt.Sprintf("%d ready", *w.Ready))
	}
	if l := d.Limits; l != nil {
		if l.MinBy != "" {
			lines = append(lines, "minimum from the calendar entry "+strconv.Quote(l.MinBy))
		}
		if l.MaxBy != "" {
			lines = append(lines, "maximum from the calendar entry "+strconv.Quote(l.MaxBy))
		}
		if l.MaxReplicas == nil {
			lines = append(lines, "maximum unknown: max_replicas_query returned no number")
		}
	}
	return lines
}

// Measured writes the value of the trigger that decided, or why there is none.
func Measured(d Decision) string {
	t := d.Deciding()
	switch {
	case t == nil:
		return "-"
	case t.Value == nil:
		return t.Outcome
	}
	return explain.Number(*t.Value)
}

// Age writes the age of the sample of the trigger that decided.
func Age(d Decision) string {
	t := d.Deciding()
	if t == nil || t.AgeSeconds == nil {
		return "-"
	}
	if t.AgeUnknown {
		return "unknown"
	}
	return age(*t.AgeSeconds)
}

func age(s float64) string {
	if s < 0 {
		return "-" + age(-s)
	}
	if s < 10 {
		return seconds(s).Round(100 * time.Millisecond).String()
	}
	return explain.Duration(seconds(s))
}

// Describe says what is known of a trigger's sample.
func Describe(t Trigger) string {
	text := t.Outcome
	if t.Value != nil {
		text = explain.Number(*t.Value)
		if t.Empty {
			text += " (an empty answer)"
		}
	}
	if t.PerInstance != nil && t.Rule.Per == "replica" {
		text += " (" + explain.Number(*t.PerInstance) + " per replica)"
	}
	switch {
	case t.AgeUnknown:
		text += ", of unknown age"
	case t.AgeSeconds != nil:
		text += ", " + age(*t.AgeSeconds) + " old"
	}
	if t.IntervalSeconds != nil {
		text += ", sampled every " + explain.Duration(seconds(*t.IntervalSeconds))
	}
	return text
}

// DescribeRule says when a rule asks for a step.
func DescribeRule(r Rule) string {
	text := ""
	switch {
	case r.ValuePerReplica != nil:
		text = "as many replicas as keep it at " + explain.Number(*r.ValuePerReplica) + " per replica"
	case r.ScaleUpAt != nil && r.ScaleDownAt != nil:
		text = fmt.Sprintf("up at %s, down at %s", explain.Number(*r.ScaleUpAt), explain.Number(*r.ScaleDownAt))
		if r.Per == "replica" {
			text += " per replica"
		} else {
			text += " in all"
		}
	}
	if r.Optional {
		text += "; optional"
	}
	switch r.OnNoData {
	case "zero":
		text += "; an empty answer is 0"
	case "fallback":
		text += fmt.Sprintf("; without data up to %d", r.FallbackReplicas)
	}
	return text
}

// Clock writes a time of day, with the day if it is another one.
func Clock(t, now time.Time) string {
	t = t.In(now.Location())
	if t.Format(time.DateOnly) != now.Format(time.DateOnly) {
		return t.Format("2006-01-02 15:04:05")
	}
	return t.Format(time.TimeOnly)
}
