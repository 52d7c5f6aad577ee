// Package metrics exports the scaler's metrics. What is not known is absent; it
// is never 0.
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
	decisions, errors, foreign         *prometheus.CounterVec
	query, queued, requestQueued       prometheus.Histogram
	request                            *prometheus.HistogramVec
	value, age, perInstance, rule      *prometheus.Desc
	replicas, ready, desired, min, max *prometheus.Desc
	lag, holding, paused               *prometheus.Desc
	info, interval, spacing            *prometheus.Desc
	decision, decidedAt                *prometheus.Desc
	leader, reloaded, reloadAt         *prometheus.Desc
	shadow, compared, same             *prometheus.Desc // of a dry run
	replicaTime, aboveTime             *prometheus.Desc

	// MergeGroups makes the workloads of a group one target: the group. Numbers
	// of replicas, values and decisions are added up; of ages, lags and the like
	// the worst is exported. It is set before the first target is made.
	MergeGroups bool

	mu       sync.Mutex
	targets  map[string]*Target // by the name of the target, or of a group's member
	leads    func() bool        // nil: not exported
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
			Help: "Decisions by action and reason, about one per interval.",
		}, []string{"target", "action", "reason"}),
		errors: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "camunda_scaler_errors_total",
			Help: "Failed requests to Prometheus (query) and to the API server (read, write), by cause. Absent until the first of a kind.",
		}, []string{"target", "operation", "cause"}),
		foreign: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "camunda_scaler_foreign_changes_total",
			Help: "Changes of the workload's spec.replicas by another writer. Absent until the first.",
		}, []string{"target"}),
		query: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name:    "camunda_scaler_query_duration_seconds",
			Help:    "Duration of queries to Prometheus, failed ones included.",
			Buckets: buckets,
		}),
		queued: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name:    "camunda_scaler_query_queue_duration_seconds",
			Help:    "Time that queries to Prometheus waited because the maximum was in flight.",
			Buckets: buckets,
		}),
		request: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "camunda_scaler_api_request_duration_seconds",
			Help:    "Duration of requests to the API server, failed ones included: reads and writes of workloads, and Events.",
			Buckets: buckets,
		}, []string{"operation"}),
		requestQueued: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name:    "camunda_scaler_kubernetes_queue_duration_seconds",
			Help:    "Time that requests to the API server waited because the maximum was in flight, or because it asked to wait.",
			Buckets: buckets,
		}),
		value:       desc("sample_value", "Value of the sample last decided on.", target, trigger),
		age:         desc("sample_age_seconds", "Age of the newest sample. It rises while there is no newer one.", target, trigger),
		perInstance: desc("per_instance", "What the rule compares: the sample's value per replica, or in all.", target, trigger),
		rule:        desc("rule", "Bounds of the rule, per replica or for the total.", target, trigger, "parameter", "per"),
		replicas:    desc("replicas", "The workload's spec.replicas.", target),
		ready:       desc("ready_replicas", "The workload's status.readyReplicas.", target),
		min:         desc("min_replicas", "Minimum of replicas in force now, by rule or calendar.", target),
		max:         desc("max_replicas", "Maximum of replicas in force now, by rule, calendar or max_replicas_query. Absent while that query gives no number.", target),
		desired:     desc("desired_replicas", "Replicas that the last decision asked for.", target),
		lag:         desc("loop_lag_seconds", "Time from the sample last decided on to the end of the decision, a write included.", target),
		holding:     desc("holding", "1 for the reason that keeps the rule from being applied; absent if there is none.", target, "reason"),
		paused:      desc("paused", "1 if the target is paused, else 0.", target),
		info:        desc("target_info", "Workload of the target, and whether the target is a dry run. Always 1.", target, "workload_namespace", "workload_kind", "workload_name", "dry_run"),
		interval:    desc("interval_seconds", "Configured time between two decisions.", target),
		spacing:     desc("sample_interval_seconds", "Time between two samples, as observed. Absent until three were seen.", target, trigger),
		decision:    desc("last_decision", "Action and reason of the last decision. Always 1.", target, "action", "reason"),
		decidedAt:   desc("last_decision_timestamp_seconds", "Time of the last decision, or of the loop's start if there was none.", target),
		shadow:      desc("shadow_replicas", "Replicas that the workload of a dry run would have, had it followed the scaler's decisions from the start.", target),
		compared:    desc("dry_run_seconds_total", "Time of a dry run in which its workload's replicas were compared with the shadow's.", target),
		same:        desc("dry_run_same_replicas_seconds_total", "Time of a dry run in which both had as many replicas.", target),
		leader:      desc("leader", "1 if this scaler leads, 0 if it stands by."),
		reloaded:    desc("config_last_reload_successful", "1 if the last reload of the configuration succeeded, 0 if the previous configuration stays in force."),
		reloadAt:    desc("config_last_reload_success_timestamp_seconds", "Time at which the configuration in force was loaded."),
		replicaTime: desc("dry_run_replica_seconds_total", "Replicas of a dry run times their seconds: of the workload (real) and of the shadow.", target, "course"),
		aboveTime:   desc("dry_run_above_bound_seconds_total", "Time of a dry run in which the load of a trigger was at its upper bound or above, for the workload's replicas (real) and for the shadow's.", target, "course"),
		targets:     map[string]*Target{},
	}
}

// Target returns the named target's metrics, new ones if there are none yet.
func (m *Metrics) Target(name string) *Target { return m.target(name, name) }

// Member returns the metrics of the named member of a group, new ones if there
// are none yet.
func (m *Metrics) Member(group, name string) *Target {
	if m.MergeGroups {
		return m.target(name, group)
	}
	return m.target(name, name)
}

// target returns metrics that are exported with a label.
func (m *Metrics) target(name, label string) *Target {
	m.mu.Lock()
	defer m.mu.Unlock()
	if t, ok := m.targets[name]; ok {
		return t
	}
	t := &Target{
		decisions: m.decisions.MustCurryWith(prometheus.Labels{"target": label}),
		errors:    m.errors.MustCurryWith(prometheus.Labels{"target": label}),
		foreign:   m.foreign,
		label:     label,
		merged:    label != name,
	}
	// The first step must show as an increase. Errors have no series before the
	// first one of their kind: with thousands of targets nearly all would be 0.
	t.decisions.WithLabelValues(string(decide.Up), string(decide.LoadHigh))
	t.decisions.WithLabelValues(string(decide.Down), string(decide.LoadLow))
	m.targets[name] = t
	return t
}

// Remove drops all series of the named target, of a group's with its last member.
func (m *Metrics) Remove(name string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	removed, ok := m.targets[name]
	if !ok {
		return
	}
	delete(m.targets, name)
	for _, t := range m.targets {
		if removed.merged && t.label == removed.label {
			return
		}
	}
	m.decisions.DeletePartialMatch(prometheus.Labels{"target": removed.label})
	m.errors.DeletePartialMatch(prometheus.Labels{"target": removed.label})
	m.foreign.DeleteLabelValues(removed.label)
}

// SetLeader sets how to find out whether this scaler leads.
func (m *Metrics) SetLeader(leads func() bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.leads = leads
}

// Reloaded notes whether the configuration was loaded, now.
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
	m.queued.Describe(ch)
	m.request.Describe(ch)
	m.requestQueued.Describe(ch)
	for _, d := range []*prometheus.Desc{
		m.value, m.age, m.perInstance, m.rule, m.replicas, m.ready, m.desired, m.min, m.max,
		m.lag, m.holding, m.paused, m.info, m.interval, m.spacing, m.decision, m.decidedAt, m.leader, m.reloaded, m.reloadAt,
		m.shadow, m.compared, m.same, m.replicaTime, m.aboveTime,
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
	m.queued.Collect(ch)
	m.request.Collect(ch)
	m.requestQueued.Collect(ch)
	m.mu.Lock()
	defer m.mu.Unlock()
	m.collectOwn(ch)
	merged := merge{}
	for _, t := range m.targets {
		export := func(d *prometheus.Desc, kind prometheus.ValueType, v float64, labels ...string) {
			ch <- prometheus.MustNewConstMetric(d, kind, v, append([]string{t.label}, labels...)...)
		}
		if t.merged {
			export = func(d *prometheus.Desc, kind prometheus.ValueType, v float64, labels ...string) {
				if kind == prometheus.GaugeValue { // a sum of totals would fall with each member that goes
					merged.add(m.merges(d), d, v, append([]string{t.label}, labels...))
				}
			}
		}
		t.collect(m, export)
	}
	merged.collect(ch)
}

// collectOwn collects what belongs to no target.
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
