package page

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/decide"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/explain"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/journal"
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

// scale turns times and values into places in the box.
type scale struct {
	from, to     time.Time
	lowest, most float64
}

func (s scale) x(at time.Time) float64 {
	return math.Max(0, math.Min(boxWidth, boxWidth*float64(at.Sub(s.from))/float64(s.to.Sub(s.from))))
}

func (s scale) y(v float64) float64 {
	return boxHeight - boxHeight*(v-s.lowest)/(s.most-s.lowest)
}

// place writes a place with one decimal.
func place(v float64) string { return strconv.FormatFloat(math.Round(v*10)/10, 'f', -1, 64) }

// point is a value at a time; NaN if there is none.
type point struct {
	at time.Time
	v  float64
}

// path draws points, with a gap where a value is missing. A stepped line keeps a
// value until the next point.
func (s scale) path(points []point, stepped bool) string {
	var b strings.Builder
	pen := false
	last := 0.0
	for _, p := range thin(points, s.from, s.to) {
		if math.IsNaN(p.v) {
			if pen && stepped {
				fmt.Fprintf(&b, "L%s %s", place(s.x(p.at)), place(last))
			}
			pen = false
			continue
		}
		x, y := s.x(p.at), s.y(p.v)
		switch {
		case !pen:
			fmt.Fprintf(&b, "M%s %sh0", place(x), place(y)) // a single point is a dot
		case stepped && last != y:
			fmt.Fprintf(&b, "H%sV%s", place(x), place(y))
		case stepped:
			fmt.Fprintf(&b, "H%s", place(x))
		default:
			fmt.Fprintf(&b, "L%s %s", place(x), place(y))
		}
		pen, last = true, y
	}
	return b.String()
}

// thin keeps of the points in each column the first, the least, the greatest and
// the last, and those without a value.
func thin(points []point, from, to time.Time) []point {
	if len(points) <= 2*columns {
		return points
	}
	width := to.Sub(from) / columns
	var out []point
	for i := 0; i < len(points); {
		column := points[i].at.Sub(from) / width
		j := i
		for j < len(points) && points[j].at.Sub(from)/width == column && !math.IsNaN(points[j].v) {
			j++
		}
		if j == i { // no value
			out = append(out, points[i])
			i++
			continue
		}
		least, most := i, i
		for k := i; k < j; k++ {
			if points[k].v < points[least].v {
				least = k
			}
			if points[k].v > points[most].v {
				most = k
			}
		}
		keep := []int{i, least, most, j - 1}
		slices.Sort(keep)
		for _, k := range slices.Compact(keep) {
			out = append(out, points[k])
		}
		i = j
	}
	return out
}

// nice returns a number at or above v that is easy to read, and to halve.
func nice(v float64) float64 {
	if v <= 0 {
		return 1
	}
	unit := math.Pow(10, math.Floor(math.Log10(v)))
	for _, n := range []float64{1, 2, 4, 5, 6, 8, 10} {
		if v <= n*unit*(1+1e-9) {
			return n * unit
		}
	}
	return 10 * unit
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
	var values, ups, downs []point
	s := scale{from: p.from, to: p.to}
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
				ups, downs = append(ups, point{e.At, up}), append(downs, point{e.At, down})
				up, down = bounds(rule, e.To)
			}
			if sample := e.Samples[i]; sample.Missing() == "" {
				value = sample.Value
				least, most, now = math.Min(least, value), math.Max(most, value), value
			}
		}
		values = append(values, point{e.At, value})
		ups, downs = append(ups, point{e.At, up}), append(downs, point{e.At, down})
		for _, v := range []float64{value, up, down} {
			if !math.IsNaN(v) {
				s.most, s.lowest = math.Max(s.most, v), math.Min(s.lowest, v)
			}
		}
	}
	if len(p.entries) == 0 {
		return chart{}, false
	}
	s.most = nice(s.most * 1.02)
	if s.lowest < 0 {
		s.lowest = -nice(-s.lowest)
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
		Top: axis(s.most), Middle: axis((s.most + s.lowest) / 2), Bottom: axis(s.lowest), Times: times(p.from, p.to),
		Lines:   []line{{"up", s.path(ups, true)}, {"down", s.path(downs, true)}, {"value", s.path(values, false)}},
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
	var replicas, least, most, shadow []point
	s := scale{from: p.from, to: p.to}
	steps := map[decide.Action]int{}
	now := int32(-1)
	for _, e := range p.entries {
		n, low, high := math.NaN(), math.NaN(), math.NaN()
		if e.Scale != nil {
			n = float64(e.Replicas)
			action, _ := e.Result()
			now = e.Replicas
			if action != decide.None && !e.Target.DryRun {
				replicas = append(replicas, point{e.At, n})
				n, now = float64(e.To), e.To
			}
			steps[action]++
		}
		if l := e.Limits; l.Max > 0 && !l.MaxUnknown {
			low, high = float64(l.Min), float64(l.Max)
		}
		replicas = append(replicas, point{e.At, n})
		follows := math.NaN()
		if e.Shadow != nil {
			follows = float64(e.Shadow.To)
		}
		shadow = append(shadow, point{e.At, follows})
		least, most = append(least, point{e.At, low}), append(most, point{e.At, high})
		for _, v := range []float64{n, high, follows} {
			if !math.IsNaN(v) {
				s.most = math.Max(s.most, v)
			}
		}
	}
	if now < 0 {
		return chart{}, false
	}
	s.most = math.Ceil((s.most+0.5)/2) * 2
	c := chart{
		Title: "Replicas",
		Label: fmt.Sprintf("Replicas: %d now, after %s up and %s down in this time.", now, count(steps[decide.Up], "step"), count(steps[decide.Down], "step")),
		Top:   axis(s.most), Middle: axis(s.most / 2), Bottom: "0", Times: times(p.from, p.to),
		Lines:   []line{{"limit", s.path(most, true)}, {"limit", s.path(least, true)}, {"replicas", s.path(replicas, true)}},
		Legends: []legend{{"replicas", "replicas"}, {"limit", "minimum and maximum"}, {"action", "step"}, {"hold", "holding"}},
	}
	if drawn := s.path(shadow, true); drawn != "" {
		c.Lines = append(c.Lines, line{"shadow", drawn})
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
func (p past) mark(c *chart, s scale) {
	const most = 200 // steps and holds; what flaps more often is not told apart anyway
	var hold *band
	var since time.Time
	end := func(at time.Time) {
		if hold == nil {
			return
		}
		hold.X, hold.Width = place(s.x(since)), place(math.Max(1, s.x(at)-s.x(since)))
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
			c.Steps = append(c.Steps, band{X: place(s.x(e.At)), Class: string(action), Title: fmt.Sprintf("%s to %d (%s)", action, e.To, reason)})
		}
	}
	end(p.to)
}
