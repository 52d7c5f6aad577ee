// Package api serves decisions as JSON over HTTP, and reads them there.
package api

//go:generate go test -run SchemaIsThatOfTheTypes -update .

import "time"

// Targets is the answer to GET /api/v1/targets.
type Targets struct {
	Scaler  Scaler   `json:"scaler"`
	Total   int      `json:"total" doc:"Targets that match the search."`
	Targets []Target `json:"targets" doc:"By name: those from offset on, limit at most."`
	Groups  []Group  `json:"groups" doc:"Targets whose queries name their workloads."`
}

// Decisions is the answer to GET /api/v1/decisions.
type Decisions struct {
	Scaler    Scaler     `json:"scaler"`
	Target    Target     `json:"target"`
	Decisions []Decision `json:"decisions" doc:"The newest first, limit at most."`
	Before    *time.Time `json:"before,omitempty" doc:"Ask for before=THIS to get those that follow. Absent if there are none."`
	Event     *Event     `json:"event,omitempty" doc:"The last Event of a scaler on the workload. Only if no step of this scaler is known."`
}

// Error is the answer to a request that is refused.
type Error struct {
	Error string `json:"error"`
}

// Scaler is the process that answers.
type Scaler struct {
	Version string `json:"version"`
	Leads   bool   `json:"leads" doc:"Whether this process decides. Always, unless there is a leader election."`
	Leader  string `json:"leader,omitempty" doc:"Who leads, if another does: POD_ID. Absent if unknown."`
}

// Group is a target whose queries name its workloads.
type Group struct {
	Name      string `json:"name"`
	Workloads int    `json:"workloads" doc:"Targets that it has now."`
}

// Target is a workload that is scaled.
type Target struct {
	Name       string     `json:"name" doc:"As in the log and the metrics. A member of a group is GROUP/NAMESPACE/WORKLOAD."`
	Namespace  string     `json:"namespace" doc:"Of the workload."`
	Workload   string     `json:"workload" doc:"KIND/NAME, the kind in lower case."`
	DryRun     bool       `json:"dry_run"`
	State      string     `json:"state" doc:"The msg of the last decision's line in the log; or 'not decided yet', or 'not running', then the rest is of the past."`
	Since      *time.Time `json:"since,omitempty" doc:"Since when action and reason are those of the last decision."`
	Last       *Decision  `json:"last,omitempty" doc:"The last decision."`
	LastAction *Decision  `json:"last_action,omitempty" doc:"The last step, in a dry run one that would have been taken."`
}

// Decision is one decision, what it was made from, and what became of it.
type Decision struct {
	Time           time.Time `json:"time" doc:"When it was made, by the scaler's clock."`
	PrometheusTime time.Time `json:"prometheus_time" doc:"The same by Prometheus's clock, which ages go by."`
	Action         string    `json:"action" doc:"up, down or none." enum:"up,down,none"`
	Reason         string    `json:"reason" doc:"From a closed list." enum:"REASONS"`
	From           *int32    `json:"from,omitempty" doc:"Replicas before. Absent if they could not be read."`
	To             *int32    `json:"to,omitempty" doc:"Replicas after."`
	Did            string    `json:"did" doc:"What was done and why, in a sentence."`
	Next           string    `json:"next" doc:"What would have to change for a step."`
	Changes        []Change  `json:"changes" doc:"The same. Each is enough by itself; all that it names has to come together."`

	Trigger     string    `json:"trigger,omitempty" doc:"With several, the one that decided."`
	IdlePods    *int32    `json:"idle_pods,omitempty" doc:"Pods that the step can end without ending work, counted just before a step down."`
	PerInstance *float64  `json:"per_instance,omitempty" doc:"What its rule compared."`
	Bound       *float64  `json:"bound,omitempty" doc:"The rule's number that decided."`
	Load        string    `json:"load,omitempty" doc:"What the load asked for, before limits, waits and holds." enum:"up,down,none"`
	Triggers    []Trigger `json:"triggers" doc:"In the configuration's order."`
	NewSample   bool      `json:"new_sample" doc:"Whether there was a new sample. Without one the load moves nothing."`
	Workload    *Workload `json:"workload,omitempty" doc:"As it was read. Absent if it could not be."`
	Limits      *Limits   `json:"limits,omitempty" doc:"In force at that time. Absent if they were not looked at."`
	Waits       Waits     `json:"waits"`
	Block       *Block    `json:"block,omitempty" doc:"What forbade to write."`
	Foreign     *Foreign  `json:"foreign,omitempty" doc:"What another writer did to the replicas since the decision before."`
	DryRun      bool      `json:"dry_run"`
	Shadow      *Shadow   `json:"shadow,omitempty" doc:"Of a dry run: the same decision on the replicas that the workload would have if it followed such decisions."`
	LagSeconds  *float64  `json:"lag_seconds,omitempty" doc:"From the sample's time to the end of the decision, a write included."`
	Cause       string    `json:"cause,omitempty" doc:"What failed, in a word."`
	Error       string    `json:"error,omitempty" doc:"The same in full."`
}

// Shadow is a decision on the replicas of a dry run's shadow.
type Shadow struct {
	Action string `json:"action" enum:"up,down,none"`
	From   int32  `json:"from" doc:"Replicas before."`
	To     int32  `json:"to" doc:"Replicas after."`
	Reason string `json:"reason" doc:"From a closed list." enum:"REASONS"`
}

// Change is something that would lead to a step.
type Change struct {
	Action           string  `json:"action" enum:"up,down"`
	To               int32   `json:"to" doc:"Replicas after the step."`
	Values           []Value `json:"values,omitempty" doc:"New samples with these values."`
	Replicas         int32   `json:"replicas,omitempty" doc:"Another number of replicas."`
	MinReplicas      int32   `json:"min_replicas,omitempty" doc:"Another minimum."`
	MaxReplicas      int32   `json:"max_replicas,omitempty" doc:"Another maximum."`
	MaxReplicasQuery bool    `json:"max_replicas_query,omitempty" doc:"That is what max_replicas_query has to give, at least."`
	AnyData          bool    `json:"any_data,omitempty" doc:"Data of the triggers that have none, whatever the value."`
	NewSample        bool    `json:"new_sample,omitempty" doc:"A new sample with the value of the last."`
	NoData           bool    `json:"no_data,omitempty" doc:"Data that stay missing."`
	Unblocked        bool    `json:"unblocked,omitempty" doc:"Nothing that forbids to write."`
	AfterSeconds     float64 `json:"after_seconds,omitempty" doc:"For how long the rest has to last."`
	Ready            bool    `json:"ready,omitempty" doc:"Or until all Pods are ready."`
}

// Value is from where on a trigger's value is high or low enough.
type Value struct {
	Trigger string   `json:"trigger,omitempty"`
	AtLeast *float64 `json:"at_least,omitempty"`
	AtMost  *float64 `json:"at_most,omitempty"`
}

// Trigger is one query's answer, and its rule.
type Trigger struct {
	Name            string     `json:"name,omitempty" doc:"Absent if it is the only one."`
	Query           string     `json:"query"`
	Outcome         string     `json:"outcome" doc:"value, or why there is none." enum:"value,no_data,stale,sample_from_future,not_a_number,many_series,query_failed"`
	Value           *float64   `json:"value,omitempty"`
	Empty           bool       `json:"empty,omitempty" doc:"The answer was empty, which counts as 0 here."`
	Time            *time.Time `json:"time,omitempty" doc:"The sample's, by Prometheus's clock."`
	AgeSeconds      *float64   `json:"age_seconds,omitempty"`
	AgeUnknown      bool       `json:"age_unknown,omitempty" doc:"The time is that of the answer."`
	IntervalSeconds *float64   `json:"interval_seconds,omitempty" doc:"Between two samples, as observed. Absent until it is known."`
	MaxAgeSeconds   float64    `json:"max_age_seconds" doc:"An older sample is stale."`
	Series          int        `json:"series,omitempty" doc:"With many_series: how many."`
	Error           string     `json:"error,omitempty"`
	PerInstance     *float64   `json:"per_instance,omitempty" doc:"What the rule compares."`
	Asks            string     `json:"asks,omitempty" doc:"What it asks for by itself, before limits." enum:"up,down,none"`
	AsksFor         *int32     `json:"asks_for,omitempty" doc:"Replicas, within the limits."`
	Rule            Rule       `json:"rule"`
}

// Rule is how many replicas a value asks for.
type Rule struct {
	Type             string   `json:"type" enum:"step,target"`
	Per              string   `json:"per" enum:"replica,total"`
	ScaleUpAt        *float64 `json:"scale_up_at,omitempty"`
	ScaleDownAt      *float64 `json:"scale_down_at,omitempty"`
	ValuePerReplica  *float64 `json:"value_per_replica,omitempty"`
	Optional         bool     `json:"optional,omitempty"`
	OnNoData         string   `json:"on_no_data" enum:"hold,zero,fallback"`
	FallbackReplicas int32    `json:"fallback_replicas,omitempty"`
}

// Workload is what was read of a workload.
type Workload struct {
	Replicas int32  `json:"replicas" doc:"spec.replicas"`
	Ready    *int32 `json:"ready,omitempty" doc:"status.readyReplicas. Absent if unknown."`
	Paused   bool   `json:"paused" doc:"By annotations, in one direction or in both."`
	Writer   string `json:"writer,omitempty" doc:"The field manager that wrote the replicas last. Absent if unknown."`
}

// Limits bound the replicas.
type Limits struct {
	MinReplicas int32  `json:"min_replicas"`
	MaxReplicas *int32 `json:"max_replicas,omitempty" doc:"Absent if max_replicas_query gave no number."`
	Ceiling     int32  `json:"ceiling,omitempty" doc:"What more replicas are scaled down to. Absent without a maximum by the calendar."`
	MinBy       string `json:"min_by,omitempty" doc:"The calendar entry that sets it."`
	MaxBy       string `json:"max_by,omitempty" doc:"The calendar entry that sets it."`
	StepUp      int32  `json:"step_up,omitempty" doc:"Replicas in one step at most. Absent if unlimited."`
	StepDown    int32  `json:"step_down,omitempty"`
}

// Waits are what steps are postponed by, 0 if they are not.
type Waits struct {
	ScaleUpDelaySeconds      float64 `json:"scale_up_delay_seconds"`
	ScaleDownDelaySeconds    float64 `json:"scale_down_delay_seconds"`
	ScaleToZeroDelaySeconds  float64 `json:"scale_to_zero_delay_seconds"`
	ScaleDownCoverageSeconds float64 `json:"scale_down_coverage_seconds"`
	HoldAfterStartSeconds    float64 `json:"hold_after_start_seconds"`
	WaitForReady             bool    `json:"wait_for_ready"`
	WaitForIdleSeconds       float64 `json:"wait_for_idle_seconds"`
	LeftSeconds              float64 `json:"left_seconds,omitempty" doc:"Of what the reason names."`
}

// Block is why nothing may be written.
type Block struct {
	Reason      string  `json:"reason" enum:"paused,owned_by_other,contested"`
	By          string  `json:"by,omitempty" doc:"Of a pause: file or annotation; else the other writer, if it is known."`
	LeftSeconds float64 `json:"left_seconds,omitempty" doc:"Until it ends if nothing happens. Absent if unknown."`
}

// Foreign is what another writer did.
type Foreign struct {
	Kind string `json:"kind" enum:"changed,reverted,recreated"`
	From int32  `json:"from"`
	To   int32  `json:"to"`
}

// Event is a Kubernetes Event that a scaler put on the workload.
type Event struct {
	Time    *time.Time `json:"time,omitempty"`
	Reason  string     `json:"reason,omitempty" doc:"ScaledUp, ScaledDown or ScalingFailed."`
	Message string     `json:"message,omitempty"`
	Unknown string     `json:"unknown,omitempty" doc:"Why it is not known."`
}
