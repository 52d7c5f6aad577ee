package exporter

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/camunda-autoscaler/camunda-autoscaler/testbed/engine"
	"github.com/camunda-autoscaler/camunda-autoscaler/testbed/prometheus"
)

var allCollectors = []string{
	"--collector.running", "--collector.finished", "--collector.incidents", "--collector.jobs",
	"--collector.external-tasks", "--collector.user-tasks", "--collector.interval=1s", "--collector.timeout=5s",
}

// call sends JSON and reads JSON, and fails the test if the engine refuses.
func (c client) call(t *testing.T, method, path string, body, result any) {
	t.Helper()
	text, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	status, answer, err := c.ask(t.Context(), method, path, "application/json", bytes.NewReader(text))
	if err != nil || status >= 300 {
		t.Fatalf("%s %s: %d %s, %v", method, path, status, answer, err)
	}
	if result == nil {
		return
	}
	if err := json.Unmarshal(answer, result); err != nil {
		t.Fatalf("%s %s: %v in %s", method, path, err, answer)
	}
}

// ids asks for a list and returns the ids of its items, of which there are to
// be as many as said.
func (c client) ids(t *testing.T, path string, want int) []string {
	t.Helper()
	var items []struct{ ID string }
	c.call(t, http.MethodGet, path, nil, &items)
	if len(items) != want {
		t.Fatalf("%s has %d items, want %d", path, len(items), want)
	}
	ids := make([]string, want)
	for i := range items {
		ids[i] = items[i].ID
	}
	return ids
}

// awaitCount waits until the engine counts the given number.
func (c client) awaitCount(t *testing.T, path string, want int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	for {
		var got struct{ Count int }
		c.call(t, http.MethodGet, path, nil, &got)
		if got.Count == want {
			return
		}
		if sleep(ctx, 200*time.Millisecond); ctx.Err() != nil {
			t.Fatalf("%s is %d, want %d", path, got.Count, want)
		}
	}
}

type object = map[string]any

// Each collector exports what was made to happen, on every engine, for all
// tenants and for one.
func TestCollectors(t *testing.T) {
	everyEngine(t, func(t *testing.T, d engine.Distribution) {
		db, database := startPostgres(t)
		e := startEngine(t, engine.Spec{Distribution: d, Database: database})
		c := client{engine: e}
		c.deploy(t, "")
		c.deploy(t, "acme")
		url := "--camunda.url=" + e.URL
		all := startExporter(t, append([]string{url, "--camunda.window=5m"}, allCollectors...)...)
		acme := startExporter(t, append([]string{url, "--camunda.window=5m", "--camunda.tenant=acme", "--collector.external-tasks.topic=ship"}, allCollectors...)...)
		root := startExporter(t, append([]string{url, "--camunda.window=5m", "--camunda.root-instances-only"}, allCollectors...)...)
		all.await(t, time.Minute, map[string]float64{
			"camunda_process_instances_running": 0, "camunda_process_instances_finished_total": 0, "camunda_jobs_due": 0,
			`camunda_incidents{incident_type="failedJob"}`: 0, "camunda_external_task_topics": 0, "camunda_user_tasks": 0,
		})

		// Instances: 2 short, and 2 with a child each, have ended; 1 was deleted.
		c.mustStart(t, "short", "", 2)
		c.mustStart(t, "parent", "acme", 2)
		// User tasks: 5, of which 1 is claimed, and 1 is done, and 1 is deleted.
		c.mustStart(t, "waiting", "", 4)
		c.mustStart(t, "waiting", "acme", 1)
		tasks := c.ids(t, "/task?withoutTenantId=true", 4)
		c.call(t, http.MethodPost, "/task/"+tasks[0]+"/claim", object{"userId": "demo"}, nil)
		c.call(t, http.MethodPost, "/task/"+tasks[1]+"/complete", object{}, nil)
		instances := c.ids(t, "/process-instance?processDefinitionKey=waiting&tenantIdIn=acme", 1)
		c.call(t, http.MethodDelete, "/process-instance/"+instances[0], nil, nil)
		// Jobs: 3 failed, of which 2 for good; 4 timers, of which 2 are due, and one
		// of these is suspended. The lock keeps the engine from executing them.
		c.mustStart(t, "failing", "", 1)
		c.mustStart(t, "failing", "acme", 1)
		c.mustStart(t, "retrying", "", 1)
		c.mustStart(t, "timed", "", 3)
		c.mustStart(t, "timed", "acme", 1)
		c.awaitCount(t, "/job/count?withException=true", 3)
		timers := c.ids(t, "/job?timers=true&withoutTenantId=true", 3)
		c.call(t, http.MethodPut, "/job/"+timers[0]+"/suspended", object{"suspended": true}, nil)
		err := db.Exec(t.Context(), fmt.Sprintf(`UPDATE act_ru_job SET lock_owner_ = 'test', lock_exp_time_ = now() + interval '1 day',
			duedate_ = now() - interval '1 day' WHERE id_ IN ('%s', '%s')`, timers[0], timers[1]))
		if err != nil {
			t.Fatal(err)
		}
		// External tasks: topic ship has 2 unlocked ones, 1 of acme's, 1 suspended
		// one, and 1 that failed for good; topic bill has 1 that is locked.
		for _, start := range []struct{ topic, tenant string }{
			{"failed", ""}, {"bill", ""}, {"ship", ""}, {"ship", ""}, {"ship", ""}, {"ship", "acme"},
		} {
			if err := c.start(t.Context(), "worked", start.tenant, start.topic); err != nil {
				t.Fatal(err)
			}
		}
		worker := func(topic string) (id string) {
			var fetched []struct{ ID string }
			c.call(t, http.MethodPost, "/external-task/fetchAndLock", object{
				"workerId": "test", "maxTasks": 1, "topics": []object{{"topicName": topic, "lockDuration": time.Hour.Milliseconds()}},
			}, &fetched)
			if len(fetched) != 1 {
				t.Fatalf("fetched %v of %s", fetched, topic)
			}
			return fetched[0].ID
		}
		worker("bill")
		c.call(t, http.MethodPost, "/external-task/"+worker("failed")+"/failure", object{"workerId": "test", "errorMessage": "no", "retries": 0, "retryTimeout": 0}, nil)
		ships := c.ids(t, "/process-instance?businessKey=ship&withoutTenantId=true", 3)
		c.call(t, http.MethodPut, "/process-instance/"+ships[0]+"/suspended", object{"suspended": true}, nil)
		// Incidents: of the failed jobs, of the failed external task, and of one's own.
		at := c.ids(t, "/execution?activityId=workedWork&processInstanceId="+ships[1], 1)
		c.call(t, http.MethodPost, "/execution/"+at[0]+"/create-incident", object{"incidentType": "reactor", "configuration": "4"}, nil)

		const window = `{window="5m"}`
		want := map[string]float64{
			up: 1, "camunda_process_instances_running": 16,
			"camunda_process_instances_finished_total": 8, "camunda_process_instances_recently_finished" + window: 8,
			`camunda_incidents{incident_type="failedJob"}`: 2, `camunda_incidents{incident_type="failedExternalTask"}`: 1, `camunda_incidents{incident_type="other"}`: 1,
			"camunda_jobs_due": 1, "camunda_jobs_out_of_retries": 2, "camunda_jobs_with_exception": 3,
			"camunda_external_task_topics":                                3,
			`camunda_external_tasks{state="unlocked",topic="ship"}`:       3,
			`camunda_external_tasks{state="locked",topic="ship"}`:         0,
			`camunda_external_tasks{state="out_of_retries",topic="ship"}`: 0,
			`camunda_external_tasks{state="unlocked",topic="bill"}`:       0,
			`camunda_external_tasks{state="locked",topic="bill"}`:         1,
			`camunda_external_tasks{state="out_of_retries",topic="bill"}`: 0,
			`camunda_external_tasks{state="unlocked",topic="failed"}`:     0, `camunda_external_tasks{state="out_of_retries",topic="failed"}`: 1,
			"camunda_user_tasks": 3, "camunda_user_tasks_unassigned": 2,
		}
		for _, name := range []string{"running", "finished", "incidents", "jobs", "external-tasks", "user-tasks"} {
			want[fmt.Sprintf("camunda_exporter_collector_success{collector=%q}", name)] = 1
		}
		all.await(t, time.Minute, want)
		acme.await(t, time.Minute, map[string]float64{
			up: 1, "camunda_process_instances_running": 3, "camunda_process_instances_finished_total": 5,
			`camunda_incidents{incident_type="failedJob"}`: 1, `camunda_incidents{incident_type="failedExternalTask"}`: 0, `camunda_incidents{incident_type="other"}`: 0,
			"camunda_jobs_due": 0, "camunda_jobs_out_of_retries": 1, "camunda_jobs_with_exception": 1,
			"camunda_external_task_topics":                          absent,
			`camunda_external_tasks{state="unlocked",topic="ship"}`: 1, `camunda_external_tasks{state="unlocked",topic="bill"}`: absent,
			"camunda_user_tasks": 0, "camunda_user_tasks_unassigned": 0,
		})
		root.await(t, time.Minute, map[string]float64{"camunda_process_instances_running": 16, "camunda_process_instances_finished_total": 6})

		// A topic that has run empty is 0.
		c.call(t, http.MethodDelete, "/process-instance/"+c.ids(t, "/process-instance?businessKey=failed", 1)[0], nil, nil)
		all.await(t, time.Minute, map[string]float64{
			"camunda_external_task_topics": 2, `camunda_external_tasks{state="out_of_retries",topic="failed"}`: 0,
			`camunda_incidents{incident_type="failedExternalTask"}`: 0, "camunda_process_instances_finished_total": 9,
		})
		if truth, err := db.QueryInt(t.Context(), "SELECT count(*) FROM act_hi_procinst WHERE end_time_ IS NOT NULL"); err != nil || truth != 9 {
			t.Errorf("the database holds %d instances that ended (%v)", truth, err)
		}

		promtool, err := prometheus.Promtool(shared)
		if err != nil {
			t.Fatal(err)
		}
		check := exec.CommandContext(t.Context(), promtool, "check", "metrics")
		check.Stdin = strings.NewReader(all.scrape(t).text)
		if out, err := check.CombinedOutput(); err != nil || len(out) > 0 {
			t.Errorf("promtool check metrics: %v\n%s", err, out)
		}

		// A locked table takes its collector away, and nothing else.
		locked, unlock := context.WithCancel(t.Context())
		defer unlock()
		done := make(chan error, 1)
		go func() {
			done <- db.Exec(locked, "BEGIN; LOCK TABLE act_ru_ext_task IN ACCESS EXCLUSIVE MODE; SELECT pg_sleep(600); COMMIT")
		}()
		all.await(t, 30*time.Second, map[string]float64{
			up: 1, readable: 1, "camunda_process_instances_started_total": 24,
			`camunda_exporter_collector_success{collector="external-tasks"}`: 0, `camunda_external_tasks{state="unlocked",topic="ship"}`: absent,
			`camunda_exporter_request_errors_total{cause="timeout",endpoint="external_task_topics"}`: 1,
			`camunda_exporter_collector_success{collector="user-tasks"}`:                             1, "camunda_user_tasks": 3, "camunda_jobs_with_exception": 3,
		})
		unlock()
		<-done
		all.await(t, 2*time.Minute, map[string]float64{
			`camunda_exporter_collector_success{collector="external-tasks"}`: 1, `camunda_external_tasks{state="unlocked",topic="ship"}`: 3,
		})
		all.wantLog(t, 1, "level=warn", "collector=external-tasks", "cause=timeout")
		all.wantLog(t, 1, "level=info", "collector=external-tasks", "works again")
	})
}

// Without READ_HISTORY, the finished instances are unknown, not 0.
func collectorsWithoutGrants(t *testing.T, url, lacking string, running float64) {
	x := startExporter(t, append([]string{url, lacking}, allCollectors...)...)
	x.await(t, 30*time.Second, map[string]float64{
		readable: 0, "camunda_process_instances_finished_total": absent, `camunda_process_instances_recently_finished{window="10s"}`: absent,
		`camunda_exporter_collector_success{collector="finished"}`: 0, "camunda_process_instances_running": running,
	})
}
