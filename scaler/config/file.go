package config

import (
	"time"

	commoncfg "github.com/prometheus/common/config"
	"github.com/prometheus/common/model"

	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/calendar"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/decide"
)

// The types below are what a file looks like. Their tags are the one place that
// describes a key; parser, defaults, flags, schema and docs/configuration.md
// follow from them:
//
//	yaml      the key
//	default   its value if it is left out
//	otherwise what applies instead, if that is no fixed value
//	required  that it cannot be left out
//	flag      the flag that sets it where there is no file
//	doc       what it does, in Markdown with {} around code
//
// A pointer is nil, and text "", if the key has no default and was left out.
type file struct {
	Prometheus   filePrometheus  `yaml:"prometheus" doc:"The server that answers the queries, unless a target names its own."`
	Interval     model.Duration  `yaml:"interval" default:"10s" flag:"interval" doc:"Time between two decisions; 1s or more."`
	MaxSampleAge *model.Duration `yaml:"max_sample_age,omitempty" otherwise:"three times the spacing of the samples, 30s to 15m" flag:"max-sample-age" doc:"An older sample is stale, and the target holds. If it is set, it is exact."`
	Targets      []fileTarget    `yaml:"targets" required:"true" doc:"What is scaled, and by which load."`
}

type filePrometheus struct {
	URL    string                     `yaml:"url" default:"http://prometheus:9090" flag:"prometheus.url" doc:"Address of Prometheus. Its query parameters are sent with every query."`
	Params map[string][]string        `yaml:"params" doc:"More query parameters: name to list of values."`
	HTTP   commoncfg.HTTPClientConfig `yaml:"http_client" flag:"prometheus.config.file" doc:"Authentication, TLS, headers and proxy: Prometheus's [{http_config}](https://prometheus.io/docs/prometheus/latest/configuration/configuration/#http_config). Secrets must be in files of their own. Redirects are followed within the server, or to the same host with TLS. The flag names a YAML file with these options."`
}

// fileServer is filePrometheus for one target. There is no flag for it.
type fileServer struct {
	URL    string                     `yaml:"url" required:"true" doc:"As {prometheus.url}."`
	Params map[string][]string        `yaml:"params,omitempty" doc:"As {prometheus.params}."`
	HTTP   commoncfg.HTTPClientConfig `yaml:"http_client" doc:"As {prometheus.http_client}."`
}

type fileTarget struct {
	Name             string         `yaml:"name" otherwise:"the workload's name" doc:"Name in the log and the metrics. Required with {workloads}."`
	Workload         *fileWorkload  `yaml:"workload,omitempty" doc:"The workload to scale."`
	Workloads        *fileWorkloads `yaml:"workloads,omitempty" doc:"Instead of {workload}: scale every workload that the query's labels name, so that one query serves all."`
	Prometheus       *fileServer    `yaml:"prometheus,omitempty" doc:"The server that answers this target's queries, instead of the one for all. Targets with the same options share its connections."`
	Query            string         `yaml:"query,omitempty" default:"camunda_process_instances_recently_started{window=\"10s\"}" flag:"query" doc:"PromQL that returns one series or a scalar. With {workloads} it returns one series for each workload, and has no default."`
	TimestampQuery   string         `yaml:"timestamp_query,omitempty" otherwise:"none; for the default query, the end of the counted window" flag:"timestamp-query" doc:"PromQL that returns the time of the newest sample, in Unix seconds. Needed if {query} is more than a selector."`
	OnNoData         onNoData       `yaml:"on_no_data,omitempty" default:"hold" doc:"{hold}: do nothing without data. {zero}: an empty answer, and only that, is 0. {fallback}: after {max_sample_age} without data, scale up to {fallback_replicas}, never down."`
	FallbackReplicas *int32         `yaml:"fallback_replicas,omitempty" doc:"Required with {on_no_data: fallback}; from {min_replicas} to {max_replicas}."`
	Triggers         []fileTrigger  `yaml:"triggers,omitempty" doc:"Instead of {query}: several queries, each with its own rule. [Any of them scales up, all have to agree to scale down](triggers.md)."`
	Rule             fileRule       `yaml:"rule" doc:"How many replicas the value asks for, and the limits."`

	ScaleUpDelay      model.Duration `yaml:"scale_up_delay" default:"0s" doc:"The load must ask for a step up for this long, [without a break](triggers.md#delays)."`
	ScaleDownDelay    model.Duration `yaml:"scale_down_delay" default:"0s" doc:"The load must ask for a step down for this long, without a break."`
	ScaleToZeroDelay  model.Duration `yaml:"scale_to_zero_delay" default:"5m" doc:"The load must ask for [no replicas](zero.md) for this long, without a break, before the last one goes."`
	ScaleDownCoverage model.Duration `yaml:"scale_down_coverage" default:"0s" doc:"Samples must have arrived for this long, without a gap, before a step down."`
	HoldAfterStart    model.Duration `yaml:"hold_after_start" default:"0s" doc:"No step for this long after the scaler started or took the lead."`
	WaitForReady      bool           `yaml:"wait_for_ready" default:"false" doc:"After a step up, load adds no more replicas until all are ready, for at most 10 minutes."`

	Calendar []fileWindow  `yaml:"calendar,omitempty" doc:"Limits for certain times. Of the active entries, the first that names a limit decides it; otherwise the rule's limit applies."`
	DryRun   bool          `yaml:"dry_run" default:"false" doc:"Never write; log what would be done. {--dry-run} sets it for all targets."`
	BusyPods *fileBusyPods `yaml:"busy_pods,omitempty" doc:"[Gentle steps down](gentle.md): which Pods work, so that those go that do not."`

	Paused      paused    `yaml:"paused" default:"false" doc:"{true}: never write. {up} or {down}: no step in that direction. The reason is {paused}."`
	PausedUntil *fileTime `yaml:"paused_until,omitempty" doc:"When the pause ends, for example {2026-12-01T08:00:00Z}."`
}

type fileBusyPods struct {
	Query       string         `yaml:"query" required:"true" doc:"PromQL that returns one series for each Pod: 0 or less if it is idle, else how busy it is. A Pod without a series counts as busy."`
	PodLabel    string         `yaml:"pod_label" default:"pod" doc:"The label that has the Pod's name."`
	WaitForIdle model.Duration `yaml:"wait_for_idle" default:"0s" doc:"A step down waits until as many Pods are idle as are to go, for at most this long."`
	OnError     onError        `yaml:"on_error" default:"hold" doc:"What to do if it is not known which Pods work, or they cannot be marked. {hold}: no step down. {step}: step all the same."`
}

type fileWorkload struct {
	APIVersion string `yaml:"api_version" default:"apps/v1" flag:"target.api-version" doc:"API version, as in a manifest."`
	Kind       string `yaml:"kind" default:"Deployment" flag:"target.kind" doc:"Any kind with a scale subresource."`
	Namespace  string `yaml:"namespace" default:"default" flag:"target.namespace" doc:"Namespace of the workload."`
	Name       string `yaml:"name" default:"camunda-deployment" flag:"target.name" doc:"Name of the workload."`
}

type fileWorkloads struct {
	APIVersion     string `yaml:"api_version" default:"apps/v1" doc:"API version, as in a manifest."`
	Kind           string `yaml:"kind" default:"Deployment" doc:"Any kind with a scale subresource."`
	NamespaceLabel string `yaml:"namespace_label,omitempty" doc:"The label that has the workload's namespace."`
	Namespace      string `yaml:"namespace,omitempty" doc:"Instead of {namespace_label}, if all workloads are in one namespace."`
	NameLabel      string `yaml:"name_label" required:"true" doc:"The label that has the workload's name."`
}

type fileTrigger struct {
	Name             string         `yaml:"name" required:"true" doc:"Name in the log and the metrics."`
	Query            string         `yaml:"query" required:"true" doc:"PromQL that returns one series or a scalar; with {workloads}, one series for each workload."`
	TimestampQuery   string         `yaml:"timestamp_query,omitempty" otherwise:"none" doc:"As {targets[].timestamp_query}."`
	Optional         bool           `yaml:"optional" default:"false" doc:"While it has no data, the others decide without it. A trigger that is not optional keeps the target from scaling down while it has no data."`
	OnNoData         onNoData       `yaml:"on_no_data" default:"hold" doc:"As {targets[].on_no_data}."`
	FallbackReplicas *int32         `yaml:"fallback_replicas,omitempty" doc:"As {targets[].fallback_replicas}."`
	Rule             fileThresholds `yaml:"rule" doc:"How many replicas this value asks for. With triggers, {targets[].rule} has only the limits and steps."`
}

// fileThresholds turn a value into replicas.
type fileThresholds struct {
	Type            ruleType `yaml:"type,omitempty" default:"step" doc:"{step}: a step up or down at a bound. {target}: the fewest replicas with which none has more than {value_per_replica}."`
	ScaleUpAt       *float64 `yaml:"scale_up_at,omitempty" default:"50" flag:"rule.scale-up-at" doc:"Step up when the value per replica is this or more. Must be above {scale_down_at}."`
	ScaleDownAt     *float64 `yaml:"scale_down_at,omitempty" default:"20" flag:"rule.scale-down-at" doc:"Step down when the value per replica is this or less."`
	ValuePerReplica *float64 `yaml:"value_per_replica,omitempty" doc:"The most that one replica should have, exactly. Only with {type: target}, and required there."`
	Per             per      `yaml:"per,omitempty" default:"replica" doc:"What a step rule compares: {replica} the value divided by the replicas, {total} the value itself."`
}

type fileRule struct {
	fileThresholds `yaml:",inline"` // not with triggers, which have their own

	StepUp           *int32 `yaml:"step_up,omitempty" otherwise:"1; no limit if all rules are {target}" doc:"Replicas added at most in one step, whatever the reason."`
	StepDown         *int32 `yaml:"step_down,omitempty" otherwise:"1; no limit if all rules are {target}" doc:"Replicas removed at most in one step, whatever the reason."`
	MinReplicas      int32  `yaml:"min_replicas" default:"1" flag:"rule.min-replicas" doc:"The minimum. Reached by steps, also without data. [0](zero.md) needs rules that do not divide by the replicas."`
	MaxReplicas      int32  `yaml:"max_replicas" default:"4" flag:"rule.max-replicas" doc:"The maximum: load never scales above it. More replicas were set by hand, and stay until the load is low."`
	MaxReplicasQuery string `yaml:"max_replicas_query,omitempty" doc:"PromQL of one number that caps scale-up as well, for example a topic's partitions. Without a result, load never scales up."`
	AllowFlapping    bool   `yaml:"allow_flapping" default:"false" flag:"rule.allow-flapping" doc:"Accept a rule that [flaps](flapping.md) at a constant load."`
}

type fileWindow struct {
	Name        string         `yaml:"name" required:"true" doc:"Name in the log."`
	Location    string         `yaml:"location" required:"true" doc:"Time zone, for example {Europe/Berlin}."`
	Times       calendar.Times `yaml:"times" required:"true" doc:"Alertmanager's [{time_intervals}](https://prometheus.io/docs/alerting/latest/configuration/#time_interval). A time over midnight takes two, one to 24:00 and one from 00:00."`
	MinReplicas *int32         `yaml:"min_replicas,omitempty" doc:"Minimum while the entry is active. Reached by steps, also without data."`
	MaxReplicas *int32         `yaml:"max_replicas,omitempty" doc:"Maximum while the entry is active. Reached by steps, only with data. It wins over a higher minimum."`
}

// The words that a file may use.
type (
	ruleType string
	per      string
	onNoData string
	onError  string
	paused   string
)

const (
	holdOnError onError = "hold"
	stepOnError onError = "step"

	notPaused  paused = "false"
	pausedBoth paused = "true"
	pausedUp   paused = "up"
	pausedDown paused = "down"
)

// MarshalYAML writes a boolean as one.
func (p paused) MarshalYAML() (any, error) {
	switch p {
	case notPaused:
		return false, nil
	case pausedBoth:
		return true, nil
	}
	return string(p), nil
}

// fileTime is a time as in RFC 3339.
type fileTime string

func (t fileTime) parse() (time.Time, error) { return time.Parse(time.RFC3339, string(t)) }

const (
	perReplica per = "replica"
	perTotal   per = "total"
)

func (ruleType) words() (words []string) {
	for _, kind := range decide.Kinds() {
		words = append(words, string(kind))
	}
	return words
}
func (onError) words() []string { return []string{string(holdOnError), string(stepOnError)} }
func (paused) words() []string {
	return []string{string(notPaused), string(pausedBoth), string(pausedUp), string(pausedDown)}
}
func (per) words() []string { return []string{string(perReplica), string(perTotal)} }
func (onNoData) words() []string {
	return []string{string(decide.HoldOnNoData), string(decide.ZeroOnNoData), string(decide.FallbackOnNoData)}
}
