package page

import (
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/decide"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/explain"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/journal"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/plot"
)

// chart is a picture of the past: SVG paths in a box of 1000 by 100, which the
// browser stretches. Axes are text beside it.
type chart struct {
	Title   string
	Label   string // what there is to see, for those who do not see it
	Top     string // of the vertical axis
	Middle  string
	Bottom  string
	Times   []string // of the horizontal axis, evenly spaced
	Lines   []line
	Bands   []band
	Steps   []band
	Legends []legend
}

// line is one path.
type line struct{ Class, Path string }

// band is a part of the time.
type band struct {
	X, Width string
	Class    string
	Title    string
}

type legend struct{ Class, Text string }

// The box.
const (
	boxWidth  = 1000
	boxHeight = 100
	columns   = 500 // that points are thinned out to
)

// drawn is the path of points.
func drawn(s plot.Scale, points []plot.Point, stepped bool) string {
	return s.Path(s.Thin(points, columns), stepped)
}

// nice returns a number at or above v that is easy to read, and to halve.
func nice(v float64) float64 {
	if v <= 0 {
		return 1
	}
	return plot.Round(v, 1, 2, 4, 5, 6, 8)
}

// times returns what to write below the horizontal axis.
func times(from, to time.Time) []string {
	format := "15:04"
	if to.Sub(from) < 10*time.Minute {
		format = "15:04:05"
	}
	const parts = 4
	var out []string
	for i := range parts + 1 {
		out = append(out, from.Add(to.Sub(from)*time.Duration(i)/parts).UTC().Format(format))
	}
	return out
}

// past is a target's decisions in a time, the oldest first.
type past struct {
	entries  []journal.Entry
	from, to time.Time
}

// charts draws the value of each trigger with its bounds, and the replicas.
func (p past) charts(triggers []decide.Trigger) []chart {
	var all []chart
	for i, t := range triggers {
		if c, ok := p.valueChart(i, t); ok {
			all = append(all, c)
		}
	}
	if c, ok := p.replicaChart(); ok {
		all = append(all, c)
	}
	return all
}

// bounds returns the values at which a rule asks for a step with so many
// replicas, NaN for none.
func bounds(r decide.Rule, replicas int32) (up, down float64) {
	n := float64(replicas)
	switch {
	case replicas <= 0:
		return math.NaN(), math.NaN()
	case r.Kind == decide.Target:
		return r.ValuePerReplica * n, r.ValuePerReplica * (n - 1)
	case r.Absolute:
		return r.ScaleUpAt, r.ScaleDownAt
	}
	return r.ScaleUpAt * n, r.ScaleDownAt * n
}

func (p past) valueChart(i int, t decide.Trigger) (chart, bool) {
	var values, ups, downs []plot.Point
	s := plot.Scale{From: p.from, To: p.to, Width: boxWidth, Height: boxHeight}
	least, most, now := math.Inf(1), math.Inf(-1), math.NaN()
	for _, e := range p.entries {
		same := i < len(e.Target.Policy.Triggers) && e.Target.Policy.Triggers[i].Name == t.Name
		value, up, down := math.NaN(), math.NaN(), math.NaN()
		if same {
			rule := e.Target.Policy.Triggers[i].Rule
			if e.Scale != nil {
				up, down = bounds(rule, e.Replicas)
			}
			if action, _ := e.Result(); action != decide.None && !e.Target.DryRun {
				ups, downs = append(ups, plot.Point{At: e.At, Value: up}), append(downs, plot.Point{At: e.At, Value: down})
				up, down = bounds(rule, e.To)
			}
			if sample := e.Samples[i]; sample.Missing() == "" {
				value = sample.Value
				least, most, now = math.Min(least, value), math.Max(most, value), value
			}
		}
		values = append(values, plot.Point{At: e.At, Value: value})
		ups, downs = append(ups, plot.Point{At: e.At, Value: up}), append(downs, plot.Point{At: e.At, Value: down})
		for _, v := range []float64{value, up, down} {
			if !math.IsNaN(v) {
				s.Top, s.Lowest = math.Max(s.Top, v), math.Min(s.Lowest, v)
			}
		}
	}
	if len(p.entries) == 0 {
		return chart{}, false
	}
	s.Top = nice(s.Top * 1.02)
	if s.Lowest < 0 {
		s.Lowest = -nice(-s.Lowest)
	}
	title := "Load"
	if t.Name != "" {
		title = t.Name
	}
	label := title + ": no value in this time."
	if !math.IsNaN(now) {
		label = fmt.Sprintf("%s: from %s to %s, last %s.", title, explain.Number(least), explain.Number(most), explain.Number(now))
	}
	up, down := "scales up at or above", "scales down at or below"
	if t.Rule.Kind == decide.Target {
		up = "scales up above"
	}
	c := chart{
		Title: title, Label: label,
		Top: axis(s.Top), Middle: axis((s.Top + s.Lowest) / 2), Bottom: axis(s.Lowest), Times: times(p.from, p.to),
		Lines:   []line{{"up", drawn(s, ups, true)}, {"down", drawn(s, downs, true)}, {"value", drawn(s, values, false)}},
		Legends: []legend{{"value", "value"}, {"up", up}, {"down", down}},
	}
	p.mark(&c, s)
	return c, true
}

// axis writes a number beside an axis.
func axis(v float64) string {
	for _, unit := range []struct {
		size float64
		name string
	}{{1e12, "T"}, {1e9, "G"}, {1e6, "M"}, {1e4, "k"}} {
		if math.Abs(v) >= unit.size {
			if unit.name == "k" {
				unit.size = 1e3
			}
			return explain.Number(v/unit.size) + unit.name
		}
	}
	return explain.Number(v)
}

func (p past) replicaChart() (chart, bool) {
	var replicas, least, most, shadow []plot.Point
	s := plot.Scale{From: p.from, To: p.to, Width: boxWidth, Height: boxHeight}
	steps := map[decide.Action]int{}
	now := int32(-1)
	for _, e := range p.entries {
		n, low, high := math.NaN(), math.NaN(), math.NaN()
		if e.Scale != nil {
			n = float64(e.Replicas)
			action, _ := e.Result()
			now = e.Replicas
			if action != decide.None && !e.Target.DryRun {
				replicas = append(replicas, plot.Point{At: e.At, Value: n})
				n, now = float64(e.To), e.To
			}
			steps[action]++
		}
		if l := e.Limits; l.Max > 0 && !l.MaxUnknown {
			low, high = float64(l.Min), float64(l.Max)
		}
		replicas = append(replicas, plot.Point{At: e.At, Value: n})
		follows := math.NaN()
		if e.Shadow != nil {
			follows = float64(e.Shadow.To)
		}
		shadow = append(shadow, plot.Point{At: e.At, Value: follows})
		least, most = append(least, plot.Point{At: e.At, Value: low}), append(most, plot.Point{At: e.At, Value: high})
		for _, v := range []float64{n, high, follows} {
			if !math.IsNaN(v) {
				s.Top = math.Max(s.Top, v)
			}
		}
	}
	if now < 0 {
		return chart{}, false
	}
	s.Top = math.Ceil((s.Top+0.5)/2) * 2
	c := chart{
		Title: "Replicas",
		Label: fmt.Sprintf("Replicas: %d now, after %s up and %s down in this time.", now, count(steps[decide.Up], "step"), count(steps[decide.Down], "step")),
		Top:   axis(s.Top), Middle: axis(s.Top / 2), Bottom: "0", Times: times(p.from, p.to),
		Lines:   []line{{"limit", drawn(s, most, true)}, {"limit", drawn(s, least, true)}, {"replicas", drawn(s, replicas, true)}},
		Legends: []legend{{"replicas", "replicas"}, {"limit", "minimum and maximum"}, {"action", "step"}, {"hold", "holding"}},
	}
	if path := drawn(s, shadow, true); path != "" {
		c.Lines = append(c.Lines, line{"shadow", path})
		c.Legends = append(c.Legends, legend{"shadow", "replicas if this dry run scaled"})
	}
	p.mark(&c, s)
	if slices.ContainsFunc(c.Bands, func(b band) bool { return b.Class == "off" }) {
		c.Legends = append(c.Legends, legend{"off", "paused or switched off"})
	}
	return c, true
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// mark marks steps and holds.
func (p past) mark(c *chart, s plot.Scale) {
	const most = 200 // steps and holds; what flaps more often is not told apart anyway
	var hold *band
	var since time.Time
	end := func(at time.Time) {
		if hold == nil {
			return
		}
		hold.X, hold.Width = plot.Place(s.X(since)), plot.Place(math.Max(1, s.X(at)-s.X(since)))
		if len(c.Bands) < most {
			c.Bands = append(c.Bands, *hold)
		}
		hold = nil
	}
	for _, e := range p.entries {
		action, reason := e.Result()
		if hold != nil && hold.Title != string(reason) {
			end(e.At)
		}
		if reason.Holds() && hold == nil {
			hold, since = &band{Class: "hold", Title: string(reason)}, e.At
			if chosen(reason) {
				hold.Class = "off"
			}
		}
		if action != decide.None && len(c.Steps) < most {
			c.Steps = append(c.Steps, band{X: plot.Place(s.X(e.At)), Class: string(action), Title: fmt.Sprintf("%s to %d (%s)", action, e.To, reason)})
		}
	}
	end(p.to)
}
