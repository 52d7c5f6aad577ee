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
	Holding        decide.Reason // "" if nothing keeps the rule from being applied
}

// Metrics is a collector of all targets' metrics.
type Metrics struct {
	decisions, errors                                *prometheus.CounterVec
	query                                            prometheus.Histogram
	request                                          *prometheus.HistogramVec
	value, age, perInstance, replicas, desired       *prometheus.Desc
	lag, holding, paused, leader, reloaded, reloadAt *prometheus.Desc

	mu       sync.Mutex
	targets  map[string]*Target
	leads    func() bool // nil if that is no question
	reloads  reloadState
	reloadOK time.Time
}

type reloadState int

const (
	neverLoaded reloadState = iota
	loaded
	refused
)

// buckets reach to the time after which a request is given up.
var buckets = []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5}

// New returns a collector without targets.
func New() *Metrics {
	desc := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc("camunda_scaler_"+name, help, labels, nil)
	}
	const target = "target"
	return &Metrics{
		decisions: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "camunda_scaler_decisions_total",
			Help: "Decisions by action and reason; a hold counts once per interval.",
		}, []string{"target", "action", "reason"}),
		errors: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "camunda_scaler_errors_total",
			Help: "Failed requests to Prometheus (query) and to the API server (read, write) by cause.",
		}, []string{"target", "operation", "cause"}),
		query: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name:    "camunda_scaler_query_duration_seconds",
			Help:    "How long queries took, with those that failed.",
			Buckets: buckets,
		}),
		request: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "camunda_scaler_api_request_duration_seconds",
			Help:    "How long reads and writes of scales took, with those that failed.",
			Buckets: buckets,
		}, []string{"operation"}),
		value:       desc("sample_value", "The sample that was last decided on.", target),
		age:         desc("sample_age_seconds", "Age of the newest sample known.", target),
		perInstance: desc("per_instance", "The sample last decided on divided by the replicas.", target),
		replicas:    desc("replicas", "The workload's spec.replicas, as last seen.", target),
		desired:     desc("wanted_replicas", "The replicas that the last decision asked for.", target),
		lag:         desc("loop_lag_seconds", "From the scrape of the sample last decided on to the end of what was done about it.", target),
		holding:     desc("holding", "1 for what now keeps the rule from being applied; absent if nothing does.", target, "reason"),
		paused:      desc("paused", "Whether the target is paused: 1, or 0.", target),
		leader:      desc("leader", "Whether this scaler is the one that works: 1, or 0 if it stands by."),
		reloaded:    desc("config_last_reload_successful", "Whether the last (re)load of the configuration worked: 1, or 0 if the one before is in force."),
		reloadAt:    desc("config_last_reload_success_timestamp_seconds", "When the configuration in force was loaded."),
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
		query:     m.query,
		request:   m.request,
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

// Remove drops all series of the named target.
func (m *Metrics) Remove(name string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.targets, name)
	m.decisions.DeletePartialMatch(prometheus.Labels{"target": name})
	m.errors.DeletePartialMatch(prometheus.Labels{"target": name})
}

// SetLeader says how to find out whether this scaler leads.
func (m *Metrics) SetLeader(leads func() bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.leads = leads
}

// Reloaded says whether the configuration was loaded, now.
func (m *Metrics) Reloaded(ok bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.reloads = refused
	if ok {
		m.reloads, m.reloadOK = loaded, time.Now()
	}
}

// Describe implements prometheus.Collector.
func (m *Metrics) Describe(ch chan<- *prometheus.Desc) {
	m.decisions.Describe(ch)
	m.errors.Describe(ch)
	m.query.Describe(ch)
	m.request.Describe(ch)
	for _, d := range []*prometheus.Desc{
		m.value, m.age, m.perInstance, m.replicas, m.desired,
		m.lag, m.holding, m.paused, m.leader, m.reloaded, m.reloadAt,
	} {
		ch <- d
	}
}

// Collect implements prometheus.Collector.
func (m *Metrics) Collect(ch chan<- prometheus.Metric) {
	m.decisions.Collect(ch)
	m.errors.Collect(ch)
	m.query.Collect(ch)
	m.request.Collect(ch)
	m.mu.Lock()
	defer m.mu.Unlock()
	m.collectOwn(ch)
	for name, t := range m.targets {
		gauge := func(d *prometheus.Desc, v float64, labels ...string) {
			ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, append([]string{name}, labels...)...)
		}
		state, sampled, lag, paused := t.snapshot()
		gauge(m.paused, boolValue(paused))
		if lag != nil {
			gauge(m.lag, lag.Seconds())
		}
		if state.Holding != "" {
			gauge(m.holding, 1, string(state.Holding))
		}
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

// collectOwn collects what is of no target.
func (m *Metrics) collectOwn(ch chan<- prometheus.Metric) {
	gauge := func(d *prometheus.Desc, v float64) { ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v) }
	if m.leads != nil {
		gauge(m.leader, boolValue(m.leads()))
	}
	if m.reloads != neverLoaded {
		gauge(m.reloaded, boolValue(m.reloads == loaded))
	}
	if !m.reloadOK.IsZero() {
		gauge(m.reloadAt, float64(m.reloadOK.UnixMilli())/1000)
	}
}

func boolValue(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

// Target is one target's metrics.
type Target struct {
	decisions, errors *prometheus.CounterVec
	query             prometheus.Observer
	request           prometheus.ObserverVec

	mu      sync.Mutex
	state   State
	sampled time.Time
	lag     *time.Duration // nil until something was decided
	paused  bool
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

// Took observes how long a request took.
func (t *Target) Took(doing Operation, d time.Duration) {
	if doing == Query {
		t.query.Observe(d.Seconds())
		return
	}
	t.request.WithLabelValues(string(doing)).Observe(d.Seconds())
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
	t.state, t.sampled, t.lag = State{}, time.Time{}, nil
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

func (t *Target) snapshot() (state State, sampled time.Time, lag *time.Duration, paused bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.state, t.sampled, t.lag, t.paused
}
