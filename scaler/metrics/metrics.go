// Package metrics holds what the scaler says of itself. What is not known is
// absent; it is never 0.
package metrics

import (
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/decide"
)

// Operation is what was being done when an error occurred.
type Operation string

// The operations.
const (
	Query Operation = "query" // ask Prometheus
	Read  Operation = "read"  // read the workload's scale
	Write Operation = "write" // write it
)

// Metrics is a collector of all targets' metrics.
type Metrics struct {
	decisions, errors, foreign            *prometheus.CounterVec
	query                                 prometheus.Histogram
	request                               *prometheus.HistogramVec
	value, age, perInstance, rule         *prometheus.Desc
	replicas, ready, desired, least, most *prometheus.Desc
	lag, holding, paused                  *prometheus.Desc
	info, interval, spacing               *prometheus.Desc
	decision, decidedAt                   *prometheus.Desc
	leader, reloaded, reloadAt            *prometheus.Desc

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
	const target, trigger = "target", "trigger" // which of several queries; "" if there is only one
	return &Metrics{
		decisions: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "camunda_scaler_decisions_total",
			Help: "Decisions by action and reason; a hold counts once per interval.",
		}, []string{"target", "action", "reason"}),
		errors: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "camunda_scaler_errors_total",
			Help: "Failed requests to Prometheus (query) and to the API server (read, write) by cause.",
		}, []string{"target", "operation", "cause"}),
		foreign: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "camunda_scaler_foreign_changes_total",
			Help: "Changes of the workload's spec.replicas by somebody else.",
		}, []string{"target"}),
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
		value:       desc("sample_value", "The sample that was last decided on.", target, trigger),
		age:         desc("sample_age_seconds", "Age of the newest sample known.", target, trigger),
		perInstance: desc("per_instance", "The sample last decided on divided by the replicas.", target, trigger),
		rule:        desc("rule", "The numbers that the rule compares with, per replica or with the total.", target, trigger, "parameter", "per"),
		replicas:    desc("replicas", "The workload's spec.replicas, as last seen.", target),
		ready:       desc("ready_replicas", "The workload's status.readyReplicas, as last seen.", target),
		least:       desc("min_replicas", "The fewest replicas that are allowed now.", target),
		most:        desc("max_replicas", "The most replicas that are allowed now.", target),
		desired:     desc("desired_replicas", "The replicas that the last decision asked for.", target),
		lag:         desc("loop_lag_seconds", "From the scrape of the sample last decided on to the end of what was done about it.", target),
		holding:     desc("holding", "1 for what now keeps the rule from being applied; absent if nothing does.", target, "reason"),
		paused:      desc("paused", "Whether the target is paused: 1, or 0.", target),
		info:        desc("target_info", "The workload that a target scales, and whether the target is a dry run; always 1.", target, "workload_namespace", "workload_kind", "workload_name", "dry_run"),
		interval:    desc("interval_seconds", "The configured time between two decisions.", target),
		spacing:     desc("sample_interval_seconds", "Time between two samples of the query, as observed; absent until it is known.", target, trigger),
		decision:    desc("last_decision", "The last decision, by action and reason; always 1.", target, "action", "reason"),
		decidedAt:   desc("last_decision_timestamp_seconds", "When the target was last decided on, or when its loop started if it never was.", target),
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
		foreign:   m.foreign.WithLabelValues(name),
		request:   m.request,
		sampled:   map[string]time.Time{},
	}
	// The first step must show as an increase. Errors have no series before the
	// first one of their kind: with thousands of targets nearly all would be 0.
	t.decisions.WithLabelValues(string(decide.Up), string(decide.LoadHigh))
	t.decisions.WithLabelValues(string(decide.Down), string(decide.LoadLow))
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
	m.foreign.DeleteLabelValues(name)
}

// QueryTook observes how long a query took.
func (m *Metrics) QueryTook(d time.Duration) { m.query.Observe(d.Seconds()) }

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
	m.foreign.Describe(ch)
	m.query.Describe(ch)
	m.request.Describe(ch)
	for _, d := range []*prometheus.Desc{
		m.value, m.age, m.perInstance, m.rule, m.replicas, m.ready, m.desired, m.least, m.most,
		m.lag, m.holding, m.paused, m.info, m.interval, m.spacing, m.decision, m.decidedAt, m.leader, m.reloaded, m.reloadAt,
	} {
		ch <- d
	}
}

// Collect implements prometheus.Collector.
func (m *Metrics) Collect(ch chan<- prometheus.Metric) {
	m.decisions.Collect(ch)
	m.errors.Collect(ch)
	m.foreign.Collect(ch)
	m.query.Collect(ch)
	m.request.Collect(ch)
	m.mu.Lock()
	defer m.mu.Unlock()
	m.collectOwn(ch)
	for name, t := range m.targets {
		t.collect(m, func(d *prometheus.Desc, v float64, labels ...string) {
			ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, append([]string{name}, labels...)...)
		})
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
