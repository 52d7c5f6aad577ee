// Package explain tells in a sentence what a decision did and why, and what would
// have to change for the scaler to act. It is pure. What it says has been tried:
// with the change that it names, decide.Policy.Decide decides otherwise, and with
// a smaller one it does not.
package explain

import (
	"math"
	"time"

	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/decide"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/loop"
)

// Explanation is what there is to say of one decision.
type Explanation struct {
	Did     string   // what was done and why
	Next    string   // what would have to change for a step, after a step for the next one
	Changes []Change // the same; each of them is enough
}

// Change is what would lead to a step. All that it names has to come together.
type Change struct {
	Action decide.Action // of the step: up or down
	To     int32         // replicas after it

	Values    []Value       // new samples with these values
	Replicas  int32         // another number of replicas; 0 for the one that there is
	Min, Max  int32         // another limit; 0 for the one in force
	MaxKnown  bool          // Max is what max_replicas_query has to give, at least
	Data      bool          // any value of the triggers whose data are missing
	NewSample bool          // a sample that is not used yet, with the value of the last
	NoData    bool          // data that stay missing
	Unblocked bool          // nothing that forbids to write
	After     time.Duration // for how long the rest has to last; 0 for none
	Ready     bool          // or until all Pods are ready or, of a step down, enough are idle
}

// Value is from where on a trigger's value leads to the step.
type Value struct {
	Trigger  int     // its index in the policy
	Bound    float64 // inclusive; rounded so that it is enough
	Decimals int     // that Bound is rounded to
}

// Of explains a decision.
func Of(d loop.Decision) Explanation {
	e := Explanation{Did: Did(d), Changes: changes(d)}
	e.Next = next(d, e.Changes)
	return e
}

// changes returns what would lead to a step, each tried.
func changes(d loop.Decision) []Change {
	action, _ := d.Result()
	if d.Before == nil || d.Failed() || d.Off() {
		return nil
	}
	q := questionOf(d)
	if action != decide.None {
		q = q.next(d.Target)
	}
	var all []Change
	add := func(c Change) {
		if c.try(q) {
			all = append(all, c)
		}
	}
	blocked := q.blocks
	asks := q.unblocked().now()
	if asks.Action != decide.None {
		floor := asks.Reason == decide.BelowMin || asks.Reason == decide.Fallback
		c := Change{Action: asks.Action, Unblocked: blocked(asks.Action), NewSample: action != decide.None && !floor}
		if first := c; !first.try(q) {
			c = Change{Action: asks.Action, Unblocked: blocked(asks.Action), NewSample: true}
		}
		add(c)
	}
	if asks.Action != decide.Up {
		for i := range q.in.Samples {
			if bound, ok := q.upAt(i); ok {
				add(Change{Action: decide.Up, Unblocked: blocked(decide.Up), Values: []Value{outward(i, bound, true)}})
			}
		}
	}
	if asks.Action != decide.Down {
		low, ok := q.low(false)
		if !ok {
			low, ok = q.low(true)
		}
		if ok {
			add(Change{Action: decide.Down, Unblocked: blocked(decide.Down), Values: low})
		}
	}
	if asks.Action == decide.None {
		add(Change{Action: decide.Down, Unblocked: blocked(decide.Down), Data: true})
		for _, a := range []decide.Action{decide.Up, decide.Down} {
			if n, ok := q.replicas(a); ok && action == decide.None {
				add(Change{Action: a, Unblocked: blocked(a), Replicas: n})
			}
		}
		unknown := q.in.Limits.MaxUnknown
		add(Change{Action: decide.Up, Unblocked: blocked(decide.Up), Max: q.in.Replicas + 1, MaxKnown: unknown})
		if less := q.in.Replicas - 1; less > 0 {
			add(Change{Action: decide.Down, Unblocked: blocked(decide.Down), Min: less})
		}
	}
	if after, ok := q.unblocked().fallback(); ok {
		add(Change{Action: decide.Up, Unblocked: blocked(decide.Up), NoData: true, After: after})
	}
	return all
}

// try finds out what the change leads to, and reports whether that is its step.
func (c *Change) try(q question) bool {
	if c.Data && q.withData(-math.MaxFloat64).unblocked().now().Action != c.Action {
		return false
	}
	q = q.changed(*c)
	d, after, ready, ok := q.reach()
	if fallback, comes := q.fallback(); comes && fallback < after {
		return false // that step comes first
	}
	c.To, c.Ready = d.To, ready
	c.After += after // which is 0 unless data stay missing
	switch {
	case c.NoData:
		ok = ok && d.Reason == decide.Fallback
	case len(c.Values) > 0 || c.Replicas > 0 || c.Min > 0 || c.Max > 0:
		ok = ok && (d.Reason == decide.LoadHigh || d.Reason == decide.LoadLow)
	}
	return ok && d.Action == c.Action
}

// changed is the question with the change, but for the time that has to pass.
func (q question) changed(c Change) question {
	if c.Unblocked {
		q = q.unblocked()
	}
	if c.NoData {
		q.in.Now = q.in.Now.Add(c.After)
		return q
	}
	if c.Data {
		q = q.withData(math.MaxFloat64)
	}
	for _, v := range c.Values {
		q = q.with(v.Trigger, v.Bound)
	}
	if c.Replicas > 0 {
		q.in.Replicas = c.Replicas
	}
	l := &q.in.Limits
	if c.Max > 0 {
		l.Max = c.Max
		if l.Ceiling > 0 {
			l.Ceiling = max(l.Ceiling, c.Max)
		}
	}
	if c.Min > 0 {
		l.Min = c.Min
	}
	if c.MaxKnown {
		l.MaxUnknown = false
	}
	if c.NewSample || c.Data || len(c.Values) > 0 || c.Replicas > 0 || c.Min > 0 || c.Max > 0 {
		q = q.afresh()
	}
	return q
}
