package explain

import (
	"fmt"
	"strconv"

	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/decide"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/loop"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/workload"
)

// Did says what was done and why. Unlike Of it tries nothing, so it is fast.
func Did(d loop.Decision) string {
	action, reason := d.Result()
	switch {
	case d.Failed():
		return fmt.Sprintf("Could not scale %s from %d to %d (%s): %s.", d.Action, d.From, d.To, d.Cause, why(d))
	case action != decide.None && d.Target.DryRun:
		return fmt.Sprintf("Dry run: would scale %s from %d to %d: %s.", action, d.From, d.To, why(d))
	case action != decide.None:
		return fmt.Sprintf("Scaled %s from %d to %d: %s.", action, d.From, d.To, why(d))
	case reason.Holds():
		return "Holding: " + why(d) + "."
	case reason.Waits():
		return "Waiting: " + why(d) + "."
	case reason == decide.LoadHighAtMax:
		at := "At"
		if d.From > d.Limits.Max { // by other hands, and within its limits a load never takes it down
			at = "Above"
		}
		return fmt.Sprintf("%s the maximum of %d%s: %s.", at, d.Limits.Max, maxBy(d), load(d))
	case reason == decide.LoadLowAtMin && d.From <= d.Limits.Min:
		return fmt.Sprintf("At the minimum of %d%s: %s.", d.Limits.Min, by(d.Limits.MinBy), load(d))
	}
	return "Nothing to do: " + why(d) + "."
}

// why says what the decision's reason means here.
func why(d loop.Decision) string {
	p, l := d.Target.Policy, d.Limits
	switch d.Reason {
	case decide.LoadHigh, decide.LoadLow, decide.WithinBounds:
		return load(d)
	case decide.LoadLowAtMin:
		if kept := d.KeptBy(); kept >= 0 {
			return load(d) + ", but " + the(p.Triggers[kept], "the query") + " has no data, which keeps the last replica"
		}
		return load(d) + ", but the fallback of a trigger without data keeps the replicas"
	case decide.BelowMin:
		return fmt.Sprintf("the minimum is %d%s", l.Min, by(l.MinBy))
	case decide.AboveMax:
		return fmt.Sprintf("the maximum is %d%s", l.Ceiling, by(l.MaxBy))
	case decide.Fallback:
		t := p.Triggers[d.Trigger]
		return fmt.Sprintf("%s has had no data for %s, and the fallback is %d", the(t, "the query"), Duration(p.MaxAge(d.Sample().Spacing)), t.FallbackReplicas)
	case decide.ScaleUpDelay, decide.ScaleDownDelay, decide.ScaleToZeroDelay, decide.Coverage, decide.AfterStart:
		return fmt.Sprintf("%s; %s left of %s", asked(d), Duration(d.Left), d.Reason)
	case decide.WaitForReady:
		return fmt.Sprintf("%s; %d of %d replicas are ready", asked(d), *d.Ready, d.Replicas)
	case decide.WaitForIdle:
		return fmt.Sprintf("%s; %s idle, and %d would go; %s left of %s", asked(d), pods(d.Pods.Idle), goes(d), Duration(d.Left), d.Reason)
	case decide.SampleUsed:
		return "the newest sample has already been acted on"
	}
	return missing(d)
}

// asked says what a step is waited with.
func asked(d loop.Decision) string {
	switch {
	case d.Limits.Ceiling > 0 && d.Replicas > d.Limits.Ceiling && d.Load != decide.Down:
		return fmt.Sprintf("the maximum is %d%s", d.Limits.Ceiling, by(d.Limits.MaxBy))
	case d.Load == decide.Up && d.Replicas < d.Limits.Max, d.Load == decide.Down && d.Replicas > d.Limits.Min:
		return load(d)
	case d.Replicas < d.Limits.Min:
		return fmt.Sprintf("the minimum is %d%s", d.Limits.Min, by(d.Limits.MinBy))
	}
	return "a step is due"
}

// load says what the trigger that decided has measured.
func load(d loop.Decision) string {
	t := d.Target.Policy.Triggers[d.Trigger]
	r, value := t.Rule, Number(d.Sample().Value)
	if d.Sample().Empty {
		value += " (an empty answer)"
	}
	text := the(t, "the value") + " is " + value
	if d.Replicas == 0 {
		return ofNone(text, r, d.Sample().Value)
	}
	if !r.Absolute {
		per := Number(r.PerInstance(d.Sample().Value, d.Replicas))
		text = fmt.Sprintf("%s on %s is %s per replica", value, replicas(d.Replicas), per)
		if t.Name != "" {
			text = fmt.Sprintf("%s (%s on %s) is %s per replica", t.Name, value, replicas(d.Replicas), per)
		}
	}
	per, up, down := r.PerInstance(d.Sample().Value, d.Replicas), Number(r.ScaleUpAt), Number(r.ScaleDownAt)
	switch {
	case r.Kind == decide.Target && per > r.ValuePerReplica:
		return text + ", above " + Number(r.ValuePerReplica)
	case r.Kind == decide.Target && d.Reason == decide.WithinBounds:
		return text + ", and fewer replicas could not keep it at " + Number(r.ValuePerReplica)
	case r.Kind == decide.Target:
		return text + ", and fewer replicas can keep it at " + Number(r.ValuePerReplica)
	case per >= r.ScaleUpAt:
		return text + ", at or above " + up
	case per <= r.ScaleDownAt:
		return text + ", at or below " + down
	}
	return text + ", between " + down + " and " + up
}

// ofNone says what the load is where there are no replicas.
func ofNone(text string, r decide.Rule, value float64) string {
	switch {
	case r.Kind == decide.Target && value > 0:
		return text + ", above 0"
	case r.Kind == decide.Target:
		return text
	case value >= r.ScaleUpAt:
		return text + ", at or above " + Number(r.ScaleUpAt)
	}
	return text + ", below " + Number(r.ScaleUpAt)
}

// goes is how many Pods would go if the wait were over.
func goes(d loop.Decision) int32 {
	q := questionOf(d)
	q.in.Pods = nil
	return max(1, d.From-q.now().To)
}

func pods(n int32) string {
	if n == 1 {
		return "1 Pod is"
	}
	return fmt.Sprintf("%d Pods are", n)
}

// missing says why the load is not followed.
func missing(d loop.Decision) string {
	s := d.Sample()
	query := the(d.Target.Policy.Triggers[d.Trigger], "the query")
	switch _, reason := d.Result(); reason {
	case decide.NoData:
		return query + " returned no data"
	case decide.Stale:
		return fmt.Sprintf("the newest sample of %s is %s old, and the limit is %s", query, Duration(d.Now.Sub(s.Timestamp)), Duration(d.Target.Policy.MaxAge(s.Spacing)))
	case decide.FromFuture:
		return fmt.Sprintf("the newest sample of %s is %s ahead of Prometheus's clock", query, Duration(s.Timestamp.Sub(d.Now)))
	case decide.NotANumber:
		return query + " returned " + strconv.FormatFloat(s.Value, 'g', -1, 64)
	case decide.ManySeries:
		return fmt.Sprintf("%s returned %d series instead of one", query, s.Series)
	case decide.QueryFailed:
		return query + " failed (" + d.Cause + ")"
	case decide.MaxUnknown:
		return load(d) + ", but max_replicas_query returned no number"
	case decide.SwitchedOff:
		return "the workload has 0 replicas, and not by a rule: it was switched off by hand"
	case decide.WorkloadUnreadable:
		return "the replicas cannot be read (" + d.Cause + ")"
	case decide.Paused:
		return paused(d)
	case decide.BusyUnknown:
		return "it is not known which Pods work (" + d.Cause + ")"
	case decide.OwnedByOther:
		return d.Block.By + " also scales the workload"
	case decide.Contested:
		return "something else reverted two steps" + left(d)
	}
	return string(d.Reason)
}

// paused says what is paused, and by whom.
func paused(d loop.Decision) string {
	what := "paused"
	switch {
	case d.Block.Reason != "":
	case d.NoUp != "":
		what = "steps up are paused"
	default:
		what = "steps down are paused"
	}
	if d.PausedBy() == "annotation" {
		return what + " by the annotation " + workload.PausedAnnotation
	}
	return what + " by the configuration"
}

func left(d loop.Decision) string {
	if d.Left <= 0 {
		return ""
	}
	return ", so the scaler backs off for another " + Duration(d.Left)
}

// the names a trigger; the only one has no name.
func the(t decide.Trigger, otherwise string) string {
	if t.Name == "" {
		return otherwise
	}
	return t.Name
}

func replicas(n int32) string {
	if n == 1 {
		return "1 replica"
	}
	return fmt.Sprintf("%d replicas", n)
}

func by(entry string) string {
	if entry == "" {
		return ""
	}
	return " (calendar entry " + strconv.Quote(entry) + ")"
}

// maxBy says what sets the maximum in force.
func maxBy(d loop.Decision) string {
	own := d.Target.Calendar.Limits(d.Target.Policy.Limits, d.Now)
	most := own.Max
	if own.Ceiling > 0 {
		most = min(most, own.Ceiling)
	}
	if d.Target.MaxReplicasQuery != "" && d.Limits.Max < most {
		return " (max_replicas_query)"
	}
	return by(d.Limits.MaxBy)
}
