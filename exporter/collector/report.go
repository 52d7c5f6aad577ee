package collector

import (
	"time"

	"github.com/go-kit/log"
	"github.com/go-kit/log/level"

	"github.com/camunda-autoscaler/camunda-autoscaler/exporter/camunda"
	"github.com/camunda-autoscaler/camunda-autoscaler/exporter/instances"
)

// report logs what changes from one status to the next, and nothing else above
// debug.
type report struct {
	logger log.Logger
	known  bool // whether there was a status before
	last   Status
	cause  camunda.Cause
}

func (r *report) status(s Status) {
	cause, _ := camunda.CauseOf(s.Err)
	if cause == camunda.Canceled {
		return // the scraper went away, which tells nothing about the engine
	}
	first := !r.known
	last, lastCause := r.last, r.cause
	r.known, r.last, r.cause = true, s, cause
	switch {
	case s.Err != nil && (first || cause != lastCause):
		level.Error(r.logger).Log("msg", "cannot count started instances", "cause", cause, "err", s.Err)
	case s.Err != nil:
		level.Debug(r.logger).Log("msg", "still cannot count started instances", "cause", cause, "err", s.Err)
	case first || last.Err != nil:
		level.Info(r.logger).Log("msg", "engine answers")
	}
	if s.Err != nil {
		r.last.Missing = last.Missing // what was known of the rest remains
		return
	}
	if s.History == instances.Readable && last.History != instances.Readable {
		level.Info(r.logger).Log("msg", "history is readable")
	}
	if s.Missing != last.Missing {
		r.missing(s, last.Missing)
	}
}

func (r *report) missing(s Status, before Missing) {
	warn, err := level.Warn(r.logger), level.Error(r.logger)
	switch s.Missing {
	case HistoryUnreadable:
		err.Log("msg", "history is unreadable", "evidence", s.Evidence,
			"do", "set the engine's history level to activity or above, or grant the exporter's user READ_HISTORY on process definition * (and the tenants)")
	case HistoryUnknown:
		warn.Log("msg", "history is empty and may be unreadable",
			"do", "start a process instance to tell, or check the engine's history level and the grant READ_HISTORY")
	case ClockWrong:
		warn.Log("msg", "engine clock is wrong", "engine_ahead", s.Clock.Skew().Round(time.Second/10), "do", "check the time service of the engine's nodes and of the exporter's")
	case MisdatedFound:
		err.Log("msg", "process instances have start times hours off", "instances", s.Misdated, "do", "give all engine nodes on the database the same time zone")
	case "":
		if before != "" && before != HistoryUnreadable && before != HistoryUnknown {
			level.Info(r.logger).Log("msg", "started instances are counted again")
		}
	}
}
