package decide

import (
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/sample"
)

// dice is what a world depends on: a source of random numbers, or the bytes of
// a fuzzer.
type dice interface {
	IntN(n int) int // 0 <= result < n
	Uint64() uint64
}

// world is all that happens to a target: loads, faults, people and restarts.
type world struct {
	dice
	policy       Policy
	limits       Limits
	block        Reason
	ready        *int32
	noUp, noDown string
	replicas     int32
	byRule       bool // that there are 0
	now          time.Time
	state        State
	sources      []source
	check        *checker
	seen         map[Reason]int
}

// source is where a trigger's samples come from.
type source struct {
	every time.Duration
	load  float64 // of all replicas together
	down  int     // decisions for which there is no good sample
	fault sample.Result
	known bool // the spacing
}

func newWorld(d dice) *world {
	w := &world{dice: d, now: time.Unix(1_700_000_000, 0), replicas: int32(1 + d.IntN(10))}
	w.reload()
	w.newLimits()
	w.restart()
	return w
}

func (w *world) one(of int) bool { return w.IntN(of) == 0 }

func (w *world) pick(of ...time.Duration) time.Duration { return of[w.IntN(len(of))] }

func (w *world) restart() {
	w.state = NewState(w.now)
	w.check = newChecker(w.now)
}

func (w *world) reload() {
	w.policy = Policy{
		StepUp: int32(w.IntN(4)), StepDown: int32(w.IntN(4)),
		ScaleUpDelay: w.pick(0, 0, 20*time.Second, time.Minute), ScaleDownDelay: w.pick(0, 0, 30*time.Second, 2*time.Minute),
		ScaleDownCoverage: w.pick(0, 0, 40*time.Second, 3*time.Minute), HoldAfterStart: w.pick(0, 0, time.Minute),
		ScaleToZeroDelay: w.pick(0, 50*time.Second, 4*time.Minute),
		WaitForReady:     w.one(2), MaxSampleAge: w.pick(0, 0, 30*time.Second, time.Minute),
	}
	if w.one(3) {
		w.policy.BusyPods = &BusyPods{WaitForIdle: w.pick(0, 30*time.Second, 3*time.Minute), StepUnknown: w.one(2)}
	}
	for i := range 1 + w.IntN(3) {
		t := Trigger{Name: fmt.Sprint(i), Optional: w.one(3), OnNoData: HoldOnNoData, Rule: Rule{Kind: Step}}
		switch w.IntN(4) {
		case 0:
			t.Rule = Rule{Kind: Target, ValuePerReplica: 1 + float64(w.IntN(50))}
		case 1:
			t.Rule.Absolute = true
			fallthrough
		default:
			t.Rule.ScaleDownAt = float64(w.IntN(30))
			t.Rule.ScaleUpAt = t.Rule.ScaleDownAt + 1 + float64(w.IntN(60))
		}
		if w.one(3) {
			t.OnNoData, t.FallbackReplicas = FallbackOnNoData, int32(1+w.IntN(8))
		}
		w.policy.Triggers = append(w.policy.Triggers, t)
	}
	for len(w.sources) < len(w.policy.Triggers) {
		w.sources = append(w.sources, source{every: w.pick(5*time.Second, 10*time.Second, 30*time.Second, time.Minute, 5*time.Minute), known: !w.one(3)})
	}
}

func (w *world) newLimits() {
	w.limits = Limits{Min: max(0, int32(w.IntN(7)-2)), Max: int32(1 + w.IntN(10)), MaxUnknown: w.one(8)}
	if w.one(3) {
		w.limits.Ceiling = w.limits.Max
		w.limits.Max = min(w.limits.Max, int32(w.IntN(11))) // a query may say less
	}
}

// sample is what the trigger's query gives now.
func (w *world) sample(s *source) sample.Result {
	if s.down == 0 && w.one(25) {
		s.down = 1 + w.IntN(12)
		s.fault = []sample.Result{
			{},
			{Outcome: sample.NoData},
			{Outcome: sample.Stale, Value: 1000},
			{Outcome: sample.Future, Value: 1000},
			{Outcome: sample.NotANumber},
			{Outcome: sample.ManySeries, Series: 2},
			value(math.NaN()), value(math.Inf(1)),
			{Outcome: "nonsense"},
		}[w.IntN(9)]
	}
	at := w.now.Truncate(s.every)
	if s.down > 0 {
		s.down--
		s.fault.Timestamp = at
		return s.fault
	}
	switch w.IntN(40) {
	case 0, 1:
		s.load = float64(w.IntN(400))
	case 2, 3, 4:
		s.load = 0
	case 5:
		s.load = 5000
	}
	r := value(s.load)
	r.Empty = s.load == 0 && w.one(4)
	r.Timestamp = at
	if s.known {
		r.Spacing = s.every
	}
	return r
}

// turn lets something happen, and decides. It returns what was wrong.
func (w *world) turn() error {
	switch w.IntN(60) {
	case 0:
		w.replicas, w.byRule = int32(w.IntN(14)), false // by hand
	case 1:
		w.restart()
	case 2:
		if w.one(3) {
			w.reload()
		}
	case 3, 4:
		w.newLimits()
	case 5:
		w.block = []Reason{Paused, OwnedByOther, Contested}[w.IntN(3)]
	case 6, 7, 8, 9, 10:
		w.block = ""
	case 12:
		w.noUp = []string{"", "", "", "file"}[w.IntN(4)]
	case 13:
		w.noDown = []string{"", "", "", "annotation"}[w.IntN(4)]
	case 11:
		w.now = w.now.Add(w.pick(31*time.Second, 5*time.Minute)) // nobody decided
	}
	w.ready = nil
	if !w.one(8) {
		w.ready = new(max(0, w.replicas-int32(w.IntN(8)/6)))
	}
	w.now = w.now.Add(w.pick(time.Second, 10*time.Second, 10*time.Second, 10*time.Second, 14*time.Second))
	in := Input{Now: w.now, Used: w.one(10), Replicas: w.replicas, ByRule: w.byRule, Ready: w.ready, Limits: w.limits, Block: Block{Reason: w.block}}
	for i := range w.policy.Triggers {
		in.Samples = append(in.Samples, w.sample(&w.sources[i]))
	}
	w.policy.Expire(in.Samples, w.now)
	in.NoUp, in.NoDown = w.noUp, w.noDown
	d, state := w.policy.Decide(in, w.state)
	if d.Action == Down && w.policy.BusyPods != nil { // then the Pods are looked at
		in.Pods = &Pods{Idle: int32(w.IntN(3))}
		if w.one(4) {
			in.Pods.Err = errors.New("forbidden")
		}
		d, state = w.policy.Decide(in, w.state)
	}
	w.state = state
	if w.seen != nil {
		w.seen[d.Reason]++
	}
	err := w.check.decision(w.policy, in, d)
	if w.replicas = d.To; d.Action != None && w.one(10) {
		w.replicas = d.From // the write failed, or it is a dry run
	} else if d.Action != None {
		w.byRule = true
	}
	return err
}
