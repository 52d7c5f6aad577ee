package exporter

import (
	"fmt"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/camunda-autoscaler/camunda-autoscaler/testbed/engine"
)

// fill adds instances from one number to another, of each of four kinds: with a
// user task, with a timer, with an external task (of ten topics), and with a
// job, of which one in a hundred failed for good and has its incident. All are
// in history, where half of them have ended.
const fill = `
INSERT INTO act_ru_execution (id_, rev_, root_proc_inst_id_, proc_inst_id_, proc_def_id_, act_id_, is_active_, is_concurrent_, is_scope_, is_event_scope_, suspension_state_, cached_ent_state_, sequence_counter_)
SELECT p.id_ || '-' || i, 1, p.id_ || '-' || i, p.id_ || '-' || i, p.id_, NULL, true, false, true, false, 1, 0, 1
FROM act_re_procdef p, generate_series(%d, %d) i WHERE p.key_ IN ('waiting', 'timed', 'worked', 'failing');
INSERT INTO act_ru_task (id_, rev_, execution_id_, proc_inst_id_, proc_def_id_, task_def_key_, name_, assignee_, priority_, create_time_, suspension_state_)
SELECT 'task-' || id_, 1, id_, id_, proc_def_id_, 'waitingTask', 'wait', CASE WHEN random() < 0.5 THEN 'demo' END, 50, now(), 1
FROM act_ru_execution e WHERE proc_def_id_ LIKE 'waiting:%%' AND NOT EXISTS (SELECT FROM act_ru_task WHERE execution_id_ = e.id_);
INSERT INTO act_ru_job (id_, rev_, type_, execution_id_, process_instance_id_, process_def_id_, process_def_key_, retries_, duedate_, handler_type_, suspension_state_, priority_, lock_owner_, lock_exp_time_)
SELECT 'timer-' || id_, 1, 'timer', id_, id_, proc_def_id_, 'timed', 3, now() + (random() - 0.1) * interval '1 day', 'timer-transition', 1, 0, 'test', now() + interval '1 day'
FROM act_ru_execution e WHERE proc_def_id_ LIKE 'timed:%%' AND NOT EXISTS (SELECT FROM act_ru_job WHERE execution_id_ = e.id_);
INSERT INTO act_ru_job (id_, rev_, type_, execution_id_, process_instance_id_, process_def_id_, process_def_key_, retries_, exception_msg_, handler_type_, suspension_state_, priority_)
SELECT 'job-' || id_, 1, 'message', id_, id_, proc_def_id_, 'failing', 0, 'no', 'async-continuation', 1, 0
FROM act_ru_execution e WHERE proc_def_id_ LIKE 'failing:%%' AND id_ LIKE '%%00' AND NOT EXISTS (SELECT FROM act_ru_job WHERE execution_id_ = e.id_);
INSERT INTO act_ru_incident (id_, rev_, incident_timestamp_, incident_type_, execution_id_, proc_inst_id_, proc_def_id_, configuration_)
SELECT 'incident-' || execution_id_, 1, now(), 'failedJob', execution_id_, process_instance_id_, process_def_id_, id_ FROM act_ru_job j WHERE retries_ = 0 AND NOT EXISTS (SELECT FROM act_ru_incident WHERE execution_id_ = j.execution_id_);
INSERT INTO act_ru_ext_task (id_, rev_, topic_name_, retries_, suspension_state_, execution_id_, proc_inst_id_, proc_def_id_, proc_def_key_, act_id_, priority_, worker_id_, lock_exp_time_)
SELECT 'external-' || id_, 1, 'topic-' || (random() * 9)::int, CASE WHEN random() < 0.9 THEN 3 ELSE 0 END, 1, id_, id_, proc_def_id_, 'worked', 'workedWork', 0,
	'test', now() + (random() - 0.5) * interval '1 day'
FROM act_ru_execution e WHERE proc_def_id_ LIKE 'worked:%%' AND NOT EXISTS (SELECT FROM act_ru_ext_task WHERE execution_id_ = e.id_);
INSERT INTO act_hi_procinst (id_, proc_inst_id_, proc_def_key_, proc_def_id_, start_time_, end_time_, state_)
SELECT id_, id_, split_part(proc_def_id_, ':', 1), proc_def_id_, now() - random() * interval '30 days',
	CASE WHEN random() < 0.5 THEN now() - random() * interval '10 days' END, 'ACTIVE'
FROM act_ru_execution e WHERE NOT EXISTS (SELECT FROM act_hi_procinst WHERE id_ = e.id_);
ANALYZE`

// BenchmarkRequests shows what each request of the collectors costs an engine
// with a full database, and beside them one that asks the database nothing.
func BenchmarkRequests(b *testing.B) {
	for _, d := range []engine.Distribution{engine.Tomcat714, engine.Camunda724, engine.Operaton} {
		b.Run(d.String(), func(b *testing.B) {
			db, database := startPostgres(b)
			c := client{engine: startEngine(b, engine.Spec{Distribution: d, Database: database})}
			c.deploy(b, "")
			filled := 0
			for _, n := range []int{1000, 100_000} {
				if err := db.Exec(b.Context(), fmt.Sprintf(fill, filled+1, n)); err != nil {
					b.Fatal(err)
				}
				filled = n
				b.Run(fmt.Sprint(n), func(b *testing.B) { benchmarkRequests(b, c) })
			}
		})
	}
}

func benchmarkRequests(b *testing.B, c client) {
	const times = "After=2026-01-01T10%%3A00%%3A00.000%%2B0000&%sBefore=2026-01-01T10%%3A00%%3A09.999%%2B0000"
	for _, path := range []string{
		"/version",
		"/history/process-instance/count?started" + fmt.Sprintf(times, "started"),
		"/history/process-instance/count?finished" + fmt.Sprintf(times, "finished"),
		"/process-instance/count",
		"/incident/count",
		"/incident/count?incidentType=failedJob",
		"/job/count?withRetriesLeft=true&executable=true&active=true",
		"/job/count?noRetriesLeft=true",
		"/job/count?withException=true",
		"/external-task/topic-names",
		"/external-task/count?topicName=topic-3&notLocked=true&withRetriesLeft=true&active=true",
		"/external-task/count?topicName=topic-3&locked=true&withRetriesLeft=true",
		"/external-task/count?topicName=topic-3&noRetriesLeft=true",
		"/task/count",
		"/task/count?unassigned=true",
	} {
		b.Run(path, func(b *testing.B) {
			var took []time.Duration
			for b.Loop() {
				begin := time.Now()
				if status, answer, err := c.ask(b.Context(), http.MethodGet, path, "", nil); err != nil || status != http.StatusOK {
					b.Fatalf("%d %s, %v", status, answer, err)
				}
				took = append(took, time.Since(begin))
			}
			slices.Sort(took)
			b.ReportMetric(took[0].Seconds()*1e3, "ms(least)") // on a machine with other work, the one to compare
			b.ReportMetric(took[len(took)/2].Seconds()*1e3, "ms(median)")
		})
	}
}
