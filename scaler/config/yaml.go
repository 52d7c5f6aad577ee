package config

import (
	"fmt"
	"time"

	"github.com/prometheus/common/model"
	"go.yaml.in/yaml/v3"

	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/decide"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/workload"
)

// YAML returns the configuration as a file would have it, with its defaults,
// and with <secret> for what is secret or may be.
func (c Config) YAML() ([]byte, error) {
	f := file{Prometheus: c.Prometheus.file()}
	for _, t := range c.Targets {
		f.Interval, f.MaxSampleAge = model.Duration(t.Interval), unlessZero(model.Duration(t.Policy.MaxSampleAge))
		ft := t.file()
		if t.Prometheus != nil {
			own := fileServer(t.Prometheus.file())
			ft.Prometheus = &own
		}
		f.Targets = append(f.Targets, ft)
	}
	var document yaml.Node
	err := document.Encode(f)
	if err != nil {
		return nil, fmt.Errorf("write the configuration as YAML: %w", err)
	}
	for _, path := range maybeSecret {
		mask(&document, append([]string{"prometheus"}, path...))
		mask(&document, append([]string{"targets", "prometheus"}, path...))
	}
	text, err := yaml.Marshal(&document)
	if err != nil {
		return nil, fmt.Errorf("write the configuration as YAML: %w", err)
	}
	return text, nil
}

func (p Prometheus) file() filePrometheus {
	address := *p.URL
	params := address.Query()
	address.RawQuery = ""
	return filePrometheus{URL: address.Redacted(), Params: params, HTTP: p.HTTP}
}

// maybeSecret are the paths in a server's options below which there may be
// tokens, by the keys of mappings; "*" is every key. What is always secret masks
// itself.
var maybeSecret = [][]string{
	{"params"},
	{"http_client", "http_headers", "*", "values"},
	{"http_client", "oauth2", "endpoint_params"},
}

// mask hides every value below path.
func mask(n *yaml.Node, path []string) {
	switch n.Kind {
	case yaml.MappingNode:
		for i := 0; i+1 < len(n.Content); i += 2 {
			switch {
			case len(path) == 0:
				mask(n.Content[i+1], nil)
			case path[0] == "*" || path[0] == n.Content[i].Value:
				mask(n.Content[i+1], path[1:])
			}
		}
	case yaml.SequenceNode:
		for _, entry := range n.Content {
			mask(entry, path)
		}
	case yaml.ScalarNode:
		if len(path) == 0 {
			n.SetString("<secret>")
		}
	}
}

// file is the opposite of compile.
func (t Target) file() fileTarget {
	p := t.Policy
	f := fileTarget{
		Name: t.Name, DryRun: t.DryRun,
		Rule: fileRule{
			StepUp: unlessZero(p.StepUp), StepDown: unlessZero(p.StepDown), MinReplicas: p.Limits.Min, MaxReplicas: p.Limits.Max,
			MaxReplicasQuery: t.MaxReplicasQuery, AllowFlapping: t.AllowFlapping,
		},
		ScaleUpDelay: model.Duration(p.ScaleUpDelay), ScaleDownDelay: model.Duration(p.ScaleDownDelay),
		ScaleToZeroDelay:  model.Duration(p.ScaleToZeroDelay),
		ScaleDownCoverage: model.Duration(p.ScaleDownCoverage), HoldAfterStart: model.Duration(p.HoldAfterStart),
		WaitForReady: p.WaitForReady,
	}
	f.setPause(t.Pause)
	if b := t.BusyPods; b != nil {
		f.BusyPods = &fileBusyPods{Query: b.PromQL, PodLabel: b.PodLabel, WaitForIdle: model.Duration(p.BusyPods.WaitForIdle), OnError: holdOnError}
		if p.BusyPods.StepUnknown {
			f.BusyPods.OnError = stepOnError
		}
	}
	if g, w := t.Group, t.Workload; g != nil {
		f.Workloads = &fileWorkloads{APIVersion: w.APIVersion, Kind: w.Kind, NamespaceLabel: g.NamespaceLabel, Namespace: w.Namespace, NameLabel: g.NameLabel}
	} else {
		f.Workload = (*fileWorkload)(&w)
	}
	for i, trigger := range p.Triggers {
		q := t.Queries[i]
		f.Triggers = append(f.Triggers, fileTrigger{
			Name: trigger.Name, Query: q.PromQL, TimestampQuery: q.Timestamp, Optional: trigger.Optional,
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

func (t *fileTarget) setPause(p workload.Pause) {
	t.Paused = notPaused
	switch {
	case p.Up && p.Down:
		t.Paused = pausedBoth
	case p.Up:
		t.Paused = pausedUp
	case p.Down:
		t.Paused = pausedDown
	}
	if !p.Until.IsZero() {
		t.PausedUntil = new(fileTime(p.Until.Format(time.RFC3339)))
	}
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
