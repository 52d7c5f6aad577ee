package collector

import (
	"time"

	"github.com/go-kit/log"
	"github.com/go-kit/log/level"

	"github.com/camunda-autoscaler/camunda-autoscaler/exporter/camunda"
	"github.com/camunda-autoscaler/camunda-autoscaler/exporter/started"
)

// report logs what changes from one reading to the next, and nothing else
// above debug.
type report struct {
	logger  log.Logger
	maxSkew time.Duration // with a clock that differs by more, windows mean nothing

	asked   bool // whether there was a reading before
	cause   camunda.Cause
	history started.History
	skewed  bool
}

func (r *report) reading(reading started.Reading) {
	r.engine(reading.Err)
	if reading.Err != nil {
		return
	}
	r.readable(reading)
	if reading.Answer.HasSkew {
		r.skew(reading.Answer)
	}
}

func (r *report) engine(err error) {
	cause, _ := camunda.CauseOf(err)
	if cause == camunda.Canceled {
		return // the scraper went away, which says nothing about the engine
	}
	changed := cause != r.cause || !r.asked
	r.cause, r.asked = cause, true
	switch {
	case err == nil && changed:
		level.Info(r.logger).Log("msg", "the engine answers")
	case err != nil && changed:
		level.Error(r.logger).Log("msg", "cannot tell how many instances were started", "cause", cause, "err", err)
	case err != nil:
		level.Debug(r.logger).Log("msg", "still cannot tell how many instances were started", "cause", cause, "err", err)
	}
}

func (r *report) readable(reading started.Reading) {
	if reading.History == r.history {
		return
	}
	switch reading.History {
	case started.Unreadable:
		level.Error(r.logger).Log("msg", "the engine's history cannot be read, so started instances cannot be counted",
			"evidence", reading.Evidence,
			"do", "set the engine's history level to activity or above, or grant the exporter's user READ_HISTORY on process definition * (and the tenants)")
	case started.Readable:
		level.Info(r.logger).Log("msg", "the engine's history can be read")
	}
	r.history = reading.History
}

func (r *report) skew(answer camunda.Answer) {
	skewed := answer.SkewExceeds(r.maxSkew)
	if skewed == r.skewed {
		return
	}
	r.skewed = skewed
	if skewed {
		level.Warn(r.logger).Log("msg", "the engine's clock differs from the exporter's, so recently started instances cannot be counted", "engine_ahead", answer.Skew.Round(time.Second/10))
	} else {
		level.Info(r.logger).Log("msg", "the engine's clock agrees with the exporter's again")
	}
}
