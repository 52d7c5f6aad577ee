package plot

import (
	"fmt"
	"math"
	"strings"
	"testing"
	"time"
)

var start = time.Date(2026, 1, 5, 0, 0, 0, 0, time.UTC)

// box is an hour wide, and 10 high.
var box = Scale{From: start, To: start.Add(time.Hour), Top: 10, Left: 5, Width: 60, Height: 100}

// points are a value a minute.
func points(values ...float64) (all []Point) {
	for i, v := range values {
		all = append(all, Point{start.Add(time.Duration(i) * time.Minute), v})
	}
	return all
}

func TestPath(t *testing.T) {
	none := math.NaN()
	for _, c := range []struct {
		name    string
		values  []float64
		stepped bool
		want    string
	}{
		{"nothing", nil, false, ""},
		{"one value is a dot", []float64{5}, false, "M5 50h0"},
		{"a line", []float64{0, 10}, false, "M5 100h0L6 0"},
		{"steps", []float64{0, 10, 10}, true, "M5 100h0H6V0H7"},
		{"a missing value is a gap, and never 0", []float64{5, none, 5}, false, "M5 50h0M7 50h0"},
		{"a step lasts until the gap", []float64{5, none, 5}, true, "M5 50h0L6 50M7 50h0"},
		{"what is outside is at the edge", []float64{20, -20}, false, "M5 0h0L6 100"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := box.Path(points(c.values...), c.stepped); got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
		})
	}
}

// However many points there are, a peak and a gap of one of them stay.
func TestThin(t *testing.T) {
	var all []Point
	for i := range 36_000 {
		all = append(all, Point{start.Add(time.Duration(i) * 100 * time.Millisecond), 5})
	}
	all[12_345].Value, all[23_456].Value, all[30_000].Value = 9, 1, math.NaN()
	thin := box.Thin(all, 50)
	if len(thin) > 4*50+3 {
		t.Errorf("%d points, want 4 in each of 50 columns", len(thin))
	}
	kept := map[string]int{}
	for _, p := range thin {
		kept[fmt.Sprint(p.Value)]++
	}
	if kept["9"] != 1 || kept["1"] != 1 || kept["NaN"] != 1 {
		t.Errorf("got %v, want the peak, the low and the gap", kept)
	}
}

func TestRound(t *testing.T) {
	for v, want := range map[float64]float64{1: 1, 1.1: 2, 3: 5, 7: 10, 0.04: 0.05, 510: 1000, 50: 50} {
		if got := Round(v, 1, 2, 5); math.Abs(got-want) > 1e-12 {
			t.Errorf("%v: got %v, want %v", v, got, want)
		}
	}
}

func TestTicks(t *testing.T) {
	for d, want := range map[time.Duration]int{5 * time.Minute: 4, time.Hour: 3, 24 * time.Hour: 7, 14 * 24 * time.Hour: 6, 365 * 24 * time.Hour: 4} {
		if got := Ticks(start, start.Add(d)); len(got) != want {
			t.Errorf("%s: got %d times %v, want %d", d, len(got), got, want)
		}
	}
}

// A picture without values and one of huge values have an axis, too.
func TestAxes(t *testing.T) {
	for _, top := range []float64{0, 1e-9, 3, 1e300, math.Inf(1)} {
		p := New(start, start.Add(time.Hour), 100)
		p.Fit(top)
		p.Axes(func(v float64) string { return fmt.Sprintf("<%g>", v) })
		svg := string(p.SVG(`"quoted"`))
		if n := strings.Count(svg, `text-anchor="end"`); n < 3 || n > 8 {
			t.Errorf("%g: %d values beside the axis:\n%s", top, n, svg)
		}
		if strings.Contains(svg, "<0>") || strings.Contains(svg, `""quoted`) || strings.Contains(svg, "NaN") {
			t.Errorf("%g: text becomes markup:\n%s", top, svg)
		}
	}
}
