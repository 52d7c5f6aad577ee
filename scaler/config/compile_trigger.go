package config

import (
	"cmp"
	"strconv"
	"strings"

	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/decide"
)

// triggers returns the target's one query, or its list of triggers, each with
// its query.
func (t fileTarget) triggers(at section) ([]decide.Trigger, []Query) {
	if t.Triggers == nil {
		text := t.Query
		if t.Workloads != nil && !at.has("query") {
			text = "" // the default's labels name no workload
		}
		trigger := decide.Trigger{Rule: t.Rule.compile(at.under("rule"))}
		trigger.OnNoData, trigger.FallbackReplicas = t.OnNoData.compile(t.FallbackReplicas, at)
		return []decide.Trigger{trigger}, []Query{newQuery(text, t.TimestampQuery, t.OnNoData)}
	}
	t.refuseBesideTriggers(at)
	var triggers []decide.Trigger
	var queries []Query
	lines := map[string]int{}
	for i, ft := range t.Triggers {
		in := at.under("triggers", strconv.Itoa(i))
		if strings.TrimSpace(ft.Name) == "" {
			in.fault("name", "no name: want one, for the log and the metrics")
		} else if first, ok := lines[ft.Name]; ok {
			in.fault("name", "the name %q is already used by the trigger on line %d: want another name", ft.Name, first)
		}
		lines[ft.Name] = in.doc.line(in.path...)
		trigger := decide.Trigger{Name: ft.Name, Optional: ft.Optional, Rule: ft.Rule.compile(in.under("rule"))}
		trigger.OnNoData, trigger.FallbackReplicas = ft.OnNoData.compile(ft.FallbackReplicas, in)
		triggers = append(triggers, trigger)
		queries = append(queries, newQuery(ft.Query, ft.TimestampQuery, ft.OnNoData))
	}
	return triggers, queries
}

// refuseBesideTriggers reports keys that belong into each trigger.
func (t fileTarget) refuseBesideTriggers(at section) {
	if len(t.Triggers) == 0 {
		at.fault("triggers", "no triggers: want one or more, or query instead")
	}
	for _, key := range []string{"query", "timestamp_query", "on_no_data", "fallback_replicas"} {
		if at.has(key) {
			at.fault(key, "contradicts triggers: want it in each of them")
		}
	}
	rule := at.under("rule")
	for _, key := range []string{"type", "scale_up_at", "scale_down_at", "value_per_replica", "per"} {
		if rule.has(key) {
			rule.fault(key, "contradicts triggers: want it in the rule of each of them")
		}
	}
}

func newQuery(text, timestamp string, policy onNoData) Query {
	timestamp = strings.TrimSpace(timestamp)
	if strings.TrimSpace(text) == DefaultQuery {
		timestamp = cmp.Or(timestamp, DefaultTimestampQuery)
	}
	return Query{PromQL: text, Timestamp: timestamp, Zero: policy == onNoData(decide.ZeroOnNoData)}
}

func (r fileThresholds) compile(at section) decide.Rule {
	if decide.Kind(r.Type) == decide.Target {
		for _, key := range []string{"scale_up_at", "scale_down_at"} {
			if at.has(key) {
				at.fault(key, "contradicts type: target: want value_per_replica, or type: step")
			}
		}
		if r.Per == perTotal {
			at.fault("per", "total contradicts type: target, which shares the value among the replicas: leave it out")
		}
		if r.ValuePerReplica == nil {
			at.fault("value_per_replica", "no value_per_replica: want the most that one replica should have")
			return decide.DefaultRule()
		}
		return decide.Rule{Kind: decide.Target, ValuePerReplica: *r.ValuePerReplica}
	}
	if at.has("value_per_replica") {
		at.fault("value_per_replica", "contradicts type: step: want scale_up_at and scale_down_at, or type: target")
	}
	return decide.Rule{Kind: decide.Kind(r.Type), ScaleUpAt: *r.ScaleUpAt, ScaleDownAt: *r.ScaleDownAt, Absolute: r.Per == perTotal}
}

func (o onNoData) compile(replicas *int32, at section) (decide.NoDataPolicy, int32) {
	policy := decide.NoDataPolicy(o)
	switch {
	case policy == decide.FallbackOnNoData && replicas == nil:
		at.fault("on_no_data", "fallback without fallback_replicas: want both")
		return decide.HoldOnNoData, 0
	case policy != decide.FallbackOnNoData && replicas != nil:
		at.fault("fallback_replicas", "contradicts on_no_data: %s: want on_no_data: fallback, or leave it out", policy)
	case replicas != nil:
		return policy, *replicas
	}
	return policy, 0
}
