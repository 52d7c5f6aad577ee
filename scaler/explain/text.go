package explain

import (
	"math"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// outward rounds a bound to two decimals, or more if it is small, so that it is
// still enough for the step.
func outward(trigger int, bound float64, up bool) Value {
	v := Value{Trigger: trigger, Decimals: 2}
	size := math.Abs(bound)
	if size < 1e-300 {
		if up && bound > 0 { // anything above 0
			v.Bound = 0.01
		}
		return v
	}
	if size < 1 {
		v.Decimals = min(300, 2-int(math.Floor(math.Log10(size))))
	}
	v.Bound = round(bound, v.Decimals)
	for up && v.Bound < bound || !up && v.Bound > bound {
		further := v.Bound + math.Copysign(math.Pow10(-v.Decimals), sign(up))
		if further == v.Bound { // there are no decimals
			v.Bound = bound
			break
		}
		v.Bound = round(further, v.Decimals)
	}
	return v
}

func sign(up bool) float64 {
	if up {
		return 1
	}
	return -1
}

func round(v float64, decimals int) float64 {
	v, _ = strconv.ParseFloat(strconv.FormatFloat(v, 'f', decimals, 64), 64)
	return v + 0 // not -0
}

// String writes the bound without zeros at the end.
func (v Value) String() string { return digits(v.Bound, v.Decimals) }

func digits(v float64, decimals int) string {
	if math.Abs(v) >= 1e15 {
		return strconv.FormatFloat(v, 'g', -1, 64)
	}
	text := strconv.FormatFloat(v, 'f', decimals, 64)
	if strings.Contains(text, ".") {
		text = strings.TrimRight(strings.TrimRight(text, "0"), ".")
	}
	if text == "-0" {
		return "0"
	}
	return text
}

// Number writes a number as a person can use it: with two decimals, or with four
// digits if it is small.
func Number(v float64) string {
	switch size := math.Abs(v); {
	case math.IsNaN(v) || math.IsInf(v, 0):
		return strconv.FormatFloat(v, 'g', -1, 64)
	case size > 0 && size < 0.01:
		return strconv.FormatFloat(v, 'g', 4, 64)
	}
	return digits(v, 2)
}

// Duration writes a duration in whole seconds, rounded up, below a second in
// milliseconds.
func Duration(d time.Duration) string {
	switch {
	case d <= 0:
		return "0s"
	case d < time.Second:
		return d.Truncate(time.Millisecond).String()
	}
	d = (d + time.Second - 1).Truncate(time.Second)
	text := d.String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}

// Wrap breaks a text into lines of at most width columns, each with the indent. A
// word that is longer has a line of its own.
func Wrap(text, indent string, width int) string {
	var lines strings.Builder
	column := 0
	for word := range strings.FieldsSeq(text) {
		n := utf8.RuneCountInString(word)
		switch {
		case column == 0:
			lines.WriteString(indent)
			column = len(indent)
		case column+1+n > width:
			lines.WriteString("\n" + indent)
			column = len(indent)
		default:
			lines.WriteByte(' ')
			column++
		}
		lines.WriteString(word)
		column += n
	}
	return lines.String()
}
