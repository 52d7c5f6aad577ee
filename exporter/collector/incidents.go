package collector

import (
	"context"

	"github.com/camunda-autoscaler/camunda-autoscaler/exporter/camunda"
)

func incidents() Optional {
	return Optional{Name: "incidents", Help: "Count open incidents by type.", Default: true, prepare: func(p parts) prepared {
		open := desc("camunda_incidents", "Open incidents: failedJob, failedExternalTask, and other for types that programs create.", "incident_type")
		return prepared{refresh: func(ctx context.Context) (r reading, err error) {
			// Incidents come and go between two counts. What the smaller of the
			// totals before and after has left over exists for certain.
			var counts [4]uint64
			for i, incidentType := range []string{"", camunda.FailedJob, camunda.FailedExternalTask, ""} {
				if counts[i], err = p.engine.CountIncidents(ctx, incidentType, p.Counted.Tenants); err != nil {
					return reading{}, err
				}
			}
			before, failedJobs, failedTasks, after := counts[0], counts[1], counts[2], counts[3]
			known := failedJobs + failedTasks
			r.gauge(open, failedJobs, camunda.FailedJob)
			r.gauge(open, failedTasks, camunda.FailedExternalTask)
			r.gauge(open, max(min(before, after), known)-known, "other")
			r.requests = len(counts)
			return r, nil
		}}
	}}
}
