package decide

import (
	"encoding/binary"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/sample"
)

// A million decisions, with random policies, loads, faults, gaps, changes by
// hand, restarts, reloads and blocks: bounds, step sizes, one step per sample,
// delays, coverage and all the other promises of checker hold throughout.
func TestAMillionDecisions(t *testing.T) {
	const worlds, turns = 2000, 500
	seen := map[Reason]int{}
	for seed := range uint64(worlds) {
		w := newWorld(rand.New(rand.NewPCG(seed, 5)))
		w.seen = seen
		for i := range turns {
			if err := w.turn(); err != nil {
				t.Fatalf("world %d, decision %d: %v", seed, i, err)
			}
		}
	}
	for _, r := range Reasons() {
		if r != WorkloadUnreadable && r != WriteFailed && seen[r] < 1000 {
			t.Errorf("%s came %d times only, of %d", r, seen[r], worlds*turns)
		}
	}
	t.Logf("%v", seen)
}

// bytes are the dice of a fuzzer; when they are used up they give 0.
type bytes struct{ left []byte }

func (b *bytes) Uint64() uint64 {
	var next [8]byte
	b.left = b.left[copy(next[:], b.left):]
	return binary.LittleEndian.Uint64(next[:])
}

func (b *bytes) IntN(n int) int {
	if len(b.left) == 0 {
		return 0
	}
	first := b.left[0]
	b.left = b.left[1:]
	return int(first) % n
}

// FuzzWorld: whatever happens, the promises hold.
func FuzzWorld(f *testing.F) {
	r := rand.New(rand.NewPCG(6, 7))
	for range 20 {
		seed := make([]byte, 400)
		for i := range seed {
			seed[i] = byte(r.Uint32())
		}
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		b := &bytes{data}
		w := newWorld(b)
		for i := 0; i < 1000 && len(b.left) > 0; i++ {
			if err := w.turn(); err != nil {
				t.Fatalf("decision %d: %v", i, err)
			}
		}
	})
}

// FuzzDecide: by any policy, valid or not, on any numbers, with any past, the
// decision is one of the closed set and goes where it says; with a valid one it
// keeps to the step sizes and never leaves the bounds from inside.
func FuzzDecide(f *testing.F) {
	r := rand.New(rand.NewPCG(8, 9))
	for range 50 {
		seed := make([]byte, 250)
		for i := range seed {
			seed[i] = byte(r.Uint32())
		}
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		b := &bytes{data}
		number := func() float64 {
			if b.IntN(2) == 0 {
				return float64(b.IntN(256)) - 20
			}
			return math.Float64frombits(b.Uint64())
		}
		count := func() int32 {
			if b.IntN(2) == 0 {
				return int32(b.IntN(20)) - 2
			}
			return int32(b.Uint64())
		}
		w := newWorld(b)
		p := w.policy
		p.StepUp, p.StepDown = count(), count()
		valid := p.StepUp >= 0 && p.StepDown >= 0
		for i := range p.Triggers {
			rule := &p.Triggers[i].Rule
			rule.ScaleUpAt, rule.ScaleDownAt, rule.ValuePerReplica = number(), number(), number()
			p.Triggers[i].FallbackReplicas = count()
			valid = valid && validRule(*rule)
		}
		outcomes := []sample.Outcome{
			"", sample.Value, sample.Value, sample.NoData, sample.Stale, sample.Future, sample.NotANumber, sample.ManySeries, "nonsense",
		}
		st := w.state
		for range 4 {
			in := Input{Now: w.now.Add(w.pick(1, 1e9, 1e11, -1e11)), Replicas: count(), ByRule: b.IntN(2) == 0, Limits: Limits{Min: count(), Max: count(), Ceiling: count()}}
			usable := false
			for range b.IntN(len(p.Triggers) + 2) {
				s := sample.Result{Outcome: outcomes[b.IntN(len(outcomes))], Value: number(), Timestamp: in.Now.Add(w.pick(0, -1e9, 1e9))}
				in.Samples = append(in.Samples, s)
				usable = usable || good(s)
			}
			var d Decision
			d, st = p.Decide(in, st)
			least, most := bounds(p, in.Limits)
			why := wellFormed(in, d)
			switch {
			case why != "":
			case !usable && d.Action != None && d.Reason != BelowMin && d.Reason != Fallback:
				why = "a step without a number"
			case valid && d.Action == Up && (d.To > most || p.StepUp > 0 && d.To-d.From > p.StepUp):
				why = "too far up"
			case valid && d.Action == Down && (d.To < least || p.StepDown > 0 && d.From-d.To > p.StepDown):
				why = "too far down"
			}
			if why != "" {
				t.Fatalf("%s: %+v\nof %+v\nby %+v", why, d, in, p)
			}
			w.now = in.Now
		}
	})
}

// validRule reports whether a configuration can have the rule.
func validRule(r Rule) bool {
	if r.Kind == Target {
		return r.ValuePerReplica > 0 && !math.IsInf(r.ValuePerReplica, 0)
	}
	return r.ScaleUpAt > r.ScaleDownAt && !math.IsInf(r.ScaleUpAt, 0) && !math.IsInf(r.ScaleDownAt, 0)
}
