package fleet

import (
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/config"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/decide"
)

// describe returns the keys and values of the line that tells what a target is:
// what it scales, by which rule, from where to where.
func describe(t config.Target) []any {
	line := []any{"msg", "target configured", "target", t.Name}
	if t.Group == nil {
		line = append(line, "namespace", t.Workload.Namespace, "workload", t.Workload)
	} else {
		line = append(line, "namespace_label", t.Group.NamespaceLabel, "name_label", t.Group.NameLabel, "kind", t.Workload.Kind)
	}
	line = append(line, "min_replicas", t.Policy.Limits.Min, "max_replicas", t.Policy.Limits.Max, "interval", t.Interval)
	if t.Prometheus != nil {
		line = append(line, "prometheus", t.Prometheus.Redacted())
	}
	if len(t.Policy.Triggers) == 1 {
		r := t.Policy.Triggers[0].Rule
		switch {
		case r.Kind == decide.Target:
			line = append(line, "value_per_replica", r.ValuePerReplica)
		case r.Absolute:
			line = append(line, "scale_up_at", r.ScaleUpAt, "scale_down_at", r.ScaleDownAt, "per", "total")
		default:
			line = append(line, "scale_up_at", r.ScaleUpAt, "scale_down_at", r.ScaleDownAt, "per", "replica")
		}
		line = append(line, "query", t.Queries[0].PromQL)
	} else {
		line = append(line, "triggers", len(t.Policy.Triggers))
	}
	if t.Calendar != nil {
		line = append(line, "calendar_entries", len(t.Calendar))
	}
	if t.DryRun {
		line = append(line, "dry_run", true)
	}
	if t.BusyPods != nil {
		line = append(line, "busy_pods", t.BusyPods.PromQL)
	}
	if t.Pause.Any() {
		line = append(line, "paused_by", "file")
	}
	return line
}
