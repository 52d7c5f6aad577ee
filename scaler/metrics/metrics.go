// Package metrics exports the scaler's metrics. What is not known is absent; it
// is never 0.
package metrics

import (
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Operation is what was being done when an error occurred.
type Operation string

// The operations.
const (
	Query Operation = "query" // ask Prometheus
	Read  Operation = "read"  // read the workload's scale
	Write Operation = "write" // write it
)

// Metrics are the scaler's own, which it collects, and those of all targets,
// which can be hundreds of thousands: see Gather and Handler.
type Metrics struct {
	query, queued, requestQueued, lag prometheus.Histogram
	request                           *prometheus.HistogramVec
	decisions                         *prometheus.CounterVec
	leader, interval                  *prometheus.Desc
	reloaded, reloadAt                *prometheus.Desc

	families
	steps, errors, foreign             *family
	value, age, rule                   *family
	replicas, ready, desired, min, max *family
	holding, paused                    *family
	info, spacing                      *family
	decidedAt, members                 *family
	shadow, compared, same             *family // of a dry run
	replicaTime, aboveTime             *family

	// MergeGroups makes the workloads of a group one target: the group. Numbers
	// of replicas, values and decisions are added up; of ages and the like the
	// worst is exported. It is set before the first target is made.
	MergeGroups bool

	mu       sync.Mutex
	targets  map[string]*Target // by the name of the target, or of a group's member
	totals   map[string]*totals // by label
	leads    func() bool        // nil: not exported
	reloads  reloadState
	reloadOK time.Time
	every    time.Duration // between two decisions; 0 until a configuration is loaded
}

type reloadState int

const (
	neverLoaded reloadState = iota
	loaded
	refused
)

const prefix = "camunda_scaler_"

// buckets reach to the time after which a request is given up, those of the lag
// to intervals of a minute.
var (
	buckets    = []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5}
	lagBuckets = []float64{.01, .025, .05, .075, .1, .15, .2, .3, .5, .75, 1, 1.5, 2, 3, 5, 10, 30, 60}
)

// New returns metrics without targets.
func New() *Metrics {
	desc := func(name, help string) *prometheus.Desc { return prometheus.NewDesc(prefix+name, help, nil, nil) }
	const target, trigger = "target", "trigger" // which of several queries; "" if there is only one
	m := &Metrics{
		query: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name:    prefix + "query_duration_seconds",
			Help:    "Duration of queries to Prometheus, failed ones included.",
			Buckets: buckets,
		}),
		queued: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name:    prefix + "query_queue_duration_seconds",
			Help:    "Time that queries to Prometheus waited because the maximum was in flight.",
			Buckets: buckets,
		}),
		request: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    prefix + "api_request_duration_seconds",
			Help:    "Duration of requests to the API server, failed ones included: reads and writes of workloads, and Events.",
			Buckets: buckets,
		}, []string{"operation"}),
		requestQueued: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name:    prefix + "kubernetes_queue_duration_seconds",
			Help:    "Time that requests to the API server waited because the maximum was in flight, or because it asked to wait.",
			Buckets: buckets,
		}),
		lag: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name:    prefix + "loop_lag_seconds",
			Help:    "Time from a sample to the end of the decision on it, a write included.",
			Buckets: lagBuckets,
		}),
		decisions: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: prefix + "decisions_total",
			Help: "Decisions on all targets, about one per target and interval.",
		}, []string{"action", "reason"}),
		leader:   desc("leader", "1 if this scaler leads, 0 if it stands by."),
		interval: desc("interval_seconds", "Configured time between two decisions."),
		reloaded: desc("config_last_reload_successful", "1 if the last reload of the configuration succeeded, 0 if the previous configuration stays in force."),
		reloadAt: desc("config_last_reload_success_timestamp_seconds", "Time at which the configuration in force was loaded."),
		targets:  map[string]*Target{}, totals: map[string]*totals{},
	}
	counter, sum, highest, lowest, shared := m.counter, m.sum, m.highest, m.lowest, m.shared
	m.steps = counter("steps_total", "Steps that were written, by direction and reason. Absent until the first of a kind.", target, "action", "reason")
	m.errors = counter("errors_total", "Failed requests to Prometheus (query) and to the API server (read, write), by cause. Absent until the first of a kind.", target, "operation", "cause")
	m.foreign = counter("foreign_changes_total", "Changes of the workload's spec.replicas by another writer. Absent until the first.", target)
	m.value = sum("sample_value", "Value of the sample last decided on.", target, trigger)
	m.age = highest("sample_age_seconds", "Age of the newest sample. It rises while there is no newer one.", target, trigger)
	m.rule = shared("rule", "Bounds of the rule, per replica or for the total. A group has them once, under its own name.", target, trigger, "parameter", "per")
	m.replicas = sum("replicas", "The workload's spec.replicas.", target)
	m.ready = sum("ready_replicas", "The workload's status.readyReplicas.", target)
	m.min = sum("min_replicas", "Minimum of replicas in force now, by rule or calendar.", target)
	m.max = sum("max_replicas", "Maximum of replicas in force now, by rule, calendar or max_replicas_query. Absent while that query gives no number.", target)
	m.desired = sum("desired_replicas", "Replicas that the last decision asked for.", target)
	m.holding = sum("holding", "1 for the reason that keeps the rule from being applied; absent if there is none.", target, "reason")
	m.paused = lowest("paused", "1 if the target is paused, 0.5 if steps in one direction are. Absent if it is not.", target)
	m.paused.optional = true
	m.info = highest("target_info", "Workload of the target, the group that it is a member of (its own name if of none), and whether it is a dry run. Always 1.", target, "group", "workload_namespace", "workload_kind", "workload_name", "dry_run")
	m.spacing = highest("sample_interval_seconds", "Time between two samples, as observed. Absent until three were seen.", target, trigger)
	m.decidedAt = lowest("last_decision_timestamp_seconds", "Time of the last decision, with its action and reason. Without these: of the loop's start before the first decision, or of the oldest last decision of a merged group.", target, "action", "reason")
	m.members = sum("group_members", "Workloads of a merged group, by action and reason of their last decision.", target, "action", "reason")
	m.shadow = sum("shadow_replicas", "Replicas that the workload of a dry run would have, had it followed the scaler's decisions from the start.", target)
	m.compared = counter("dry_run_seconds_total", "Time of a dry run in which its workload's replicas were compared with the shadow's.", target)
	m.same = counter("dry_run_same_replicas_seconds_total", "Time of a dry run in which both had as many replicas.", target)
	m.replicaTime = counter("dry_run_replica_seconds_total", "Replicas of a dry run times their seconds: of the workload (real) and of the shadow.", target, "course")
	m.aboveTime = counter("dry_run_above_bound_seconds_total", "Time of a dry run in which the load of a trigger was at its upper bound or above, for the workload's replicas (real) and for the shadow's.", target, "course")
	return m
}

// Target returns the named target's metrics, new ones if there are none yet.
func (m *Metrics) Target(name string) *Target { return m.target(name, name, name) }

// Member returns the metrics of the named member of a group, new ones if there
// are none yet.
func (m *Metrics) Member(group, name string) *Target {
	if m.MergeGroups {
		return m.target(name, group, group)
	}
	return m.target(name, name, group)
}

// target returns metrics that are exported with a label.
func (m *Metrics) target(name, label, group string) *Target {
	m.mu.Lock()
	defer m.mu.Unlock()
	if t, ok := m.targets[name]; ok {
		return t
	}
	of := m.totals[label]
	if of == nil {
		of = &totals{}
		m.totals[label] = of
	}
	of.members++
	t := &Target{totals: of, all: m, label: label, group: group, merged: label != name}
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
	if removed.totals.members--; removed.totals.members == 0 {
		delete(m.totals, removed.label)
	}
}

// SetLeader sets how to find out whether this scaler leads.
func (m *Metrics) SetLeader(leads func() bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.leads = leads
}

// Loaded notes that a configuration is in force from now on, and how often it
// has decisions made.
func (m *Metrics) Loaded(interval time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.reloads, m.reloadOK, m.every = loaded, time.Now(), interval
}

// Refused notes that a reload has failed.
func (m *Metrics) Refused() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.reloads = refused
}

// Describe implements prometheus.Collector.
func (m *Metrics) Describe(ch chan<- *prometheus.Desc) {
	m.query.Describe(ch)
	m.queued.Describe(ch)
	m.request.Describe(ch)
	m.requestQueued.Describe(ch)
	m.lag.Describe(ch)
	m.decisions.Describe(ch)
	for _, d := range []*prometheus.Desc{m.leader, m.interval, m.reloaded, m.reloadAt} {
		ch <- d
	}
}

// Collect implements prometheus.Collector: it collects what belongs to no target.
func (m *Metrics) Collect(ch chan<- prometheus.Metric) {
	m.query.Collect(ch)
	m.queued.Collect(ch)
	m.request.Collect(ch)
	m.requestQueued.Collect(ch)
	m.lag.Collect(ch)
	m.decisions.Collect(ch)
	m.mu.Lock()
	defer m.mu.Unlock()
	gauge := func(d *prometheus.Desc, v float64) { ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v) }
	if m.leads != nil {
		gauge(m.leader, boolValue(m.leads()))
	}
	if m.every > 0 {
		gauge(m.interval, m.every.Seconds())
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
