package plot

import (
	"fmt"
	"html/template"
	"math"
	"slices"
	"strings"
	"time"
)

// The margins of a picture, which have the text of its axes, and its inner width.
const (
	Left  = 52
	Right = 12
	Above = 10
	Under = 22
	Width = 760
)

// Picture is SVG with axes. The classes of its parts are those of the page that
// it is on: grid, bound, band and line.
type Picture struct {
	Scale
	Integer bool // the values are whole numbers

	text strings.Builder
}

// New returns an empty picture of that inner height, for values from 0 on.
func New(from, to time.Time, height int) *Picture {
	return &Picture{Scale: Scale{From: from, To: to, Left: Left, Above: Above, Width: Width, Height: float64(height)}}
}

// Fit makes the picture high enough for a value.
func (p *Picture) Fit(v float64) {
	if v > p.Top && !math.IsInf(v, 0) {
		p.Top = v
	}
}

// Axes draws the lines of the values, each as text, and of the times.
func (p *Picture) Axes(text func(float64) string) {
	if p.Top <= 0 {
		p.Top = 1
	}
	step := Round(p.Top/4, 1, 2, 5)
	if p.Integer {
		step = max(1, math.Round(step))
	}
	p.Top = math.Ceil(p.Top/step-1e-9) * step
	for v := 0.0; v <= p.Top+step/2; v += step {
		p.Across("grid", p.Y(v), text(v))
	}
	bottom := p.Above + p.Height
	for _, at := range Ticks(p.From, p.To) {
		x := p.X(at)
		format := "15:04"
		if at.Hour() == 0 && at.Minute() == 0 || p.To.Sub(p.From) > 4*24*time.Hour {
			format = "Jan 2"
		}
		anchor := "middle"
		if x > p.Left+p.Width-20 {
			anchor = "end"
		}
		fmt.Fprintf(&p.text, `<line class="grid" x1="%s" x2="%s" y1="%s" y2="%s"/>`, Place(x), Place(x), Place(p.Above), Place(bottom))
		p.Text(x, bottom+16, anchor, at.Format(format))
	}
}

// Across draws a line from left to right, with a text beside it.
func (p *Picture) Across(class string, y float64, text string) {
	fmt.Fprintf(&p.text, `<line class="%s" x1="%s" x2="%s" y1="%s" y2="%s"/>`, class, Place(p.Left), Place(p.Left+p.Width), Place(y), Place(y))
	if text != "" {
		p.Text(p.Left-6, y+4, "end", text)
	}
}

// Text writes a text at a place: to its right (start), to its left (end), or
// around it (middle).
func (p *Picture) Text(x, y float64, anchor, text string) {
	fmt.Fprintf(&p.text, `<text x="%s" y="%s" text-anchor="%s">%s</text>`, Place(x), Place(y), anchor, template.HTMLEscapeString(text))
}

// Bound draws a value as a line, if the picture has it.
func (p *Picture) Bound(v float64) {
	if v >= 0 && v <= p.Top {
		p.Across("bound", p.Y(v), "")
	}
}

// Line draws a path.
func (p *Picture) Line(class, path string) {
	fmt.Fprintf(&p.text, `<path class="line %s" d="%s"/>`, class, path)
}

// Add adds SVG, which has to be made of numbers and escaped text.
func (p *Picture) Add(svg string) { p.text.WriteString(svg) }

// Band draws values as an area from the lowest to the highest of each of n
// columns. Columns without values (NaN) are gaps; neighbors with the same values
// are one.
func (p *Picture) Band(class string, n int, span func(column int) (low, high float64)) {
	known := func(i int) bool { low, _ := span(i); return !math.IsNaN(low) }
	for i := 0; i < n; {
		if !known(i) {
			i++
			continue
		}
		var top, bottom []string
		for i < n && known(i) {
			first := i
			low, high := span(i)
			for i < n && known(i) {
				if l, h := span(i); l != low || h != high {
					break
				}
				i++
			}
			for _, column := range []int{first, i} {
				x := Place(p.X(p.Column(column, n)))
				top = append(top, x+" "+Place(p.Y(high)-0.6))
				bottom = append(bottom, x+" "+Place(p.Y(low)+0.6))
			}
		}
		slices.Reverse(bottom)
		fmt.Fprintf(&p.text, `<path class="band %s" d="M%sL%sZ"/>`, class, strings.Join(top, "L"), strings.Join(bottom, "L"))
	}
}

// Column is the time at which a column of n starts.
func (p *Picture) Column(i, n int) time.Time {
	return p.From.Add(time.Duration(float64(p.To.Sub(p.From)) * float64(i) / float64(n)))
}

// SVG returns the picture. The text is for readers who do not see it.
func (p *Picture) SVG(alt string) template.HTML {
	return template.HTML(fmt.Sprintf(`<svg viewBox="0 0 %d %s" role="img" aria-label="%s">%s</svg>`, //nolint:gosec // numbers, constants and escaped text
		Left+Width+Right, Place(p.Above+p.Height+Under), template.HTMLEscapeString(alt), p.text.String()))
}
