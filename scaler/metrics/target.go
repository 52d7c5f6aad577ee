package metrics

import (
	"math"
	"strconv"
	"sync"
	"time"

	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/config"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/decide"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/loop"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/sample"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/workload"
)

// Target is one target's metrics. It observes the target's decisions.
type Target struct {
	totals *totals
	all    *Metrics
	label  string // its name, or that of its group if they are merged
	group  string // that of its group, or its own if it has none
	merged bool   // with the other members of its group

	mu      sync.Mutex
	is      identity
	started time.Time // zero while its loop does not run
	at      time.Time // of the last decision; zero if there was none
	last    last
	limits  decide.Limits  // zero until some were in force
	sampled []sampled      // for each trigger
	dryRun  *dryRun        // nil unless it is one
	pause   workload.Pause // by annotations, as last seen
}

// identity is what of the configuration is exported. Of the rest each target's
// metrics would keep a copy.
type identity struct {
	workload workload.Ref
	triggers []decide.Trigger
	dryRun   bool
	pause    workload.Pause
}

// last is what is exported of the last decision. A number that is not known is
// NaN.
type last struct {
	action                   decide.Action
	reason                   decide.Reason
	replicas, ready, desired float64
}

// sampled is what is known of a trigger's samples.
type sampled struct {
	trigger string
	at      time.Time // of the newest one, by this machine's clock; zero if there was none
	spacing time.Duration
	value   float64 // that was decided on last; NaN if there was none
}

// Configure sets what the target is, and by which rules it is decided on. What is
// known of a trigger that it does not have any more is dropped.
func (t *Target) Configure(target config.Target) {
	t.mu.Lock()
	defer t.mu.Unlock()
	kept := make([]sampled, len(target.Policy.Triggers))
	for i, trigger := range target.Policy.Triggers {
		for _, s := range t.sampled {
			if s.trigger == trigger.Name {
				kept[i] = s
			}
		}
		kept[i].trigger, kept[i].value = trigger.Name, math.NaN()
	}
	switch {
	case !target.DryRun:
		t.dryRun = nil
	case t.dryRun == nil:
		t.dryRun = &dryRun{}
	}
	t.is = identity{target.Workload, target.Policy.Triggers, target.DryRun, target.Pause}
	t.sampled, t.last.desired = kept, math.NaN() // the decision was by the triggers from before
}

// Start notes that decisions can be expected from now on.
func (t *Target) Start() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.started = time.Now()
}

// Forget drops what was seen of the target: its loop has ended.
func (t *Target) Forget() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.started, t.at, t.last, t.limits, t.pause = time.Time{}, time.Time{}, last{}, decide.Limits{}, workload.Pause{}
	if t.dryRun != nil {
		t.dryRun = &dryRun{}
	}
	for i := range t.sampled {
		t.sampled[i] = sampled{trigger: t.sampled[i].trigger, value: math.NaN()}
	}
}

// Observe implements loop.Observer. What it is told shows as a whole in the next
// scrape.
func (t *Target) Observe(d loop.Decision) {
	t.mu.Lock()
	defer t.mu.Unlock()
	action, reason := d.Result()
	t.all.decisions.WithLabelValues(string(action), string(reason)).Inc()
	if action != decide.None && !t.is.dryRun {
		t.totals.stepped(action, reason)
	}
	if d.Change.Kind == loop.Foreign || d.Change.Kind == loop.Reverted {
		t.totals.changed()
	}
	t.at = time.Now()
	if t.dryRun != nil {
		t.dryRun.observe(d, t.at)
	}
	if d.Limits.Max > 0 {
		t.limits = d.Limits
	}
	if d.Lag > 0 {
		t.all.lag.Observe(d.Lag.Seconds())
	}
	known := false // whether any trigger has a value
	for i, s := range d.Samples {
		if i < len(t.sampled) {
			known = t.sampled[i].observe(d, s, t.at) || known
		}
	}
	t.last = last{action, reason, math.NaN(), math.NaN(), math.NaN()}
	if d.Scale == nil {
		return
	}
	t.pause = d.Scale.Pause
	t.last.replicas = float64(d.Scale.Replicas)
	if action != decide.None && !t.is.dryRun {
		t.last.replicas = float64(d.To) // it was written
	}
	if d.Scale.Ready != nil {
		t.last.ready = float64(*d.Scale.Ready)
	}
	if known || d.Action != decide.None {
		t.last.desired = float64(d.To)
	}
}

// observe takes in what a decision says of the trigger, and returns whether it
// has a value.
func (s *sampled) observe(d loop.Decision, now sample.Result, at time.Time) bool {
	if !now.Timestamp.IsZero() {
		s.at, s.spacing = at.Add(-d.Now.Sub(now.Timestamp)), now.Spacing
	}
	s.value = math.NaN()
	if now.Outcome != sample.Value {
		return false
	}
	s.value = now.Value
	return true
}

// collect collects all that is only known of the target itself.
func (t *Target) collect(m *Metrics, to export) {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := time.Now()
	if t.dryRun != nil {
		t.dryRun.collect(m, now, to)
	}
	if w := t.is.workload; w.Name != "" {
		if t.merged {
			w.Namespace, w.Name = "", "" // many
		}
		to.metric(m.info, 1, t.group, w.Namespace, w.Kind, w.Name, strconv.FormatBool(t.is.dryRun))
		to.metric(m.paused, pausedPart(t.is.pause.At(now), t.pause.At(now)))
	}
	if alone := t.group == t.label && !t.merged; t.is.workload.Name != "" && (alone || to.first(t.group)) {
		for _, trigger := range t.is.triggers {
			collectRule(m, trigger, to.scrape, t.group)
		}
	}
	for _, s := range t.sampled {
		if !s.at.IsZero() {
			to.metric(m.age, now.Sub(s.at).Seconds(), s.trigger)
		}
		if s.spacing > 0 {
			to.metric(m.spacing, s.spacing.Seconds(), s.trigger)
		}
		to.known(m.value, s.value, s.trigger)
	}
	if t.limits.Max > 0 {
		to.metric(m.min, float64(t.limits.Min))
		if !t.limits.MaxUnknown {
			to.metric(m.max, float64(t.limits.Max))
		}
	}
	if since := latest(t.started, t.at); !since.IsZero() {
		action, reason := string(t.last.action), string(t.last.reason)
		if t.merged {
			if !t.at.IsZero() {
				to.metric(m.members, 1, action, reason)
			}
			action, reason = "", "" // of many
		}
		to.metric(m.decidedAt, float64(since.UnixMilli())/1000, action, reason)
	}
	if t.at.IsZero() {
		return
	}
	if t.last.reason.Holds() {
		to.metric(m.holding, 1, string(t.last.reason))
	}
	to.known(m.replicas, t.last.replicas)
	to.known(m.ready, t.last.ready)
	to.known(m.desired, t.last.desired)
}

func latest(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// pausedPart is how much of all steps is paused, by the file or by annotations.
func pausedPart(a, b workload.Pause) float64 {
	return (boolValue(a.Up || b.Up) + boolValue(a.Down || b.Down)) / 2
}

func collectRule(m *Metrics, trigger decide.Trigger, to *scrape, group string) {
	r, per := trigger.Rule, "replica"
	if r.Absolute {
		per = "total"
	}
	if r.Kind == decide.Target {
		to.add(m.rule, r.ValuePerReplica, group, trigger.Name, "value_per_replica", per)
		return
	}
	to.add(m.rule, r.ScaleUpAt, group, trigger.Name, "scale_up_at", per)
	to.add(m.rule, r.ScaleDownAt, group, trigger.Name, "scale_down_at", per)
}
