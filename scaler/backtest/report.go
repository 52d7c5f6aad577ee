package backtest

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/backtest/floors"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/backtest/sweep"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/config"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/decide"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/replay"
)

// Report is the result of a backtest or a simulation, as JSON.
type Report struct {
	Command  string         `json:"command"` // backtest or simulate
	Target   string         `json:"target"`
	From     time.Time      `json:"from"`
	To       time.Time      `json:"to"`
	Samples  int            `json:"samples"`
	Bound    string         `json:"bound"` // above and below which the time is counted
	Courses  []Course       `json:"runs"`
	Sweep    *sweep.Result  `json:"sweep,omitempty"`
	Floors   *floors.Floors `json:"floors,omitempty"`
	NoFloors string         `json:"no_floors,omitempty"`
	Notes    []string       `json:"notes"`
	triggers []decide.Trigger
}

// Course is one course of replicas: of a rule, or the recorded one.
type Course struct {
	Name     string                `json:"name"`
	Recorded bool                  `json:"recorded,omitempty"`
	Figures  replay.Figures        `json:"figures"`
	Reasons  map[decide.Reason]int `json:"decisions,omitempty"` // by reason
	Steps    []replay.Step         `json:"steps"`               // the first 10,000
	trace    *replay.Trace
}

func courseOf(name string, r *replay.Run) Course {
	return Course{Name: name, Figures: r.Meter.Total(), Reasons: r.Reasons, Steps: r.Steps, trace: r.Meter.Trace}
}

func courseOfActual(a *replay.Actual) Course {
	return Course{Name: "recorded", Recorded: true, Figures: a.Meter.Total(), Steps: a.Steps, trace: a.Meter.Trace}
}

// boundOf says by which bounds the time is judged.
func boundOf(t config.Target) string {
	var all []string
	for _, trigger := range t.Policy.Triggers {
		r := trigger.Rule
		var text string
		per := " per replica"
		if r.Absolute {
			per = " in all"
		}
		if r.Kind == decide.Target {
			text = fmt.Sprintf("above the bound is more than %s%s, below is where fewer replicas would do", number(r.ValuePerReplica), per)
		} else {
			text = fmt.Sprintf("above the bound is %s or more%s, below is %s or less", number(r.ScaleUpAt), per, number(r.ScaleDownAt))
		}
		if trigger.Name != "" {
			text = "of " + trigger.Name + ", " + text
		}
		all = append(all, text)
	}
	return strings.Join(all, "; ")
}

// recorded reports whether the replicas that there really were are known.
func (r Report) recorded() bool {
	return slices.ContainsFunc(r.Courses, func(c Course) bool { return c.Recorded })
}

func (r Report) boundSentence() string {
	if r.Bound == "" {
		return ""
	}
	return strings.ToUpper(r.Bound[:1]) + r.Bound[1:] + "."
}

// WriteJSON writes the report as JSON.
func (r Report) WriteJSON(w io.Writer) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(r)
}

// shownSteps is how many steps the table shows.
const shownSteps = 10

// WriteTable writes the report in 80 columns.
func (r Report) WriteTable(w io.Writer) {
	fmt.Fprintf(w, "%s, %s to %s, %d samples\n", r.Target, r.From.UTC().Format("2006-01-02 15:04"), r.To.UTC().Format("2006-01-02 15:04 MST"), r.Samples)
	fmt.Fprintln(w, strings.Join(wrap(r.boundSentence(), 78), "\n"))
	fmt.Fprintf(w, "\n%-18s %8s %8s %7s %8s %9s %6s %6s\n", "", "replica-", "above", "above", "below", "worst per", "steps", "flaps")
	fmt.Fprintf(w, "%-18s %8s %8s %7s %8s %9s %6s %6s\n", "", "hours", "bound", "%", "bound", "replica", "", "a day")
	for _, c := range r.Courses {
		row(w, c.Name, c.Figures)
	}
	if r.Floors != nil {
		row(w, "with these floors", r.Floors.Figures)
	}
	fmt.Fprintln(w)
	r.writeMore(w)
	r.writeSteps(w)
	r.writeSweep(w)
	r.writeFloors(w)
	for _, n := range r.Notes {
		lines := wrap(n, 76)
		fmt.Fprintf(w, "- %s\n", strings.Join(lines, "\n  "))
	}
}

func row(w io.Writer, name string, f replay.Figures) {
	if len(name) > 18 {
		fmt.Fprintln(w, name)
		name = ""
	}
	worst := 0.0
	for _, x := range f.Worst {
		worst = max(worst, x.PerInstance)
	}
	worsts := number(worst)
	if len(f.Worst) > 1 {
		worsts = "below" // each has its own
	}
	fmt.Fprintf(w, "%-18s %8.1f %8s %7s %8s %9s %6d %6.1f\n", name, f.ReplicaHours, duration(f.Above), share(f.Above, f.Seconds), duration(f.Below), worsts, f.Ups+f.Downs, f.FlapsPerDay)
}

// writeMore writes what has no place in the table.
func (r Report) writeMore(w io.Writer) {
	for _, c := range r.Courses {
		f := c.Figures
		parts := []string{fmt.Sprintf("%s: %d to %d replicas", c.Name, f.FewestRunning, f.MostRunning), duration(f.AtMax) + " at the maximum"}
		if len(f.Worst) > 1 {
			for _, x := range f.Worst {
				parts = append(parts, fmt.Sprintf("worst of %s %s per replica", x.Trigger, number(x.PerInstance)))
			}
		}
		if f.Unknown > 0 && !r.sameUnknown() {
			parts = append(parts, duration(f.Unknown)+" without data")
		}
		if f.Unrecorded > 0 {
			parts = append(parts, duration(f.Unrecorded)+" without recorded replicas: not to be compared with the rest")
		}
		if f.Compared > 0 && !c.Recorded {
			parts = append(parts, fmt.Sprintf("as many as recorded for %s of the time", share(f.Same, f.Compared)))
		}
		fmt.Fprintln(w, strings.Join(wrap(strings.Join(parts, ", "), 78), "\n  "))
	}
	if d := r.NoData(); d != "" {
		fmt.Fprintf(w, "%s without data are only in the replica-hours.\n", d)
	}
	fmt.Fprintln(w)
}

// sameUnknown reports whether all runs lack the data of the same time.
func (r Report) sameUnknown() bool {
	for _, c := range r.Courses {
		if c.Figures.Unknown != r.Courses[0].Figures.Unknown {
			return false
		}
	}
	return len(r.Courses) > 0
}

// NoData returns the time without data in words, "" if there is none or it
// differs.
func (r Report) NoData() string {
	if !r.sameUnknown() || r.Courses[0].Figures.Unknown == 0 {
		return ""
	}
	return duration(r.Courses[0].Figures.Unknown)
}

func (r Report) writeSteps(w io.Writer) {
	for _, c := range r.Courses {
		f := c.Figures
		if f.Ups+f.Downs == 0 {
			fmt.Fprintf(w, "%s: no steps\n\n", c.Name)
			continue
		}
		last := c.Steps[max(0, len(c.Steps)-shownSteps):]
		which := "all steps"
		if n := f.Ups + f.Downs; n > len(last) {
			which = fmt.Sprintf("the last %d of %d steps; --output=json has all", len(last), n)
			if n > len(c.Steps) {
				which = fmt.Sprintf("%d to %d of %d steps; --output=json has the first %d", len(c.Steps)-len(last)+1, len(c.Steps), n, len(c.Steps))
			}
		}
		fmt.Fprintln(w, strings.Join(wrap(c.Name+": "+which, 78), "\n"))
		for _, s := range last {
			fmt.Fprintf(w, "  %s  %3d -> %d", s.Time.UTC().Format("2006-01-02 15:04:05"), s.From, s.To)
			if s.Reason != "" {
				fmt.Fprintf(w, "  %*s", len(s.Reason)+max(0, 3-len(strconv.Itoa(int(s.To)))), s.Reason)
			}
			if s.Trigger != "" {
				fmt.Fprintf(w, " (%s)", s.Trigger)
			}
			switch {
			case s.Instance != nil:
				fmt.Fprintf(w, ", %s per replica", number(*s.Instance))
			case s.Value != nil:
				fmt.Fprintf(w, ", %s in all", number(*s.Value))
			}
			fmt.Fprintln(w)
		}
		fmt.Fprintln(w)
	}
}

func (r Report) writeSweep(w io.Writer) {
	s := r.Sweep
	if s == nil {
		return
	}
	names := "scale_up_at  scale_down_at"
	if s.Kind == string(decide.Target) {
		names = "value_per_replica         "
	}
	fmt.Fprintf(w, "Sweep: %d pairs of bounds", len(s.Tried))
	if s.LeftOut > 0 {
		fmt.Fprintf(w, " (%d more can flap, and were left out)", s.LeftOut)
	}
	fmt.Fprintf(w, "\n\n  %s  replica-hours  above bound       %%  steps  flaps\n", names)
	line := func(t sweep.Tried, mark string) {
		down := ""
		if t.Down != nil {
			down = number(*t.Down)
		}
		fmt.Fprintf(w, "%s %11s  %13s  %13.1f  %11s  %6s  %5d  %5d\n", mark, number(t.Up), down, t.Hours, duration(t.Above), percent(t.Share), t.Steps, t.Flaps)
	}
	for _, t := range thinned(s.Frontier(), s.Best) {
		mark := " "
		if s.Best != nil && t.Same(*s.Best) {
			mark = "*"
		}
		line(t, mark)
	}
	fmt.Fprintln(w, "  configured:")
	line(s.Baseline, " ")
	fmt.Fprintln(w)
	text := s.Note
	if s.Best != nil {
		text = fmt.Sprintf("* has the least replica-hours of those that are at or above the bound for %s of the time at most. It fits what was recorded; the next weeks may differ.", percent(s.Limit))
	}
	fmt.Fprintln(w, strings.Join(wrap(text, 78), "\n"))
	fmt.Fprintln(w)
}

// noteOf says what to do if no pair is within the limit.
func noteOf(s *sweep.Result) string {
	if s.Best != nil {
		return ""
	}
	return fmt.Sprintf("No pair keeps the time at or above the bound within %s: the least is %s. Where the replicas are at the maximum, only another one helps: --rule=max_replicas=N.", percent(s.Limit), percent(s.LeastAbove()))
}

// thinned are at most twelve of them, the best among them.
func thinned(all []sweep.Tried, best *sweep.Tried) []sweep.Tried {
	const most = 12
	if len(all) <= most {
		return all
	}
	var some []sweep.Tried
	for i, t := range all {
		if i*(most-1)/(len(all)-1) != (i-1)*(most-1)/(len(all)-1) || i == 0 || best != nil && t.Same(*best) {
			some = append(some, t)
		}
	}
	return some
}

func (r Report) writeFloors(w io.Writer) {
	switch {
	case r.Floors != nil:
		fmt.Fprintf(w, "Calendar floors, for 9 of 10 minutes of their hours:\n\n%s\n", r.Floors.YAML)
	case r.NoFloors != "":
		fmt.Fprintln(w, strings.Join(wrap(r.NoFloors, 78), "\n"))
		fmt.Fprintln(w)
	}
}

// duration writes seconds in two units at most.
func duration(seconds float64) string {
	d := time.Duration(math.Round(seconds)) * time.Second
	days, hours, minutes := d/(24*time.Hour), d%(24*time.Hour)/time.Hour, d%time.Hour/time.Minute
	switch {
	case days > 0:
		return fmt.Sprintf("%dd%02dh", days, hours)
	case hours > 0:
		return fmt.Sprintf("%dh%02dm", hours, minutes)
	case minutes > 0:
		return fmt.Sprintf("%dm%02ds", minutes, d%time.Minute/time.Second)
	}
	return fmt.Sprintf("%ds", d/time.Second)
}

func share(part, total float64) string {
	if total <= 0 {
		return "-"
	}
	return percent(part / total)
}

func percent(v float64) string {
	switch v *= 100; {
	case v == 0:
		return "0%"
	case v < 0.01:
		return "<0.01%"
	case v < 10:
		return fmt.Sprintf("%.2f%%", v)
	}
	return fmt.Sprintf("%.1f%%", v)
}

func number(v float64) string {
	digits := 2
	if math.Abs(v) >= 1000 {
		digits = 0
	}
	text := fmt.Sprintf("%.*f", digits, v)
	if digits > 0 {
		text = strings.TrimRight(strings.TrimRight(text, "0"), ".")
	}
	return cmp.Or(text, "0")
}

// wrap breaks a text into lines.
func wrap(text string, width int) (lines []string) {
	line := ""
	for word := range strings.FieldsSeq(text) {
		switch {
		case line == "":
			line = word
		case len(line)+1+len(word) <= width:
			line += " " + word
		default:
			lines, line = append(lines, line), word
		}
	}
	return slices.DeleteFunc(append(lines, line), func(l string) bool { return l == "" })
}
