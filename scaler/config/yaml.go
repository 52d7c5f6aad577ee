package config

import (
	"fmt"

	"github.com/prometheus/common/model"
	"go.yaml.in/yaml/v3"

	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/decide"
)

// YAML returns the configuration as a file would have it, with its defaults,
// and with <secret> for what is secret.
func (c Config) YAML() ([]byte, error) {
	address := *c.Prometheus.URL
	params := address.Query()
	address.RawQuery = ""
	f := file{Prometheus: filePrometheus{URL: address.Redacted(), Params: params, HTTP: c.Prometheus.HTTP}}
	for _, t := range c.Targets {
		f.Interval, f.MaxSampleAge = model.Duration(t.Interval), unlessZero(model.Duration(t.Policy.MaxSampleAge))
		f.Targets = append(f.Targets, t.file())
	}
	text, err := yaml.Marshal(f)
	if err != nil {
		return nil, fmt.Errorf("write the configuration as YAML: %w", err)
	}
	return text, nil
}

// file is the opposite of compile.
func (t Target) file() fileTarget {
	p := t.Policy
	f := fileTarget{
		Name: t.Name, DryRun: t.DryRun, Paused: t.Paused,
		Rule: fileRule{
			StepUp: unlessZero(p.StepUp), StepDown: unlessZero(p.StepDown), MinReplicas: p.Limits.Min, MaxReplicas: p.Limits.Max,
			MaxReplicasQuery: unlessZero(t.MaxReplicasQuery), AllowFlapping: t.AllowFlapping,
		},
		ScaleUpDelay: model.Duration(p.ScaleUpDelay), ScaleDownDelay: model.Duration(p.ScaleDownDelay),
		ScaleDownCoverage: model.Duration(p.ScaleDownCoverage), HoldAfterStart: model.Duration(p.HoldAfterStart),
		WaitForReady: p.WaitForReady,
	}
	if g, w := t.Group, t.Workload; g != nil {
		f.Workloads = &fileWorkloads{w.APIVersion, w.Kind, w.Namespace, g.NamespaceLabel, g.NameLabel}
	} else {
		f.Workload = (*fileWorkload)(&w)
	}
	for i, trigger := range p.Triggers {
		q := t.Queries[i]
		f.Triggers = append(f.Triggers, fileTrigger{
			Name: trigger.Name, Query: &q.PromQL, TimestampQuery: q.Timestamp, Optional: trigger.Optional,
			OnNoData: onNoData(trigger.OnNoData), FallbackReplicas: unlessZero(trigger.FallbackReplicas), Rule: thresholds(trigger.Rule),
		})
	}
	if !t.listed() {
		only := f.Triggers[0]
		f.Query, f.TimestampQuery, f.OnNoData, f.FallbackReplicas = only.Query, only.TimestampQuery, only.OnNoData, only.FallbackReplicas
		f.Rule.fileThresholds, f.Triggers = only.Rule, nil
	}
	for _, w := range t.Calendar {
		f.Calendar = append(f.Calendar, fileWindow{w.Name, w.Location.String(), w.Times, w.Min, w.Max})
	}
	return f
}

func thresholds(r decide.Rule) fileThresholds {
	if r.Kind == decide.Target {
		return fileThresholds{Type: ruleType(r.Kind), ValuePerReplica: &r.ValuePerReplica, Per: perReplica}
	}
	f := fileThresholds{Type: ruleType(r.Kind), ScaleUpAt: &r.ScaleUpAt, ScaleDownAt: &r.ScaleDownAt, Per: perReplica}
	if r.Absolute {
		f.Per = perTotal
	}
	return f
}

// unlessZero is nil for the zero value, which stands for no value.
func unlessZero[T comparable](v T) *T {
	var zero T
	if v == zero {
		return nil
	}
	return &v
}
