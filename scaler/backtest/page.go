package backtest

import (
	"embed"
	"fmt"
	"html/template"
	"io"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/decide"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/replay"
)

//go:embed page.html
var files embed.FS

// page is what the template shows.
type page struct {
	Report
	Title    string
	Pictures []picture
}

// BoundSentence says by which bounds the time is counted.
func (p page) BoundSentence() string { return p.boundSentence() }

type picture struct {
	Caption string
	Class   string        // of the run that it is of; "" for all
	SVG     template.HTML // made here, of numbers and escaped text
}

// WriteHTML writes the report as one page that needs nothing else: no script, no
// other file, no request.
func (r Report) WriteHTML(w io.Writer) error {
	t, err := template.New("page.html").Funcs(template.FuncMap{
		"duration": duration, "share": share, "percent": percent, "number": number,
		"worst": func(f replay.Figures) string {
			var all []string
			for _, x := range f.Worst {
				text := number(x.PerInstance)
				if x.Trigger != "" {
					text = x.Trigger + " " + text
				}
				all = append(all, text)
			}
			return strings.Join(all, ", ")
		},
		"fixed": func(digits int, v float64) string { return fmt.Sprintf("%.*f", digits, v) },
		"utc":   func(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05") },
		"color": color,
		"steps": func(f replay.Figures) int { return f.Ups + f.Downs },
		"last": func(s []replay.Step) []replay.Step {
			const most = 200
			return s[max(0, len(s)-most):]
		},
		"frontier": func(s *Swept) (all []Tried) {
			for _, t := range s.Tried {
				if t.Frontier {
					all = append(all, t)
				}
			}
			return all
		},
		"best": func(s *Swept, t Tried) bool { return s.Best != nil && same(*s.Best, t) },
	}).ParseFS(files, "page.html")
	if err != nil {
		return fmt.Errorf("make the page: %w", err)
	}
	p := page{Report: r, Title: r.Target + ": " + r.Command}
	for i, trigger := range r.triggers {
		p.Pictures = append(p.Pictures, r.loadPicture(i, trigger))
	}
	p.Pictures = append(p.Pictures, r.replicasPicture())
	for i, trigger := range r.triggers {
		p.Pictures = append(p.Pictures, r.instancePictures(i, trigger)...)
	}
	if r.Sweep != nil {
		p.Pictures = append(p.Pictures, r.Sweep.picture())
	}
	return t.Execute(w, p)
}

// colors of the courses are classes of the page's style.
const colors = 6

func color(i int) string { return fmt.Sprintf("c%d", i%colors) }

func of(trigger decide.Trigger) string {
	if trigger.Name == "" {
		return ""
	}
	return " of " + trigger.Name
}

// loadPicture shows the load as it was.
func (r Report) loadPicture(i int, trigger decide.Trigger) picture {
	p := newPlot(r.From, r.To, 150)
	if len(r.Courses) == 0 || r.Courses[0].trace == nil {
		return picture{}
	}
	columns := r.Courses[0].trace.Columns
	for _, c := range columns {
		p.fit(c.Load[i].High)
	}
	p.axes()
	p.band(len(columns), func(k int) replay.Span { return columns[k].Load[i] }, "load")
	return picture{"Load" + of(trigger), "", p.svg("The load" + of(trigger) + " over the time")}
}

// instancePictures show the load on each replica, and the bounds: one for each
// run, all of the same scale.
func (r Report) instancePictures(i int, trigger decide.Trigger) (all []picture) {
	rule, per := trigger.Rule, "Load per replica"
	if rule.Absolute {
		per = "What the rule compares"
	}
	top := upOf(rule) * 1.1
	for _, c := range r.Courses {
		for _, column := range c.trace.Columns {
			if v := column.Instance[i].High; v > top {
				top = v
			}
		}
	}
	for k, c := range r.Courses {
		p := newPlot(r.From, r.To, 110)
		p.fit(top)
		p.axes()
		p.band(len(c.trace.Columns), func(n int) replay.Span { return c.trace.Columns[n].Instance[i] }, color(k))
		p.bound(upOf(rule))
		if rule.Kind == decide.Step {
			p.bound(rule.ScaleDownAt)
		}
		caption := per + of(trigger) + ", " + c.Name
		all = append(all, picture{caption, color(k), p.svg(caption + ", and the bounds of the configured rule")})
	}
	return all
}

// replicasPicture shows the replicas as steps.
func (r Report) replicasPicture() picture {
	p := newPlot(r.From, r.To, 170)
	for _, c := range r.Courses {
		for _, column := range c.trace.Columns {
			p.fit(column.Replicas.High)
			if !c.Recorded {
				p.fit(min(column.Max, float64(c.Figures.MostRunning)+1))
			}
		}
	}
	p.integer = true
	p.axes()
	for k, c := range r.Courses {
		p.steps(c.trace.Columns, color(k), float64(k-len(r.Courses)/2)*1.2)
	}
	return picture{"Replicas", "", p.svg("The replicas of each run")}
}

// plot is a picture with the time from left to right.
type plot struct {
	from, to time.Time
	height   int
	top      float64 // of the values
	integer  bool    // the values are whole numbers
	text     strings.Builder
}

// The plot's margins, and its inner width.
const (
	left, right, above, under = 52, 12, 10, 22
	width                     = columns
)

func newPlot(from, to time.Time, height int) *plot { return &plot{from: from, to: to, height: height} }

func (p *plot) fit(v float64) {
	if v > p.top && !math.IsInf(v, 0) {
		p.top = v
	}
}

func (p *plot) x(column float64, of int) float64 { return left + column*width/float64(of) }

func (p *plot) y(v float64) float64 {
	return above + float64(p.height)*(1-min(1, max(0, v/p.top)))
}

// axes draws the lines of the values and the times.
func (p *plot) axes() {
	if p.top <= 0 {
		p.top = 1
	}
	step := nice(p.top/4, p.integer)
	p.top = math.Ceil(p.top/step-1e-9) * step
	for v := 0.0; v <= p.top+step/2; v += step {
		fmt.Fprintf(&p.text, `<line class="grid" x1="%d" x2="%d" y1="%.1f" y2="%.1f"/><text x="%d" y="%.1f" text-anchor="end">%s</text>`, left, left+width, p.y(v), p.y(v), left-6, p.y(v)+4, number(v))
	}
	for _, at := range ticks(p.from, p.to) {
		x := left + width*float64(at.Sub(p.from))/float64(p.to.Sub(p.from))
		format := "15:04"
		if at.Hour() == 0 && at.Minute() == 0 || p.to.Sub(p.from) > 4*24*time.Hour {
			format = "Jan 2"
		}
		anchor := "middle"
		if x > left+width-20 {
			anchor = "end"
		}
		fmt.Fprintf(&p.text, `<line class="grid" x1="%.1f" x2="%.1f" y1="%d" y2="%d"/><text x="%.1f" y="%d" text-anchor="%s">%s</text>`, x, x, above, above+p.height, x, above+p.height+16, anchor, at.Format(format))
	}
}

// nice is a round number of that size, at least 1 if it has to be whole.
func nice(v float64, integer bool) float64 {
	power := math.Pow(10, math.Floor(math.Log10(v)))
	for _, n := range []float64{1, 2, 5, 10} {
		if v <= n*power {
			v = n * power
			break
		}
	}
	if integer {
		return max(1, math.Round(v))
	}
	return v
}

// ticks are at most eight round times in UTC.
func ticks(from, to time.Time) (all []time.Time) {
	span := to.Sub(from)
	for _, every := range []time.Duration{time.Minute, 5 * time.Minute, 15 * time.Minute, time.Hour, 3 * time.Hour, 6 * time.Hour, 12 * time.Hour, 24 * time.Hour, 48 * time.Hour, 7 * 24 * time.Hour, 30 * 24 * time.Hour, 90 * 24 * time.Hour} {
		if span/every > 8 {
			continue
		}
		for at := from.UTC().Truncate(every).Add(every); at.Before(to); at = at.Add(every) {
			all = append(all, at)
		}
		return all
	}
	return nil
}

// band draws values as an area from the lowest to the highest of each column.
// Columns without values are gaps; neighbors with the same values are one.
func (p *plot) band(n int, span func(int) replay.Span, class string) {
	for i := 0; i < n; {
		if !span(i).Known() {
			i++
			continue
		}
		var high, low []string
		for i < n && span(i).Known() {
			first, s := i, span(i)
			for i < n && span(i) == s {
				i++
			}
			for _, column := range []int{first, i} {
				x := p.x(float64(column), n)
				high = append(high, fmt.Sprintf("%.1f %.1f", x, p.y(s.High)-0.6))
				low = append(low, fmt.Sprintf("%.1f %.1f", x, p.y(s.Low)+0.6))
			}
		}
		slices.Reverse(low)
		fmt.Fprintf(&p.text, `<path class="band %s" d="M%sL%sZ"/>`, class, strings.Join(high, "L"), strings.Join(low, "L"))
	}
}

// steps draws replicas as steps, a little apart from those of other runs.
func (p *plot) steps(all []replay.Column, class string, apart float64) {
	var path strings.Builder
	drawn := "" // where the pen is; "" if it is up
	to := func(column int, replicas float64) {
		point := fmt.Sprintf("%.1f %.1f", p.x(float64(column), len(all)), p.y(replicas)+apart)
		switch {
		case drawn == "":
			path.WriteString("M" + point)
		case drawn != point:
			path.WriteString("L" + point)
		}
		drawn = point
	}
	for i, c := range all {
		if !c.Replicas.Known() {
			drawn = ""
			continue
		}
		same := drawn != "" && c.Replicas == all[i-1].Replicas && c.Replicas.Low == c.Replicas.High
		if !same {
			to(i, c.Replicas.Low)
			to(i, c.Replicas.High)
		}
		switch {
		case math.IsNaN(c.Last):
			drawn = ""
		case i+1 == len(all) || all[i+1].Replicas != c.Replicas || c.Replicas.Low != c.Replicas.High:
			to(i, c.Last)
			to(i+1, c.Last)
		}
	}
	fmt.Fprintf(&p.text, `<path class="line %s" d="%s"/>`, class, path.String())
}

func (p *plot) bound(v float64) {
	if v >= 0 && v <= p.top {
		fmt.Fprintf(&p.text, `<line class="bound" x1="%d" x2="%d" y1="%.1f" y2="%.1f"/>`, left, left+width, p.y(v), p.y(v))
	}
}

func (p *plot) svg(alt string) template.HTML {
	return frame(alt, left+width+right, above+p.height+under, p.text.String())
}

func frame(alt string, w, h int, inner string) template.HTML {
	alt = template.HTMLEscapeString(alt)
	return template.HTML(fmt.Sprintf(`<svg viewBox="0 0 %d %d" role="img" aria-label="%s">%s</svg>`, w, h, alt, inner)) //nolint:gosec // numbers, constants and escaped text
}

// picture shows the pairs that were tried: replica-hours to the right, time above
// the bound upwards.
func (s *Swept) picture() picture {
	const height = 240
	var b strings.Builder
	all := append([]Tried{s.Baseline}, s.Tried...)
	lowest, highest, top := math.Inf(1), 0.0, s.Limit
	for _, t := range all {
		lowest, highest, top = min(lowest, t.Hours), max(highest, t.Hours), max(top, t.Share)
	}
	// The few that are far worse would press the rest into a corner.
	top = min(top, max(4*s.Limit, 4*s.Baseline.Share, 0.002))
	pad := max((highest-lowest)*0.04, highest*0.001, 0.01)
	lowest, highest = lowest-pad, highest+pad
	x := func(hours float64) float64 { return left + width*(hours-lowest)/(highest-lowest) }
	y := func(share float64) float64 { return above + height*(1-min(1, share/top)) }
	for i := range 5 {
		v := top * float64(i) / 4
		fmt.Fprintf(&b, `<line class="grid" x1="%d" x2="%d" y1="%.1f" y2="%.1f"/><text x="%d" y="%.1f" text-anchor="end">%s</text>`, left, left+width, y(v), y(v), left-6, y(v)+4, percent(v))
		h := lowest + (highest-lowest)*float64(i)/4
		anchor := []string{"start", "middle", "middle", "middle", "end"}[i]
		fmt.Fprintf(&b, `<text x="%.1f" y="%d" text-anchor="%s">%.1f h</text>`, x(h), above+height+16, anchor, h)
	}
	fmt.Fprintf(&b, `<line class="bound" x1="%d" x2="%d" y1="%.1f" y2="%.1f"/>`, left, left+width, y(s.Limit), y(s.Limit))
	var path []string
	for _, t := range s.Tried {
		if t.Frontier && t.Share <= top {
			path = append(path, fmt.Sprintf("%.1f %.1f", x(t.Hours), y(t.Share)))
		}
	}
	if len(path) > 1 {
		fmt.Fprintf(&b, `<path class="line c1" d="M%s"/>`, strings.Join(path, "L"))
	}
	dot := func(t Tried, class string, size float64, label string) {
		down := ""
		if t.Down != nil {
			down = ", scale_down_at " + number(*t.Down)
		}
		fmt.Fprintf(&b, `<circle class="%s" cx="%.1f" cy="%.1f" r="%.1f"><title>%s%s: %.1f replica-hours, %s above the bound</title></circle>`, class, x(t.Hours), y(t.Share), size, number(t.Up), down, t.Hours, percent(t.Share))
		if label != "" {
			side, anchor := 8.0, ""
			if x(t.Hours) > left+width*2/3 {
				side, anchor = -8, ` text-anchor="end"`
			}
			fmt.Fprintf(&b, `<text class="label" x="%.1f" y="%.1f"%s>%s</text>`, x(t.Hours)+side, y(t.Share)-8, anchor, label)
		}
	}
	for _, t := range s.Tried {
		if t.Share > top {
			continue
		}
		class := "dot"
		if t.Frontier {
			class = "dot c1"
		}
		dot(t, class, 3, "")
	}
	switch best := "least replica-hours within the limit"; {
	case s.Best != nil && same(*s.Best, s.Baseline):
		dot(s.Baseline, "dot c2", 6, "configured: "+best)
	default:
		dot(s.Baseline, "dot c0", 6, "configured")
		if s.Best != nil {
			dot(*s.Best, "dot c2", 6, best)
		}
	}
	return picture{"Bounds that were tried: replica-hours to the right, time above the bound upwards (dashed: the limit; far worse ones are left out)", "", frame("Replica-hours and time above the bound of each pair of bounds", left+width+right, above+height+under, b.String())}
}
