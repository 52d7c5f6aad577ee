package collector

import (
	"context"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/camunda-autoscaler/camunda-autoscaler/exporter/camunda"
)

// The states overlap (a job that failed may be due again), so they are not a
// label, which would invite adding them up.
func jobs() Optional {
	return Optional{Name: "jobs", Help: "Count jobs that are due, out of retries, or failed.", prepare: func(p parts) prepared {
		states := []struct {
			state camunda.JobState
			desc  *prometheus.Desc
		}{
			{camunda.JobsDue, desc("camunda_jobs_due", "Jobs that could be executed now, including those in execution: the engine's backlog.")},
			{camunda.JobsOutOfRetries, desc("camunda_jobs_out_of_retries", "Jobs that are not executed until an operator sets their retries.")},
			{camunda.JobsWithException, desc("camunda_jobs_with_exception", "Jobs whose last execution failed, with or without retries left.")},
		}
		return prepared{refresh: func(ctx context.Context) (r reading, err error) {
			for _, s := range states {
				n, err := p.engine.CountJobs(ctx, s.state, p.Counted.Tenants)
				if err != nil {
					return reading{}, err
				}
				r.count(s.desc, n)
			}
			return r, nil
		}}
	}}
}
