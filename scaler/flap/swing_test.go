package flap

import (
	"testing"

	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/decide"
)

// widest is the widest swing, found by walking: the greatest last/from for
// which a rule that goes up at from and less, and down at last and more, never
// comes to rest. 0, 1 is none.
func widest(low, high, up, down int32) (from, last int32) {
	from, last = 1, 0
	next := make([]int32, high+1)
	for a := low; a < high; a++ {
		for b := a + 1; b <= high; b++ {
			if int64(b)*int64(from) <= int64(last)*int64(a) {
				continue
			}
			for n := range next {
				n := int32(n)
				switch next[n] = n; {
				case n < low: // not where a walk comes back to
				case n <= a:
					next[n] = n + step(high-n, up)
				case n >= b:
					next[n] = n - step(n-low, down)
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
			for low := int32(1); low < size; low++ {
				worst := [2]int32{1, 0}
				for high := low + 1; high <= size; high++ {
					limits := decide.Limits{Min: low, Max: high}
					considered := func(capped bool) [2]int32 {
						widest := [2]int32{1, 0}
						for _, s := range swingsOf(limits, up, down, capped) {
							if at := [2]int32{s.from, s.last}; wider(at, widest) {
								widest = at
							}
						}
						return widest
					}
					var found [2]int32
					found[0], found[1] = widest(low, high, up, down)
					if got := considered(false); wider(got, found) || wider(found, got) {
						t.Fatalf("%d to %d replicas, steps %d and %d: got %v, found %v", low, high, up, down, got, found)
					}
					if wider(found, worst) {
						worst = found
					}
					if got := considered(true); wider(got, worst) || wider(worst, got) {
						t.Fatalf("%d to at most %d replicas, steps %d and %d: got %v, found %v", low, high, up, down, got, worst)
					}
					limits.Min = low + 1
					if above := considered(false); wider(above, found) {
						t.Fatalf("%d to %d replicas, steps %d and %d: %v with a higher minimum", low, high, up, down, above)
					}
				}
			}
		}
	}
}
