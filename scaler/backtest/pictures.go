package backtest

import (
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/backtest/sweep"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/decide"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/plot"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/replay"
)

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
	p := plot.New(r.From, r.To, 150)
	if len(r.Courses) == 0 || r.Courses[0].trace == nil {
		return picture{}
	}
	columns := r.Courses[0].trace.Columns
	for _, c := range columns {
		p.Fit(c.Load[i].High)
	}
	p.Axes(number)
	p.Band("load", len(columns), func(k int) (low, high float64) { return ends(columns[k].Load[i]) })
	return picture{"Load" + of(trigger), "", p.SVG("The load" + of(trigger) + " over the time")}
}

// instancePictures show the load on each replica, and the bounds: one for each
// run, all of the same scale.
func (r Report) instancePictures(i int, trigger decide.Trigger) (all []picture) {
	rule, per := trigger.Rule, "Load per replica"
	if rule.Absolute {
		per = "What the rule compares"
	}
	top := sweep.UpOf(rule) * 1.1
	for _, c := range r.Courses {
		for _, column := range c.trace.Columns {
			if v := column.Instance[i].High; v > top {
				top = v
			}
		}
	}
	for k, c := range r.Courses {
		p := plot.New(r.From, r.To, 110)
		p.Fit(top)
		p.Axes(number)
		p.Band(color(k), len(c.trace.Columns), func(n int) (low, high float64) { return ends(c.trace.Columns[n].Instance[i]) })
		p.Bound(sweep.UpOf(rule))
		if rule.Kind == decide.Step {
			p.Bound(rule.ScaleDownAt)
		}
		caption := per + of(trigger) + ", " + c.Name
		all = append(all, picture{caption, color(k), p.SVG(caption + ", and the bounds of the configured rule")})
	}
	return all
}

// replicasPicture shows the replicas as steps.
func (r Report) replicasPicture() picture {
	p := plot.New(r.From, r.To, 170)
	for _, c := range r.Courses {
		for _, column := range c.trace.Columns {
			p.Fit(column.Replicas.High)
			if !c.Recorded {
				p.Fit(min(column.Max, float64(c.Figures.MostRunning)+1))
			}
		}
	}
	p.Integer = true
	p.Axes(number)
	for k, c := range r.Courses {
		s := p.Scale
		s.Above += float64(k-len(r.Courses)/2) * 1.2 // a little apart from those of other runs
		p.Line(color(k), s.Path(steps(p, c.trace.Columns), true))
	}
	return picture{"Replicas", "", p.SVG("The replicas of each run")}
}

func ends(s replay.Span) (low, high float64) { return s.Low, s.High }

// steps are the replicas of each column, where they change.
func steps(p *plot.Picture, all []replay.Column) (points []plot.Point) {
	last := math.NaN()
	add := func(column int, n float64) {
		if n != last && !(math.IsNaN(n) && math.IsNaN(last)) {
			points = append(points, plot.Point{At: p.Column(column, len(all)), Value: n})
		}
		last = n
	}
	for i, c := range all {
		if c.Replicas.Known() {
			add(i, c.Replicas.Low)
			add(i, c.Replicas.High)
		}
		add(i, c.Last)
	}
	if !math.IsNaN(last) {
		points = append(points, plot.Point{At: p.To, Value: last})
	}
	return points
}

// sweepPicture shows the pairs that were tried: replica-hours to the right, time
// above the bound upwards.
func sweepPicture(s *sweep.Result) picture {
	p := plot.New(time.Time{}, time.Time{}, 240)
	lowest, highest := math.Inf(1), 0.0
	p.Fit(s.Limit)
	for _, t := range append([]sweep.Tried{s.Baseline}, s.Tried...) {
		lowest, highest = min(lowest, t.Hours), max(highest, t.Hours)
		p.Fit(t.Share)
	}
	// The few that are far worse would press the rest into a corner.
	p.Top = min(p.Top, max(4*s.Limit, 4*s.Baseline.Share, 0.002))
	pad := max((highest-lowest)*0.04, highest*0.001, 0.01)
	lowest, highest = lowest-pad, highest+pad
	x := func(hours float64) float64 { return p.Left + p.Width*(hours-lowest)/(highest-lowest) }
	for i := range 5 {
		v := p.Top * float64(i) / 4
		p.Across("grid", p.Y(v), percent(v))
		h := lowest + (highest-lowest)*float64(i)/4
		anchor := []string{"start", "middle", "middle", "middle", "end"}[i]
		p.Text(x(h), p.Above+p.Height+16, anchor, fmt.Sprintf("%.1f h", h))
	}
	p.Bound(s.Limit)
	var path []string
	for _, t := range s.Tried {
		if t.Frontier && t.Share <= p.Top {
			path = append(path, plot.Place(x(t.Hours))+" "+plot.Place(p.Y(t.Share)))
		}
	}
	if len(path) > 1 {
		p.Line("c1", "M"+strings.Join(path, "L"))
	}
	dot := func(t sweep.Tried, class string, size float64, label string) {
		down := ""
		if t.Down != nil {
			down = ", scale_down_at " + number(*t.Down)
		}
		p.Add(fmt.Sprintf(`<circle class="%s" cx="%s" cy="%s" r="%s"><title>%s%s: %.1f replica-hours, %s above the bound</title></circle>`,
			class, plot.Place(x(t.Hours)), plot.Place(p.Y(t.Share)), plot.Place(size), number(t.Up), down, t.Hours, percent(t.Share)))
		if label != "" {
			side, anchor := 8.0, "start"
			if x(t.Hours) > p.Left+p.Width*2/3 {
				side, anchor = -8, "end"
			}
			p.Add(`<g class="label">`)
			p.Text(x(t.Hours)+side, p.Y(t.Share)-8, anchor, label)
			p.Add(`</g>`)
		}
	}
	for _, t := range s.Tried {
		if t.Share > p.Top {
			continue
		}
		class := "dot"
		if t.Frontier {
			class = "dot c1"
		}
		dot(t, class, 3, "")
	}
	switch best := "least replica-hours within the limit"; {
	case s.Best != nil && s.Best.Same(s.Baseline):
		dot(s.Baseline, "dot c2", 6, "configured: "+best)
	default:
		dot(s.Baseline, "dot c0", 6, "configured")
		if s.Best != nil {
			dot(*s.Best, "dot c2", 6, best)
		}
	}
	return picture{"Bounds that were tried: replica-hours to the right, time above the bound upwards (dashed: the limit; far worse ones are left out)", "", p.SVG("Replica-hours and time above the bound of each pair of bounds")}
}
