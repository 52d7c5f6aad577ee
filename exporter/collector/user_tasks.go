package collector

import (
	"context"

	"github.com/camunda-autoscaler/camunda-autoscaler/exporter/camunda"
)

func userTasks() Optional {
	return Optional{Name: "user-tasks", Help: "Count open user tasks.", prepare: func(client *camunda.Client, o SetOptions) refresh {
		all := desc("camunda_user_tasks", "Open user tasks, assigned or not.")
		unassigned := desc("camunda_user_tasks_unassigned", "Open user tasks that nobody has claimed or been given.")
		return func(ctx context.Context) (r reading, err error) {
			n, err := client.CountUserTasks(ctx, false, o.Started.Tenants)
			if err != nil {
				return reading{}, err
			}
			r.count(all, n)
			if n, err = client.CountUserTasks(ctx, true, o.Started.Tenants); err != nil {
				return reading{}, err
			}
			r.count(unassigned, n)
			return r, nil
		}
	}}
}
