package decide

import (
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/sample"
)

// what a trigger knows, in the words of the documented table.
type knows struct {
	load     string // high, within, low, missing
	used     bool   // its sample was there before the last step
	optional bool
}

// tableSays is the table: up if any wants it, down only if all agree that have
// to be heard.
func tableSays(n, least, most int32, triggers []knows) (Action, Reason) {
	count := func(is func(knows) bool) (c int) {
		for _, t := range triggers {
			if is(t) {
				c++
			}
		}
		return c
	}
	missing := count(func(k knows) bool { return k.load == "missing" })
	required := count(func(k knows) bool { return k.load == "missing" && !k.optional })
	high := count(func(k knows) bool { return k.load == "high" })
	within := count(func(k knows) bool { return k.load == "within" })
	switch {
	case n < most && count(func(k knows) bool { return k.load == "high" && !k.used }) > 0:
		return Up, LoadHigh
	case n == most && high > 0:
		return None, LoadHighAtMax
	case required > 0 || missing == len(triggers):
		return None, NoData
	case high > 0:
		return None, SampleUsed
	case within > 0:
		return None, WithinBounds
	case n == least:
		return None, LoadLowAtMin
	case count(func(k knows) bool { return k.load == "low" && k.used }) > 0:
		return None, SampleUsed
	}
	return Down, LoadLow
}

// Every pair of triggers, of any kind, in any state, at the minimum, at the
// maximum and between: keda#6659, k8s#99394 and k8s#127193, where a part of the
// metrics is missing and the rest scales down.
func TestTwoTriggersCombineAsTheTableSays(t *testing.T) {
	const least, most = int32(2), int32(6)
	kinds := []struct {
		rule   Rule
		number func(load string, n float64) float64
	}{
		{DefaultRule(), func(load string, n float64) float64 {
			return map[string]float64{"high": 50 * n, "within": 35 * n, "low": 20 * n}[load]
		}},
		{Rule{Kind: Step, ScaleUpAt: 50, ScaleDownAt: 20, Absolute: true}, func(load string, _ float64) float64 {
			return map[string]float64{"high": 50, "within": 35, "low": 20}[load]
		}},
		{Rule{Kind: Target, ValuePerReplica: 10}, func(load string, n float64) float64 {
			return map[string]float64{"high": 10*n + 0.001, "within": 10 * n, "low": 10*n - 10}[load]
		}},
	}
	var states []knows
	for _, optional := range []bool{false, true} {
		states = append(states, knows{"missing", false, optional})
		for _, load := range []string{"high", "within", "low"} {
			states = append(states, knows{load, false, optional}, knows{load, true, optional})
		}
	}
	start := time.Unix(1_700_000_000, 0)
	cases := 0
	for n := least; n <= most; n += 2 {
		for _, ka := range kinds {
			for _, kb := range kinds {
				for _, a := range states {
					for _, b := range states {
						p := DefaultPolicy()
						p.Limits = Limits{Min: least, Max: most}
						p.Triggers = []Trigger{{Name: "a", Rule: ka.rule, Optional: a.optional}, {Name: "b", Rule: kb.rule, Optional: b.optional}}
						in := Input{Now: start.Add(time.Minute), Replicas: n, Limits: p.Limits}
						for i, k := range []knows{a, b} {
							s := sample.Result{Outcome: sample.NoData}
							if k.load != "missing" {
								s = value([]func(string, float64) float64{ka.number, kb.number}[i](k.load, float64(n)))
								s.Timestamp = in.Now
							}
							if k.used {
								s.Timestamp = start
							}
							in.Samples = append(in.Samples, s)
						}
						d, _ := p.Decide(in, NewState(start))
						action, reason := tableSays(n, least, most, []knows{a, b})
						if d.Action != action || d.Reason != reason || d.To != n+map[Action]int32{Up: 1, Down: -1}[action] {
							t.Errorf("%d replicas, %+v (%+v) and %+v (%+v): got %+v, want %s, %s", n, a, ka.rule, b, kb.rule, d, action, reason)
						}
						cases++
					}
				}
			}
		}
	}
	t.Logf("%d cases", cases)
}

// The highest of what the triggers want wins, up as well as down.
func TestTheHighestWins(t *testing.T) {
	for _, c := range []struct {
		a, b float64 // replicas that they want
		want int32
		by   int
	}{
		{9, 7, 9, 0},
		{7, 9, 9, 1},
		{9, 1, 9, 0},
		{1, 9, 9, 1},
		{4, 2, 4, 0},
		{2, 4, 4, 1},
		{3, 3, 3, 0},
		{1, 5, 5, 1},
	} {
		p := DefaultPolicy()
		two(func(a, b *Trigger) {
			a.Rule, b.Rule = Rule{Kind: Target, ValuePerReplica: 1}, Rule{Kind: Target, ValuePerReplica: 1}
		})(&p)
		p.StepUp, p.StepDown, p.Limits.Max = 0, 0, 10
		d, _ := p.Decide(Input{Samples: []sample.Result{value(c.a), value(c.b)}, Replicas: 5, Limits: p.Limits}, State{})
		if d.To != c.want || d.Trigger != c.by {
			t.Errorf("%v and %v: got %+v, want %d replicas by trigger %d", c.a, c.b, d, c.want, c.by)
		}
	}
}

// A trigger that never had any data, an optional one left out, one too few in
// the input: none of them is ever a 0.
func TestALeftOutSampleHasFailed(t *testing.T) {
	p := DefaultPolicy()
	two()(&p)
	for _, samples := range [][]sample.Result{nil, {value(0)}} {
		d, _ := p.Decide(Input{Samples: samples, Replicas: 3, Limits: p.Limits}, State{})
		if d.Action != None || d.Reason != QueryFailed || d.Trigger != len(samples) {
			t.Errorf("%d samples: got %+v, want a hold", len(samples), d)
		}
	}
}

// The trigger that is told is the one that holds.
func TestWhoHoldsIsTold(t *testing.T) {
	p := DefaultPolicy()
	two(func(a, _ *Trigger) { a.Optional = true })(&p)
	d, _ := p.Decide(Input{Samples: []sample.Result{none(), {Outcome: sample.Stale}}, Replicas: 3, Limits: p.Limits}, State{})
	if d.Reason != Stale || d.Trigger != 1 || !math.IsNaN(d.PerInstance) || d.Bound != nil {
		t.Errorf("got %+v, want stale by the second", d)
	}
	d, _ = p.Decide(Input{Samples: []sample.Result{value(0), value(90)}, Replicas: 3, Limits: p.Limits}, State{})
	if d.Reason != WithinBounds || d.Trigger != 1 || d.PerInstance != 30 {
		t.Errorf("got %+v, want within bounds by the second", d)
	}
}

// An optional trigger without data is left out, whatever else there is; with
// all of them missing nothing happens.
func TestOptionalTriggersMissing(t *testing.T) {
	for mask := range 8 {
		t.Run(fmt.Sprintf("%03b", mask), func(t *testing.T) {
			p := DefaultPolicy()
			p.Triggers, p.Limits = nil, Limits{Min: 1, Max: 9}
			var samples []sample.Result
			for i := range 3 {
				p.Triggers = append(p.Triggers, Trigger{Name: fmt.Sprint(i), Rule: DefaultRule(), Optional: true})
				samples = append(samples, value(0))
				if mask&(1<<i) != 0 {
					samples[i] = none()
				}
			}
			want := Down
			if mask == 7 {
				want = None
			}
			if d, _ := p.Decide(Input{Samples: samples, Replicas: 5, Limits: p.Limits}, State{}); d.Action != want {
				t.Errorf("got %+v, want %s", d, want)
			}
		})
	}
}
