package rig

import (
	"context"
	"fmt"
	"maps"
	"os"

	"go.yaml.in/yaml/v3"

	"github.com/camunda-autoscaler/camunda-autoscaler/testbed/scaler"
)

// startScaler starts the scaler as its chart does, with a target for each pool that
// has one.
func (r *Rig) startScaler(ctx context.Context, address string) error {
	targets := Object{}
	for _, p := range r.Pools {
		if p.Target == nil {
			continue
		}
		target := Object{
			"workload":        Object{"namespace": Namespace, "name": p.Name},
			"query":           fmt.Sprintf(`sum(rabbitmq_detailed_queue_messages{queue="%s"})`, p.Name),
			"timestamp_query": fmt.Sprintf(`min(timestamp(rabbitmq_detailed_queue_messages{queue="%s"}))`, p.Name),
		}
		maps.Copy(target, p.Target)
		targets[p.Name] = target
	}
	if len(targets) == 0 {
		return nil
	}
	targets["camunda"] = nil // the chart's own
	values, err := yaml.Marshal(Object{"exporter": Object{"enabled": false}, "scaler": Object{
		"config": Object{"prometheus": Object{"url": r.Prometheus.URL}, "interval": r.Decide.String()}, "targets": targets,
	}})
	if err != nil {
		return err
	}
	if err := os.WriteFile(r.path("scaler-values.yaml"), values, 0o644); err != nil {
		return err
	}
	r.Scaler, r.ScalerLog = "http://"+address, r.path("scaler.log")
	r.scaler, err = scaler.Start(ctx, r.Cluster, scaler.Spec{
		Program: r.products.Scaler, Dir: r.dir, Namespace: Namespace, Address: address, Values: []string{"--values=" + r.path("scaler-values.yaml")},
	})
	return err
}
