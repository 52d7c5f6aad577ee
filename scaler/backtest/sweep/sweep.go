// Package sweep tries bounds of a rule on a recorded load, and finds those that
// need the fewest replicas.
package sweep

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/config"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/decide"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/flap"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/replay"
)

// Sweep says which bounds to try.
type Sweep struct {
	Trigger  string // whose bounds; "" for the only one
	Up, Down Range  // of scale_up_at or value_per_replica, and of scale_down_at; the zero is chosen by the rule
	Above    float64
	AboveSet bool // Above is given: the share of the time at most; else it is what the configured rule comes to
}

// Range is a list of numbers from one to another.
type Range struct{ From, To, By float64 }

// maxTried bounds the pairs of one sweep.
const maxTried = 2000

// ParseRange reads FROM:TO:BY.
func ParseRange(text string) (Range, error) {
	if text == "" {
		return Range{}, nil
	}
	parts := strings.Split(text, ":")
	var n [3]float64
	for i, part := range parts {
		v, err := strconv.ParseFloat(part, 64)
		if err != nil || len(parts) != 3 || math.IsNaN(v) || math.IsInf(v, 0) {
			return Range{}, fmt.Errorf("%q: want FROM:TO:BY, for example 30:80:5", text)
		}
		n[i] = v
	}
	r := Range{n[0], n[1], n[2]}
	if r.By <= 0 || r.To < r.From || (r.To-r.From)/r.By >= maxTried {
		return Range{}, fmt.Errorf("%q: want FROM:TO:BY with FROM not above TO and fewer than %d steps", text, maxTried)
	}
	return r, nil
}

func (r Range) values() (all []float64) {
	for i := 0; ; i++ {
		v := math.Round((r.From+float64(i)*r.By)*1e9) / 1e9
		if v > r.To+r.By/1e6 {
			return all
		}
		all = append(all, v)
	}
}

// around are twelve round numbers around a bound.
func around(bound, low, high float64) Range {
	step := math.Pow(10, math.Floor(math.Log10(bound*(high-low)/6)))
	for _, by := range []float64{step, 2 * step, 5 * step, 10 * step} {
		r := Range{math.Max(by, math.Round(bound*low/by)*by), math.Round(bound*high/by) * by, by}
		if (r.To-r.From)/by <= 14 {
			return r
		}
	}
	return Range{bound, bound, bound}
}

// Tried is a pair of bounds, and what it came to.
type Tried struct {
	Up       float64  `json:"up"`             // scale_up_at or value_per_replica
	Down     *float64 `json:"down,omitempty"` // scale_down_at
	Hours    float64  `json:"replica_hours"`
	Above    float64  `json:"above_seconds"`
	Share    float64  `json:"above_share"` // of the time with data
	Steps    int      `json:"steps"`
	Flaps    int      `json:"flaps"`
	Frontier bool     `json:"frontier"` // nothing else tried has both fewer replica-hours and less time above
}

// Result is the result of a sweep.
type Result struct {
	Trigger  string  `json:"trigger,omitempty"`
	Kind     string  `json:"type"`
	Limit    float64 `json:"above_share_limit"`
	Tried    []Tried `json:"tried"`
	LeftOut  int     `json:"left_out_flapping"`
	Best     *Tried  `json:"best,omitempty"` // the least replica-hours within the limit
	Note     string  `json:"note,omitempty"` // what to do if none is within the limit
	Baseline Tried   `json:"configured"`
}

// pairs returns targets with the bounds to try, without those that can flap.
func (s Sweep) pairs(t config.Target) (targets []config.Target, tried []Tried, leftOut int, err error) {
	index := slices.IndexFunc(t.Policy.Triggers, func(tr decide.Trigger) bool {
		return tr.Name == s.Trigger || s.Trigger == "" && len(t.Policy.Triggers) == 1
	})
	if index < 0 {
		return nil, nil, 0, errors.New("the target has several triggers: name one by --sweep.trigger")
	}
	rule := t.Policy.Triggers[index].Rule
	up, down := s.Up, s.Down
	if up == (Range{}) {
		up = around(cmp.Or(math.Abs(UpOf(rule)), 1), 0.4, 1.8)
	}
	downs := []float64{0}
	if rule.Kind == decide.Step {
		if down == (Range{}) {
			down = around(cmp.Or(math.Abs(rule.ScaleDownAt), 1), 0.2, 2.2)
		}
		downs = down.values()
	}
	if n := len(up.values()) * len(downs); n > maxTried {
		return nil, nil, 0, fmt.Errorf("%d pairs of bounds are too many: want %d at most", n, maxTried)
	}
	for _, u := range up.values() {
		for _, d := range downs {
			v, one := t, Tried{Up: u}
			v.Policy.Triggers = slices.Clone(t.Policy.Triggers)
			r := &v.Policy.Triggers[index].Rule
			if rule.Kind == decide.Target {
				r.ValuePerReplica = u
			} else {
				r.ScaleUpAt, r.ScaleDownAt = u, d
				one.Down = &d
				if d >= u {
					continue
				}
			}
			if !t.AllowFlapping && flaps(v) {
				leftOut++
				continue
			}
			targets, tried = append(targets, v), append(tried, one)
		}
	}
	if len(targets) == 0 {
		return nil, nil, 0, errors.New("none of these bounds can be used: scale_down_at has to be below scale_up_at, and so far below that the rule cannot flap")
	}
	return targets, tried, leftOut, nil
}

// UpOf returns the bound by which a rule scales up.
func UpOf(r decide.Rule) float64 {
	if r.Kind == decide.Target {
		return r.ValuePerReplica
	}
	return r.ScaleUpAt
}

// flaps reports whether a constant load can make the target flap.
func flaps(t config.Target) bool {
	for _, limits := range t.Calendar.Possible(t.Policy.Limits) {
		if _, found := flap.Find(t.Policy, limits, t.MaxReplicasQuery != ""); found {
			return true
		}
	}
	return false
}

// Run tries the bounds on the stream.
func (s Sweep) Run(ctx context.Context, t config.Target, o replay.Options, from replay.Stream, configured replay.Figures) (*Result, error) {
	targets, tried, leftOut, err := s.pairs(t)
	if err != nil {
		return nil, err
	}
	o.Columns = 0
	var runs []*replay.Run
	var consumers []replay.Consumer
	for _, v := range targets {
		r := replay.NewRun(v, o)
		runs, consumers = append(runs, r), append(consumers, r)
	}
	if err := replay.Drive(ctx, from, consumers); err != nil {
		return nil, err
	}
	result := &Result{Trigger: s.Trigger, Kind: string(decide.Step), Limit: s.Above, LeftOut: leftOut, Baseline: Tried{}.of(configured)}
	for _, trigger := range t.Policy.Triggers {
		if trigger.Name == s.Trigger || len(t.Policy.Triggers) == 1 {
			result.Kind = string(trigger.Rule.Kind)
			result.Baseline.Up = UpOf(trigger.Rule)
			if down := trigger.Rule.ScaleDownAt; trigger.Rule.Kind == decide.Step {
				result.Baseline.Down = &down
			}
		}
	}
	if !s.AboveSet {
		result.Limit = result.Baseline.Share
	}
	for i, r := range runs {
		result.Tried = append(result.Tried, tried[i].of(r.Meter.Total()))
	}
	result.conclude()
	return result, nil
}

func (t Tried) of(f replay.Figures) Tried {
	t.Hours, t.Above, t.Steps, t.Flaps = f.ReplicaHours, f.Above, f.Ups+f.Downs, f.Flaps
	if f.Seconds > 0 {
		t.Share = f.Above / f.Seconds
	}
	return t
}

// Same reports whether it is the same pair.
func (t Tried) Same(o Tried) bool {
	return t.Up == o.Up && (t.Down == nil) == (o.Down == nil) && (t.Down == nil || *t.Down == *o.Down)
}

// Frontier returns the pairs that nothing else tried is better than.
func (s *Result) Frontier() (all []Tried) {
	for _, t := range s.Tried {
		if t.Frontier {
			all = append(all, t)
		}
	}
	return all
}

// LeastAbove returns the share of the time above the bound of the pair that has
// the least of it.
func (s *Result) LeastAbove() float64 {
	return slices.MinFunc(s.Tried, func(a, b Tried) int { return cmp.Compare(a.Share, b.Share) }).Share
}

// conclude marks the frontier, and finds the best pair.
func (s *Result) conclude() {
	slices.SortStableFunc(s.Tried, func(a, b Tried) int {
		return cmp.Or(cmp.Compare(a.Hours, b.Hours), cmp.Compare(a.Above, b.Above), cmp.Compare(a.Steps, b.Steps))
	})
	least := math.Inf(1)
	for i := range s.Tried {
		t := &s.Tried[i]
		if t.Above < least {
			least, t.Frontier = t.Above, true
		}
		if s.Best == nil && t.Share <= s.Limit {
			s.Best = t
		}
	}
}
