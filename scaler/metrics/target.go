package metrics

import (
	"strconv"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/decide"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/query"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/workload"
)

// State is what is known of a target; nil is unknown.
type State struct {
	Samples        []Sample // of the triggers of which there is one
	Replicas       *int32
	ReadyReplicas  *int32
	DesiredReplicas *int32
	Holding        decide.Reason // "" if nothing keeps the rule from being applied
}

// Sample is what was last decided on.
type Sample struct {
	Trigger     string // "" if there is only one
	Value       float64
	PerInstance *float64 // nil if unknown
}

// Target is one target's metrics.
type Target struct {
	decisions, errors *prometheus.CounterVec
	foreign           prometheus.Counter
	request           prometheus.ObserverVec

	mu       sync.Mutex
	info     Info
	last     decision // its zero before the first
	triggers []decide.Trigger
	limits   *decide.Limits // nil until there are some in force
	state    State
	sampled  map[string]time.Time // by trigger
	lag      *time.Duration       // nil until something was decided
	paused   bool
}

// Info is what a target is, whatever is decided on it.
type Info struct {
	Workload workload.Ref
	DryRun   bool
	Interval time.Duration // between two decisions
}

type decision struct {
	action decide.Action
	reason decide.Reason
	at     time.Time
}

// SetInfo says what the target is.
func (t *Target) SetInfo(i Info) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.info = i
}

// Started says that decisions can be expected from now on.
func (t *Target) Started() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.last = decision{at: time.Now()}
}

// Decided counts a decision.
func (t *Target) Decided(action decide.Action, reason decide.Reason) {
	t.decisions.WithLabelValues(string(action), string(reason)).Inc()
	t.mu.Lock()
	defer t.mu.Unlock()
	t.last = decision{action, reason, time.Now()}
}

// QueryFailed counts a failed query.
func (t *Target) QueryFailed(cause query.Cause) {
	t.errors.WithLabelValues(string(Query), string(cause)).Inc()
}

// WorkloadFailed counts a failed read or write of the workload.
func (t *Target) WorkloadFailed(during Operation, cause workload.Cause) {
	t.errors.WithLabelValues(string(during), string(cause)).Inc()
}

// ForeignChange counts a change of the replicas by somebody else.
func (t *Target) ForeignChange() { t.foreign.Inc() }

// Took observes how long a read or write of the workload took.
func (t *Target) Took(doing Operation, d time.Duration) {
	t.request.WithLabelValues(string(doing)).Observe(d.Seconds())
}

// SetTriggers says by which rules is decided. What is known of a trigger that
// is none of them is dropped.
func (t *Target) SetTriggers(triggers []decide.Trigger) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.triggers = triggers
	sampled, samples := map[string]time.Time{}, []Sample(nil)
	for _, trigger := range triggers {
		if at, ok := t.sampled[trigger.Name]; ok {
			sampled[trigger.Name] = at
		}
		for _, s := range t.state.Samples {
			if s.Trigger == trigger.Name {
				samples = append(samples, s)
			}
		}
	}
	t.sampled, t.state.Samples = sampled, samples
}

// SetLimits says which limits are in force now.
func (t *Target) SetLimits(l decide.Limits) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.limits = &l
}

// SetLag says how long after its sample's scrape a decision was carried out.
func (t *Target) SetLag(d time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.lag = &d
}

// SetPaused says whether the target is paused.
func (t *Target) SetPaused(paused bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.paused = paused
}

// Forget drops what is known of the target: nobody looks at it any more.
func (t *Target) Forget() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.limits, t.state, t.lag, t.last = nil, State{}, nil, decision{}
	clear(t.sampled)
}

// SetState replaces what is known of the target.
func (t *Target) SetState(s State) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.state = s
}

// SetSampled says when a trigger's newest sample was scraped, by this machine's
// clock; the zero time means that there is none.
func (t *Target) SetSampled(trigger string, at time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if at.IsZero() {
		delete(t.sampled, trigger)
		return
	}
	t.sampled[trigger] = at
}

// collect has every gauge of the target collected.
func (t *Target) collect(m *Metrics, gauge func(d *prometheus.Desc, v float64, labels ...string)) {
	t.mu.Lock()
	defer t.mu.Unlock()
	gauge(m.paused, boolValue(t.paused))
	if w := t.info.Workload; w.Name != "" {
		gauge(m.info, 1, w.Namespace, w.Kind, w.Name, strconv.FormatBool(t.info.DryRun))
		gauge(m.interval, t.info.Interval.Seconds())
	}
	if !t.last.at.IsZero() {
		gauge(m.decidedAt, float64(t.last.at.UnixMilli())/1000)
	}
	if t.last.action != "" {
		gauge(m.decision, 1, string(t.last.action), string(t.last.reason))
	}
	if t.lag != nil {
		gauge(m.lag, t.lag.Seconds())
	}
	if t.state.Holding != "" {
		gauge(m.holding, 1, string(t.state.Holding))
	}
	for trigger, at := range t.sampled {
		gauge(m.age, time.Since(at).Seconds(), trigger)
	}
	for _, s := range t.state.Samples {
		gauge(m.value, s.Value, s.Trigger)
		if s.PerInstance != nil {
			gauge(m.perInstance, *s.PerInstance, s.Trigger)
		}
	}
	for _, trigger := range t.triggers {
		r, per := trigger.Rule, "replica"
		if r.Absolute {
			per = "total"
		}
		if r.Kind == decide.Target {
			gauge(m.rule, r.ValuePerReplica, trigger.Name, "value_per_replica", per)
		} else {
			gauge(m.rule, r.ScaleUpAt, trigger.Name, "scale_up_at", per)
			gauge(m.rule, r.ScaleDownAt, trigger.Name, "scale_down_at", per)
		}
	}
	if t.limits != nil {
		gauge(m.least, float64(t.limits.Min))
		if !t.limits.MaxUnknown {
			gauge(m.most, float64(t.limits.Max))
		}
	}
	for d, n := range map[*prometheus.Desc]*int32{m.replicas: t.state.Replicas, m.ready: t.state.ReadyReplicas, m.desired: t.state.DesiredReplicas} {
		if n != nil {
			gauge(d, float64(*n))
		}
	}
}
