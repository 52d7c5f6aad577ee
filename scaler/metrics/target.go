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
	label  string // its name, or that of its group
	merged bool   // with the other members of its group

	mu      sync.Mutex
	target  config.Target
	started time.Time      // zero while its loop does not run
	at      time.Time      // of the last decision; zero if there was none
	last    loop.Decision  // the last decision; its zero if there was none
	limits  *decide.Limits // nil until some were in force
	lag     *time.Duration // nil until a sample was decided on
	sampled []sampled      // for each trigger
	dryRun  dryRun
	paused  workload.Pause // by annotations, as last seen
}

// sampled is what is known of a trigger's samples.
type sampled struct {
	trigger string
	at      time.Time // of the newest one, by this machine's clock; zero if there was none
	spacing time.Duration
}

// Configure sets what the target is, and by which rules it is decided on. What is
// known of a trigger that it does not have any more is dropped.
func (t *Target) Configure(target config.Target) {
	t.mu.Lock()
	defer t.mu.Unlock()
	kept := make([]sampled, len(target.Policy.Triggers))
	for i, trigger := range target.Policy.Triggers {
		kept[i].trigger = trigger.Name
		for _, s := range t.sampled {
			if s.trigger == trigger.Name {
				kept[i] = s
			}
		}
	}
	if !target.DryRun {
		t.dryRun = dryRun{}
	}
	t.target, t.sampled = target, kept
	t.last.Samples = nil // they are of the triggers from before
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
	t.started, t.at, t.last, t.limits, t.lag, t.paused = time.Time{}, time.Time{}, loop.Decision{}, nil, nil, workload.Pause{}
	t.dryRun = dryRun{}
	for i := range t.sampled {
		t.sampled[i] = sampled{trigger: t.sampled[i].trigger}
	}
}

// Observe implements loop.Observer. What it is told shows as a whole in the next
// scrape.
func (t *Target) Observe(d loop.Decision) {
	t.mu.Lock()
	defer t.mu.Unlock()
	action, reason := d.Result()
	t.totals.decided(action, reason, d.Change.Kind == loop.Foreign || d.Change.Kind == loop.Reverted)
	t.last, t.at = d, time.Now()
	if t.target.DryRun {
		t.dryRun.observe(d, t.at)
	}
	if d.Limits.Max > 0 {
		t.limits = &d.Limits
	}
	if d.Lag > 0 {
		t.lag = &d.Lag
	}
	if d.Scale != nil {
		t.paused = d.Scale.Pause
	}
	for i, s := range d.Samples {
		if i < len(t.sampled) && !s.Timestamp.IsZero() {
			t.sampled[i].at, t.sampled[i].spacing = time.Now().Add(-d.Now.Sub(s.Timestamp)), s.Spacing
		}
	}
}

// collect collects all that is only known of the target itself.
func (t *Target) collect(m *Metrics, to export) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.dryRun.collect(m, time.Now(), to)
	if w := t.target.Workload; w.Name != "" {
		if t.merged {
			w.Namespace, w.Name = "", "" // many
		}
		to.metric(m.info, 1, w.Namespace, w.Kind, w.Name, strconv.FormatBool(t.target.DryRun))
		to.metric(m.interval, t.target.Interval.Seconds())
		to.metric(m.paused, boolValue(t.target.Pause.At(time.Now()).Any() || t.paused.At(time.Now()).Any()))
	}
	for _, trigger := range t.target.Policy.Triggers {
		collectRule(m, trigger, to)
	}
	for _, s := range t.sampled {
		if !s.at.IsZero() {
			to.metric(m.age, time.Since(s.at).Seconds(), s.trigger)
		}
		if s.spacing > 0 {
			to.metric(m.spacing, s.spacing.Seconds(), s.trigger)
		}
	}
	if t.limits != nil {
		to.metric(m.min, float64(t.limits.Min))
		if !t.limits.MaxUnknown {
			to.metric(m.max, float64(t.limits.Max))
		}
	}
	if t.lag != nil {
		to.metric(m.lag, t.lag.Seconds())
	}
	if since := latest(t.started, t.at); !since.IsZero() {
		to.metric(m.decidedAt, float64(since.UnixMilli())/1000)
	}
	if !t.at.IsZero() {
		t.collectDecision(m, to)
	}
}

func latest(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

func collectRule(m *Metrics, trigger decide.Trigger, to export) {
	r, per := trigger.Rule, "replica"
	if r.Absolute {
		per = "total"
	}
	if r.Kind == decide.Target {
		to.metric(m.rule, r.ValuePerReplica, trigger.Name, "value_per_replica", per)
		return
	}
	to.metric(m.rule, r.ScaleUpAt, trigger.Name, "scale_up_at", per)
	to.metric(m.rule, r.ScaleDownAt, trigger.Name, "scale_down_at", per)
}

// collectDecision collects what the last decision says.
func (t *Target) collectDecision(m *Metrics, to export) {
	d := t.last
	action, reason := d.Result()
	to.metric(m.decision, 1, string(action), string(reason))
	if reason.Holds() {
		to.metric(m.holding, 1, string(reason))
	}
	known := false
	for i, s := range d.Samples {
		if s.Outcome != sample.Value || i >= len(t.target.Policy.Triggers) {
			continue
		}
		known = true
		trigger := t.target.Policy.Triggers[i]
		to.metric(m.value, s.Value, trigger.Name)
		if d.Scale != nil {
			if per := trigger.Rule.PerInstance(s.Value, d.Scale.Replicas); !math.IsNaN(per) {
				to.metric(m.perInstance, per, trigger.Name)
			}
		}
	}
	if d.Scale == nil {
		return
	}
	replicas := d.Scale.Replicas
	if action != decide.None && !t.target.DryRun {
		replicas = d.To // it was written
	}
	to.metric(m.replicas, float64(replicas))
	if d.Scale.Ready != nil {
		to.metric(m.ready, float64(*d.Scale.Ready))
	}
	if known || d.Action != decide.None {
		to.metric(m.desired, float64(d.To))
	}
}
