package collector

import (
	"context"
)

func userTasks() Optional {
	return Optional{Name: "user-tasks", Help: "Count open user tasks.", prepare: func(p parts) prepared {
		all := desc("camunda_user_tasks", "Open user tasks, assigned or not.")
		unassigned := desc("camunda_user_tasks_unassigned", "Open user tasks without an assignee.")
		return prepared{refresh: func(ctx context.Context) (r reading, err error) {
			n, err := p.engine.CountUserTasks(ctx, false, p.Counted.Tenants)
			if err != nil {
				return reading{}, err
			}
			r.count(all, n)
			if n, err = p.engine.CountUserTasks(ctx, true, p.Counted.Tenants); err != nil {
				return reading{}, err
			}
			r.count(unassigned, n)
			return r, nil
		}}
	}}
}
