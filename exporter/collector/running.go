package collector

import (
	"context"

	"github.com/camunda-autoscaler/camunda-autoscaler/exporter/camunda"
)

func running() Optional {
	return Optional{Name: "running", Help: "Count running process instances.", prepare: func(client *camunda.Client, o SetOptions) refresh {
		instances := desc("camunda_process_instances_running", "Process instances that have not ended, suspended ones included.")
		return func(ctx context.Context) (r reading, err error) {
			n, err := client.CountRunning(ctx, o.Started.RootOnly, o.Started.Tenants)
			if err != nil {
				return reading{}, err
			}
			r.count(instances, n)
			return r, nil
		}
	}}
}
