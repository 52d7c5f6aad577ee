package decide

import (
	"math"
	"math/rand/v2"
	"testing"
)

// The least n with value/n <= N, exact: k8s#116984 and keda#2908 are about a
// hidden band of 10 %.
func TestTargetIsTheLeastThatIsEnough(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	check := func(number, per float64) {
		t.Helper()
		rule := Rule{Kind: Target, ValuePerReplica: per}
		n := rule.desired(number)
		enough := func(n int32) bool { return n == 0 && number <= 0 || n > 0 && number/float64(n) <= per }
		if n < 0 || n > 0 && enough(n-1) || !enough(n) && n != math.MaxInt32 {
			t.Fatalf("%v at %v each: got %d replicas", number, per, n)
		}
		if n > 2000 {
			return
		}
		brute := int32(0)
		for !enough(brute) {
			brute++
		}
		if n != brute {
			t.Fatalf("%v at %v each: got %d replicas, counting gives %d", number, per, n, brute)
		}
	}
	for range 20_000 {
		per := math.Exp(r.Float64()*40 - 20)
		number := per * float64(r.IntN(1000))
		for _, near := range []float64{number, math.Nextafter(number, math.Inf(1)), math.Nextafter(number, math.Inf(-1)), -number, number * 1e6, number * 1e300} {
			check(near, per)
		}
		check(math.Float64frombits(r.Uint64()&^(1<<63)), math.Float64frombits(r.Uint64N(0x7fefffffffffffff)+1)) // any numbers
	}
	least, most := math.SmallestNonzeroFloat64, math.MaxFloat64
	for _, c := range []struct {
		number, per float64
		want        int32
	}{
		{0, 100, 0},
		{-5, 100, 0},
		{-most, least, 0},
		{100, 100, 1},
		{100.00000000000001, 100, 2},
		{301, 100, 4},
		{0.3, 0.1, 3},
		{0.30000000000000004, 0.1, 4},
		{least, least, 1},
		{least, most, 1},
		{most, 1, math.MaxInt32},
		{most, least, math.MaxInt32},
		{1e10, 1, math.MaxInt32},
		{math.MaxInt32, 1, math.MaxInt32},
		{math.MaxInt32 - 1, 1, math.MaxInt32 - 1},
	} {
		check(c.number, c.per)
		if got := (&Rule{Kind: Target, ValuePerReplica: c.per}).desired(c.number); got != c.want {
			t.Errorf("%v at %v each: got %d replicas, want %d", c.number, c.per, got, c.want)
		}
	}
}

// Steps have their size on the way up and down, stop at the limits and at what
// is desired, and 0 is no limit. keda#7204, keda#7770: from N to 0 in one jump.
func TestStepSizes(t *testing.T) {
	step, target := DefaultRule(), Rule{Kind: Target, ValuePerReplica: 10}
	for _, c := range []struct {
		rule     Rule
		number   float64
		replicas int32
		up, down int32
		want     int32
		reason   Reason
	}{
		{step, 1e6, 5, 1, 1, 6, LoadHigh},
		{step, 1e6, 5, 3, 1, 8, LoadHigh},
		{step, 1e6, 19, 3, 1, 20, LoadHigh},
		{step, 1e6, 5, 0, 1, 20, LoadHigh},
		{step, 1e6, 5, math.MaxInt32, 1, 20, LoadHigh},
		{step, 0, 15, 1, 1, 14, LoadLow},
		{step, 0, 15, 1, 4, 11, LoadLow},
		{step, 0, 3, 1, 4, 2, LoadLow},
		{step, 0, 15, 1, 0, 2, LoadLow},
		{step, 0, 30, 1, 0, 2, LoadLow},
		{target, 120, 5, 0, 0, 12, LoadHigh},
		{target, 120, 5, 3, 0, 8, LoadHigh},
		{target, 120, 11, 3, 0, 12, LoadHigh},
		{target, 1e9, 5, 0, 0, 20, LoadHigh},
		{target, 1e9, 20, 0, 0, 20, LoadHighAtMax},
		{target, 1e9, 30, 0, 0, 30, LoadHighAtMax},
		{target, 35, 15, 0, 0, 4, LoadLow},
		{target, 35, 15, 0, 4, 11, LoadLow},
		{target, 35, 5, 0, 4, 4, LoadLow},
		{target, 35, 30, 0, 4, 26, LoadLow},
		{target, 0, 15, 0, 0, 2, LoadLow},
		{target, 0, 2, 0, 0, 2, LoadLowAtMin},
		{target, 50, 5, 0, 0, 5, WithinBounds},
	} {
		p := DefaultPolicy()
		p.Triggers[0].Rule, p.Limits, p.StepUp, p.StepDown = c.rule, Limits{Min: 2, Max: 20}, c.up, c.down
		s := newStory(t, c.replicas, func(q *Policy) { *q = p })
		d := s.decide(1, value(c.number))
		if d.To != c.want || d.Reason != c.reason || d.PerInstance != c.number/float64(c.replicas) {
			t.Errorf("%+v: got %+v", c, d)
		}
		if wantBound := c.reason != WithinBounds; wantBound != (d.Bound != nil) {
			t.Errorf("%+v: bound %v", c, d.Bound)
		} else if wantBound && c.rule.Kind == Target && *d.Bound != 10 {
			t.Errorf("%+v: bound %v, want the value per replica", c, *d.Bound)
		}
	}
}

// An absolute rule compares the number itself.
func TestAbsolute(t *testing.T) {
	rule := Rule{Kind: Step, ScaleUpAt: 50, ScaleDownAt: 20, Absolute: true}
	for number, want := range map[float64]Action{50: Up, 49.999999: None, 20.000001: None, 20: Down, -1: Down} {
		d := decide1(value(number), 3, rule, DefaultLimits())
		if d.Action != want || d.PerInstance != number {
			t.Errorf("%v: got %+v, want %s", number, d, want)
		}
	}
}

func BenchmarkDecideTarget(b *testing.B) {
	p := DefaultPolicy()
	p.Triggers[0].Rule = Rule{Kind: Target, ValuePerReplica: 10}
	benchmark(b, p)
}

// High and Low are what the rule asks for while the limits allow everything.
func TestHighAndLow(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	limits := Limits{Min: 0, Max: math.MaxInt32}
	for range 20_000 {
		r := Rule{Kind: Target, ValuePerReplica: float64(1+random.IntN(500)) / 7}
		if random.IntN(2) == 0 {
			down := float64(random.IntN(300)) / 7
			r = Rule{Kind: Step, ScaleDownAt: down, ScaleUpAt: down + float64(1+random.IntN(300))/7, Absolute: random.IntN(3) == 0}
		}
		n := int32(random.IntN(31))
		number := float64(random.IntN(3000)) / 7
		if random.IntN(3) == 0 { // exactly at a bound
			number = []float64{r.ScaleUpAt, r.ScaleDownAt, r.ValuePerReplica}[random.IntN(3)] * float64(n)
		}
		if !r.FromZero() {
			n = max(n, 1)
		}
		v := r.verdict(number, n, limits, 1, 1)
		low := r.Low(number, n, 0)
		if r.High(number, n) != (v.reason == LoadHigh) || low != (v.reason == LoadLow || v.reason == LoadLowAtMin) {
			t.Fatalf("%+v with %v for %d replicas: high %t, low %t, but %s", r, number, n, r.High(number, n), low, v.reason)
		}
		if r.Kind == Target && (r.desired(number) > n) != r.High(number, n) || r.Kind == Target && n > 0 && (r.desired(number) < n) != low {
			t.Fatalf("%+v with %v for %d replicas: wants %d", r, number, n, r.desired(number))
		}
	}
}
