// Package metrics holds what the scaler says of itself. What is not known is
// absent; it is never 0.
package metrics

import (
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/decide"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/query"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/workload"
)

// Operation is what was being done when an error occurred.
type Operation string

// The operations.
const (
	Query Operation = "query" // ask Prometheus
	Read  Operation = "read"  // read the workload's scale
	Write Operation = "write" // write it
)

// State is what is known of a target; nil is unknown.
type State struct {
	SampleValue    *float64
	PerInstance    *float64
	Replicas       *int32
	WantedReplicas *int32
}

// Metrics is a collector of all targets' metrics.
type Metrics struct {
	decisions, errors                          *prometheus.CounterVec
	value, age, perInstance, replicas, desired *prometheus.Desc

	mu      sync.Mutex
	targets map[string]*Target
}

// New returns a collector without targets.
func New() *Metrics {
	desc := func(name, help string) *prometheus.Desc {
		return prometheus.NewDesc("camunda_scaler_"+name, help, []string{"target"}, nil)
	}
	return &Metrics{
		decisions: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "camunda_scaler_decisions_total",
			Help: "Decisions by action and reason; a hold counts once per interval.",
		}, []string{"target", "action", "reason"}),
		errors: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "camunda_scaler_errors_total",
			Help: "Failed requests to Prometheus (query) and to the API server (read, write) by cause.",
		}, []string{"target", "operation", "cause"}),
		value:       desc("sample_value", "The sample that was last decided on."),
		age:         desc("sample_age_seconds", "Age of the newest sample known."),
		perInstance: desc("per_instance", "The sample last decided on divided by the replicas."),
		replicas:    desc("replicas", "The workload's spec.replicas, as last seen."),
		desired:     desc("wanted_replicas", "The replicas that the last decision asked for."),
		targets:     map[string]*Target{},
	}
}

// Target returns the named target's part, and makes it if it is new.
func (m *Metrics) Target(name string) *Target {
	m.mu.Lock()
	defer m.mu.Unlock()
	if t, ok := m.targets[name]; ok {
		return t
	}
	t := &Target{
		decisions: m.decisions.MustCurryWith(prometheus.Labels{"target": name}),
		errors:    m.errors.MustCurryWith(prometheus.Labels{"target": name}),
	}
	// What an alert takes the rate of has to be there before its first event.
	t.decisions.WithLabelValues(string(decide.Up), string(decide.LoadHigh))
	t.decisions.WithLabelValues(string(decide.Down), string(decide.LoadLow))
	for _, cause := range query.Causes() {
		t.errors.WithLabelValues(string(Query), string(cause))
	}
	for _, cause := range workload.Causes() {
		t.errors.WithLabelValues(string(Read), string(cause))
		t.errors.WithLabelValues(string(Write), string(cause))
	}
	m.targets[name] = t
	return t
}

// Describe implements prometheus.Collector.
func (m *Metrics) Describe(ch chan<- *prometheus.Desc) {
	m.decisions.Describe(ch)
	m.errors.Describe(ch)
	for _, d := range []*prometheus.Desc{m.value, m.age, m.perInstance, m.replicas, m.desired} {
		ch <- d
	}
}

// Collect implements prometheus.Collector.
func (m *Metrics) Collect(ch chan<- prometheus.Metric) {
	m.decisions.Collect(ch)
	m.errors.Collect(ch)
	m.mu.Lock()
	defer m.mu.Unlock()
	for name, t := range m.targets {
		gauge := func(d *prometheus.Desc, v float64) {
			ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, name)
		}
		state, sampled := t.snapshot()
		if !sampled.IsZero() {
			gauge(m.age, time.Since(sampled).Seconds())
		}
		if state.SampleValue != nil {
			gauge(m.value, *state.SampleValue)
		}
		if state.PerInstance != nil {
			gauge(m.perInstance, *state.PerInstance)
		}
		if state.Replicas != nil {
			gauge(m.replicas, float64(*state.Replicas))
		}
		if state.WantedReplicas != nil {
			gauge(m.desired, float64(*state.WantedReplicas))
		}
	}
}

// Target is one target's metrics.
type Target struct {
	decisions, errors *prometheus.CounterVec

	mu      sync.Mutex
	state   State
	sampled time.Time
}

// Decided counts a decision.
func (t *Target) Decided(action decide.Action, reason decide.Reason) {
	t.decisions.WithLabelValues(string(action), string(reason)).Inc()
}

// QueryFailed counts a failed query.
func (t *Target) QueryFailed(cause query.Cause) {
	t.errors.WithLabelValues(string(Query), string(cause)).Inc()
}

// WorkloadFailed counts a failed read or write of the workload.
func (t *Target) WorkloadFailed(during Operation, cause workload.Cause) {
	t.errors.WithLabelValues(string(during), string(cause)).Inc()
}

// SetState replaces what is known of the target.
func (t *Target) SetState(s State) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.state = s
}

// SetSampled says when the newest sample was scraped, by this machine's clock;
// the zero time means that there is none.
func (t *Target) SetSampled(at time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.sampled = at
}

func (t *Target) snapshot() (State, time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.state, t.sampled
}
