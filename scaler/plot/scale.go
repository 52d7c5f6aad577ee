// Package plot draws what happened in a time as SVG: lines, steps and bands from
// left to right.
package plot

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Scale turns times and values into places in a box. What is outside is drawn at
// the edge.
type Scale struct {
	From, To    time.Time
	Lowest, Top float64 // of the values

	Left, Above, Width, Height float64 // of the box
}

// X is the place of a time.
func (s Scale) X(at time.Time) float64 {
	return s.Left + s.Width*math.Max(0, math.Min(1, float64(at.Sub(s.From))/float64(s.To.Sub(s.From))))
}

// Y is the place of a value.
func (s Scale) Y(v float64) float64 {
	return s.Above + s.Height*(1-math.Max(0, math.Min(1, (v-s.Lowest)/(s.Top-s.Lowest))))
}

// Place writes a place with one decimal at most.
func Place(v float64) string { return strconv.FormatFloat(math.Round(v*10)/10, 'f', -1, 64) }

// Point is a value at a time; NaN if there is none.
type Point struct {
	At    time.Time
	Value float64
}

// Path draws points, with a gap where a value is missing. A stepped line keeps a
// value until the next point.
func (s Scale) Path(points []Point, stepped bool) string {
	var b strings.Builder
	pen := false
	last := 0.0
	for _, p := range points {
		if math.IsNaN(p.Value) {
			if pen && stepped {
				fmt.Fprintf(&b, "L%s %s", Place(s.X(p.At)), Place(last))
			}
			pen = false
			continue
		}
		x, y := s.X(p.At), s.Y(p.Value)
		switch {
		case !pen:
			fmt.Fprintf(&b, "M%s %sh0", Place(x), Place(y)) // a single point is a dot
		case stepped && last != y:
			fmt.Fprintf(&b, "H%sV%s", Place(x), Place(y))
		case stepped:
			fmt.Fprintf(&b, "H%s", Place(x))
		default:
			fmt.Fprintf(&b, "L%s %s", Place(x), Place(y))
		}
		pen, last = true, y
	}
	return b.String()
}

// Thin keeps of the points in each of so many columns the first, the least, the
// greatest and the last, and those without a value.
func (s Scale) Thin(points []Point, columns int) []Point {
	if len(points) <= 2*columns {
		return points
	}
	width := s.To.Sub(s.From) / time.Duration(columns)
	var out []Point
	for i := 0; i < len(points); {
		column := points[i].At.Sub(s.From) / width
		j := i
		for j < len(points) && points[j].At.Sub(s.From)/width == column && !math.IsNaN(points[j].Value) {
			j++
		}
		if j == i { // no value
			out = append(out, points[i])
			i++
			continue
		}
		least, most := i, i
		for k := i; k < j; k++ {
			if points[k].Value < points[least].Value {
				least = k
			}
			if points[k].Value > points[most].Value {
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

// Round returns the least number at or above v, which is above 0, that is one of
// the factors, ascending from 1 to 10, times a power of ten.
func Round(v float64, factors ...float64) float64 {
	power := math.Pow(10, math.Floor(math.Log10(v)))
	for _, n := range factors {
		if v <= n*power*(1+1e-9) {
			return n * power
		}
	}
	return 10 * power
}

// Ticks are at most eight round times in UTC.
func Ticks(from, to time.Time) (all []time.Time) {
	const hour, day = time.Hour, 24 * time.Hour
	span := to.Sub(from)
	for _, every := range []time.Duration{
		time.Minute, 5 * time.Minute, 15 * time.Minute, hour, 3 * hour, 6 * hour, 12 * hour, day, 2 * day, 7 * day, 30 * day, 90 * day,
	} {
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
