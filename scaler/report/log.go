// Package report tells people of decisions: in the log, and by Events on the
// workloads. Each line and Event is made of one loop.Decision alone.
package report

import (
	"math"
	"time"

	"github.com/go-kit/log"
	"github.com/go-kit/log/level"

	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/config"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/decide"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/loop"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/sample"
)

// Heartbeat is how long the log of a target stays quiet at info: a decision that
// changes nothing is logged again after it, so that a quiet log is not mistaken
// for a dead loop.
const Heartbeat = 10 * time.Minute

// Log writes a line for every decision of one target: at info or above for each
// action, each change of the reason and once per Heartbeat, else at debug.
type Log struct {
	logger log.Logger
	quiet  time.Time // since when nothing was written at info or above
}

// NewLog returns the log of one target.
func NewLog(logger log.Logger) *Log { return &Log{logger: logger} }

// Observe implements loop.Observer.
func (l *Log) Observe(d loop.Decision) {
	l.change(d)
	action, reason := d.Result()
	leveled := level.Debug
	switch {
	case reason == decide.WriteFailed:
		leveled = level.Error
	case d.Repeat && action == decide.None && time.Since(l.quiet) < Heartbeat:
	case d.Repeat || !reason.Holds() || reason == decide.Paused || reason == decide.SwitchedOff:
		leveled = level.Info
	default:
		leveled = level.Warn
	}
	if action != decide.None || !d.Repeat || time.Since(l.quiet) >= Heartbeat {
		l.quiet = time.Now()
	}
	leveled(l.logger).Log(Line(d)...)
	if s := d.Shadow; s != nil && s.Action != decide.None {
		level.Info(l.logger).Log(append(append([]any{"msg", "shadow scaled"}, workloadKeys(d.Target)...),
			"from", s.From, "to", s.To, "reason", s.Reason, "replicas", d.From)...)
	}
}

// change logs what other writers did to the workload.
func (l *Log) change(d loop.Decision) {
	line := func(message string) []any { return append([]any{"msg", message}, workloadKeys(d.Target)...) }
	switch d.Change.Kind {
	case loop.Foreign, loop.Reverted:
		manager := "unknown"
		if d.Scale != nil && d.Scale.Writer.Manager != "" {
			manager = d.Scale.Writer.Manager
		}
		level.Info(l.logger).Log(append(line("replicas changed by another writer"),
			"manager", manager, "from", d.Change.From, "to", d.Change.To, "reverted", d.Change.Kind == loop.Reverted)...)
	case loop.Recreated:
		level.Info(l.logger).Log(append(line("workload recreated"), "from", d.Change.From, "to", d.Change.To)...)
	case loop.Unchanged:
	}
}

func workloadKeys(t *config.Target) []any {
	return []any{"target", t.Name, "namespace", t.Workload.Namespace, "workload", t.Workload}
}

// Message is the line's msg, one of a fixed set: the state that a target is in.
func Message(d loop.Decision) string {
	switch action, reason := d.Result(); {
	case d.Failed():
		return "scaling failed"
	case action != decide.None && d.Target.DryRun:
		return "would scale"
	case action != decide.None:
		return "scaled"
	case reason.Holds():
		return "holding"
	case reason.Waits():
		return "waiting"
	}
	return "nothing to do"
}

// Line returns the keys and values of a decision's line. Every line has the same
// keys, in the same order; what is unknown is null. Keys that only some lines
// have come last.
func Line(d loop.Decision) []any {
	action, reason := d.Result()
	s := d.Sample()
	line := append(make([]any, 0, 48), "msg", Message(d))
	line = append(append(line, workloadKeys(d.Target)...), "action", action)
	if d.Scale != nil {
		to := d.From
		if action != decide.None {
			to = d.To
		}
		line = append(line, "from", d.From, "to", to)
	} else {
		line = append(line, "from", nil, "to", nil)
	}
	var value, per, bound, age any
	if s.Outcome == sample.Value {
		value = rounded(s.Value)
	}
	if !math.IsNaN(d.PerInstance) {
		per = rounded(d.PerInstance)
	}
	if d.Bound != nil {
		bound = rounded(*d.Bound)
	}
	if passed, known := d.Age(); known {
		age = passed.Round(time.Millisecond)
	}
	line = append(line, "value", value, "per_instance", per, "bound", bound, "reason", reason, "sample_age", age)
	more := func(key string, value any, ok bool) {
		if ok {
			line = append(line, key, value)
		}
	}
	trigger := d.Target.Policy.Triggers[d.Trigger].Name
	more("trigger", trigger, trigger != "")
	more("series", s.Series, s.Outcome == sample.ManySeries)
	more("left", d.Left.Round(time.Second), d.Left > 0)
	switch d.Reason {
	case decide.BelowMin, decide.LoadLowAtMin:
		more("calendar", d.Limits.MinBy, d.Limits.MinBy != "")
	case decide.AboveMax, decide.LoadHighAtMax:
		more("calendar", d.Limits.MaxBy, d.Limits.MaxBy != "")
	case decide.WaitForReady:
		more("ready", *d.Ready, true)
	case decide.Paused:
		more("paused_by", d.PausedBy(), true)
	case decide.OwnedByOther:
		more("owner", d.Block.By, d.Block.By != "")
	}
	if d.Pods != nil {
		more("idle_pods", d.Pods.Idle, d.Pods.Err == nil)
		more("pods_err", d.Pods.Err, d.Pods.Err != nil && d.Reason != decide.BusyUnknown) // else it is err
	}
	if d.Scale != nil && d.Scale.Pause.At(d.Now).Any() {
		more("pause_err", d.Scale.PauseErr, d.Scale.PauseErr != nil)
	}
	more("dry_run", true, d.Target.DryRun)
	if d.Shadow != nil {
		line = append(line, "shadow", d.Shadow.To)
	}
	if d.Err != nil {
		line = append(line, "cause", d.Cause, "err", d.Err)
	}
	return line
}

// rounded is a number as a person can use it: with two decimals.
func rounded(v float64) float64 {
	if math.Abs(v) > 1e12 || v != 0 && math.Abs(v) < 0.01 {
		return v // it has none, or they would be all
	}
	return math.Round(v*100) / 100
}
