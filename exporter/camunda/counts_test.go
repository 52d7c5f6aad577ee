package camunda_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"

	"github.com/camunda-autoscaler/camunda-autoscaler/exporter/camunda"
)

// An engine ignores a parameter that is misspelt, and counts everything.
func TestRequestsForCounts(t *testing.T) {
	var got string
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got = r.URL.Path + "?" + r.URL.Query().Encode()
		w.Header().Set("Content-Type", "application/json")
		io.WriteString(w, `{"count":7}`)
	}))
	defer s.Close()
	c, _ := client(t, s.URL, "")
	acme := []string{"acme", "other"}
	type count = func(context.Context) (uint64, error)
	for want, ask := range map[string]count{
		"/history/process-instance/count?finishedAfter=2026-03-01T10%3A00%3A00.000%2B0000&finishedBefore=2026-03-01T10%3A00%3A09.999%2B0000": func(ctx context.Context) (uint64, error) {
			q := query
			q.Event = camunda.Finished
			return c.CountHistory(ctx, camunda.FinishedCount, q)
		},
		"/process-instance/count?": func(ctx context.Context) (uint64, error) { return c.CountRunning(ctx, false, nil) },
		"/process-instance/count?rootProcessInstances=true&tenantIdIn=acme%2Cother": func(ctx context.Context) (uint64, error) { return c.CountRunning(ctx, true, acme) },
		"/incident/count?":                                            func(ctx context.Context) (uint64, error) { return c.CountIncidents(ctx, "", nil) },
		"/incident/count?incidentType=failedJob":                      func(ctx context.Context) (uint64, error) { return c.CountIncidents(ctx, camunda.FailedJob, nil) },
		"/job/count?active=true&executable=true&withRetriesLeft=true": func(ctx context.Context) (uint64, error) { return c.CountJobs(ctx, camunda.JobsDue, nil) },
		"/job/count?noRetriesLeft=true":                               func(ctx context.Context) (uint64, error) { return c.CountJobs(ctx, camunda.JobsOutOfRetries, nil) },
		"/job/count?withException=true":                               func(ctx context.Context) (uint64, error) { return c.CountJobs(ctx, camunda.JobsWithException, nil) },
		"/external-task/count?active=true&notLocked=true&topicName=a%26b&withRetriesLeft=true": func(ctx context.Context) (uint64, error) {
			return c.CountExternalTasks(ctx, "a&b", camunda.TasksUnlocked, nil)
		},
		"/external-task/count?locked=true&topicName=a&withRetriesLeft=true": func(ctx context.Context) (uint64, error) {
			return c.CountExternalTasks(ctx, "a", camunda.TasksLocked, nil)
		},
		"/external-task/count?noRetriesLeft=true&tenantIdIn=acme%2Cother&topicName=a": func(ctx context.Context) (uint64, error) {
			return c.CountExternalTasks(ctx, "a", camunda.TasksOutOfRetries, acme)
		},
		"/task/count?":                func(ctx context.Context) (uint64, error) { return c.CountUserTasks(ctx, false, nil) },
		"/task/count?unassigned=true": func(ctx context.Context) (uint64, error) { return c.CountUserTasks(ctx, true, nil) },
	} {
		if n, err := ask(t.Context()); n != 7 || err != nil || got != want {
			t.Errorf("%d, %v\n got %s\nwant %s", n, err, got, want)
		}
	}
}

func TestTopics(t *testing.T) {
	for body, want := range map[string][]string{
		`[]`: {}, `["a","b c"]`: {"a", "b c"},
	} {
		c, _ := client(t, answering(t, 200, "application/json", body), "")
		if got, err := c.Topics(t.Context()); err != nil || !slices.Equal(got, want) {
			t.Errorf("%s: %q, %v", body, got, err)
		}
	}
	for _, body := range []string{`{"count":1}`, `null`, `[1]`, `"a"`} {
		c, _ := client(t, answering(t, 200, "application/json", body), "")
		_, err := c.Topics(t.Context())
		if cause, _ := camunda.CauseOf(err); cause != camunda.Nonsense {
			t.Errorf("%s: %v", body, err)
		}
	}
}
