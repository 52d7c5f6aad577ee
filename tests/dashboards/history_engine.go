package dashboards

import (
	"math"
	"time"
)

// engineHistory is what an exporter would have exported. For ten minutes in
// every two hours the engine does not answer.
type engineHistory struct {
	started              time.Time
	up                   bool
	window, starts, ends float64
	requests             durations
	failures             float64
}

func (e *engineHistory) tick(at time.Time) {
	minute := at.Unix() / 60 % 120
	e.up = minute < 50 || minute >= 60
	if !e.up {
		e.failures++
		e.requests.observe(5)
		return
	}
	e.window = math.Round(110 * (1 + .8*math.Sin(2*math.Pi*float64(at.Unix())/2400+4)))
	e.starts += e.window
	e.ends += e.window
	e.requests.observe(.004)
}

func (e *engineHistory) put(s series, next func() float64) {
	s.put("camunda_up", "", truth(e.up))
	s.put("camunda_exporter_request_errors_total", `endpoint="history_count",cause="timeout"`, e.failures)
	for _, endpoint := range []string{"history_count", "finished_count", "incident_count"} {
		e.requests.put(s, "camunda_exporter_request_duration_seconds", `endpoint="`+endpoint+`",`)
	}
	s.put("camunda_process_instances_started_total", "", e.starts)
	for _, collector := range []string{"finished", "incidents", "running", "jobs"} {
		s.put("camunda_exporter_collector_success", `collector="`+collector+`"`, truth(e.up))
		if e.up {
			s.put("camunda_exporter_collector_duration_seconds", `collector="`+collector+`"`, .003+.004*next())
		}
	}
	if !e.up {
		return
	}
	s.put("camunda_process_instances_recently_started", `window="10s"`, e.window)
	s.put("camunda_window_end_timestamp_seconds", "", float64(s.at.Unix())-2.3)
	s.put("camunda_clock_skew_seconds", "", .4)
	s.put("camunda_history_readable", "", 1)
	s.put("camunda_process_instances_misdated", "", 0)
	s.put("camunda_process_instances_finished_total", "", e.ends)
	s.put("camunda_process_instances_running", "", math.Round(30*next()))
	for _, kind := range []string{"failedJob", "failedExternalTask", "other"} {
		s.put("camunda_incidents", `incident_type="`+kind+`"`, 0)
	}
	s.put("camunda_jobs_due", "", math.Round(20*next()))
	s.put("camunda_jobs_out_of_retries", "", 0)
	s.put("camunda_jobs_with_exception", "", 0)
}
