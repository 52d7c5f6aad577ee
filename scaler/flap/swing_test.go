package flap

import (
	"testing"

	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/decide"
)

// widest is the widest swing, found by walking: the greatest last/from for
// which a rule that goes up at from and less, and down at last and more, never
// comes to rest. 0, 1 is none.
func widest(least, most, up, down int32) (from, last int32) {
	from, last = 1, 0
	next := make([]int32, most+1)
	for a := least; a < most; a++ {
		for b := a + 1; b <= most; b++ {
			if int64(b)*int64(from) <= int64(last)*int64(a) {
				continue
			}
			for n := range next {
				n := int32(n)
				switch next[n] = n; {
				case n < least: // not where a walk comes back to
				case n <= a:
					next[n] = n + step(most-n, up)
				case n >= b:
					next[n] = n - step(n-least, down)
				}
			}
			if cycles(next) {
				from, last = a, b
			}
		}
	}
	return from, last
}

// step is how far a step goes of the way that is left; a limit of 0 is none.
func step(left, limit int32) int32 {
	if limit <= 0 {
		return left
	}
	return min(left, limit)
}

// The swings that Find considers are the widest of all, for every step size; a
// higher minimum makes none wider; and with a maximum that a query may lower
// the widest is that of the worst maximum.
func TestNoSwingIsWiderThanThose(t *testing.T) {
	wider := func(a, b [2]int32) bool { return int64(a[1])*int64(b[0]) > int64(b[1])*int64(a[0]) }
	const size = 15
	for up := int32(0); up <= size; up++ {
		for down := int32(0); down <= size; down++ {
			for least := int32(1); least < size; least++ {
				worst := [2]int32{1, 0}
				for most := least + 1; most <= size; most++ {
					limits := decide.Limits{Min: least, Max: most}
					said := func(capped bool) [2]int32 {
						widest := [2]int32{1, 0}
						for _, s := range swingsOf(limits, up, down, capped) {
							if at := [2]int32{s.from, s.last}; wider(at, widest) {
								widest = at
							}
						}
						return widest
					}
					var found [2]int32
					found[0], found[1] = widest(least, most, up, down)
					if got := said(false); wider(got, found) || wider(found, got) {
						t.Fatalf("%d to %d replicas, steps %d and %d: said %v, found %v", least, most, up, down, got, found)
					}
					if wider(found, worst) {
						worst = found
					}
					if got := said(true); wider(got, worst) || wider(worst, got) {
						t.Fatalf("%d to at most %d replicas, steps %d and %d: said %v, found %v", least, most, up, down, got, worst)
					}
					limits.Min = least + 1
					if above := said(false); wider(above, found) {
						t.Fatalf("%d to %d replicas, steps %d and %d: %v with one more at least", least, most, up, down, above)
					}
				}
			}
		}
	}
}
