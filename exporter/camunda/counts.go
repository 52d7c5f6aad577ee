package camunda

import (
	"context"
	"encoding/json"
	"errors"
	"net/url"
	"strings"
)

// All of these count what the user may read. An engine ignores parameters that
// it does not know and counts everything, so each is tested on real engines.

// CountRunning returns how many process instances have not ended, suspended
// ones included, and if rootOnly those that no call activity started.
func (c *Client) CountRunning(ctx context.Context, rootOnly bool, tenants []string) (uint64, error) {
	v := url.Values{}
	if rootOnly {
		v.Set("rootProcessInstances", "true")
	}
	return c.count(ctx, RunningCount, "/process-instance/count", v, tenants)
}

// Types of incidents that engines create themselves. Programs can create others.
const (
	FailedJob          = "failedJob"
	FailedExternalTask = "failedExternalTask"
)

// CountIncidents returns how many incidents of a type are open, or of any type
// if it is empty.
func (c *Client) CountIncidents(ctx context.Context, incidentType string, tenants []string) (uint64, error) {
	v := url.Values{}
	if incidentType != "" {
		v.Set("incidentType", incidentType)
	}
	return c.count(ctx, IncidentCount, "/incident/count", v, tenants)
}

// JobState says which jobs are counted. A job may be in several states.
type JobState int

// The states of jobs.
const (
	JobsDue           JobState = iota // could be executed now; including those in execution, but not suspended ones
	JobsOutOfRetries                  // not executed until an operator sets their retries
	JobsWithException                 // failed at their last execution
)

// CountJobs returns how many jobs are in a state.
func (c *Client) CountJobs(ctx context.Context, s JobState, tenants []string) (uint64, error) {
	v := url.Values{}
	switch s {
	case JobsDue:
		v = url.Values{"withRetriesLeft": {"true"}, "executable": {"true"}, "active": {"true"}}
	case JobsOutOfRetries:
		v.Set("noRetriesLeft", "true")
	case JobsWithException:
		v.Set("withException", "true")
	}
	return c.count(ctx, JobCount, "/job/count", v, tenants)
}

// Topics returns the topics that have external tasks now, of any
// tenant.
func (c *Client) Topics(ctx context.Context) ([]string, error) {
	var topics []string
	err := c.get(ctx, ExternalTaskTopics, "/external-task/topic-names", nil, func(body []byte) error {
		if err := json.Unmarshal(body, &topics); err != nil || topics == nil {
			return errors.New("no list of names")
		}
		return nil
	})
	return topics, err
}

// ExternalTaskState says which external tasks are counted. A task is in at most
// one of the states; a suspended one that is not locked is in none.
type ExternalTaskState int

// The states of external tasks.
const (
	TasksUnlocked     ExternalTaskState = iota // wait for a worker
	TasksLocked                                // a worker has them
	TasksOutOfRetries                          // no worker gets them until an operator sets their retries
)

// CountExternalTasks returns how many external tasks of a topic are in a state.
func (c *Client) CountExternalTasks(ctx context.Context, topic string, s ExternalTaskState, tenants []string) (uint64, error) {
	v := url.Values{"topicName": {topic}}
	switch s {
	case TasksUnlocked:
		v.Set("notLocked", "true")
		v.Set("withRetriesLeft", "true")
		v.Set("active", "true")
	case TasksLocked:
		v.Set("locked", "true")
		v.Set("withRetriesLeft", "true")
	case TasksOutOfRetries:
		v.Set("noRetriesLeft", "true")
	}
	return c.count(ctx, ExternalTaskCount, "/external-task/count", v, tenants)
}

// CountUserTasks returns how many user tasks are open, and if unassigned those
// without an assignee.
func (c *Client) CountUserTasks(ctx context.Context, unassigned bool, tenants []string) (uint64, error) {
	v := url.Values{}
	if unassigned {
		v.Set("unassigned", "true")
	}
	return c.count(ctx, UserTaskCount, "/task/count", v, tenants)
}

func (c *Client) count(ctx context.Context, e Endpoint, path string, v url.Values, tenants []string) (uint64, error) {
	if len(tenants) > 0 {
		v.Set("tenantIdIn", strings.Join(tenants, ","))
	}
	var n uint64
	err := c.get(ctx, e, path, v, decodeNumber("count", &n))
	return n, err
}
