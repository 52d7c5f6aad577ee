package collector

import (
	"context"
)

func running() Optional {
	return Optional{Name: "running", Help: "Count running process instances.", prepare: func(p parts) prepared {
		instances := desc("camunda_process_instances_running", "Process instances that have not ended, including suspended ones.")
		return prepared{refresh: func(ctx context.Context) (r reading, err error) {
			n, err := p.engine.CountRunning(ctx, p.Counted.RootOnly, p.Counted.Tenants)
			if err != nil {
				return reading{}, err
			}
			r.count(instances, n)
			return r, nil
		}}
	}}
}
