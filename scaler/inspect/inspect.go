// Package inspect asks a Prometheus once for what the targets of a configuration
// would be decided on, for check-config --query.
package inspect

import (
	"context"
	"fmt"
	"io"
	"math"
	"strconv"
	"time"

	v1 "github.com/prometheus/client_golang/api/prometheus/v1"

	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/config"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/decide"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/query"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/sample"
)

// lookback is how far back the times of samples are asked for: three of the
// slowest that a Prometheus finds.
const lookback = 3 * sample.MaxSpacing

// Write writes for each target what its queries give now, how old that is, how
// far apart the samples are, and what would be decided with each number of
// replicas. A target's queries are answered by what of returns for it. Write
// returns how many targets have no sample to decide on.
func Write(ctx context.Context, of func(config.Target) v1.API, c config.Config, w io.Writer) (missing int) {
	for _, t := range c.Targets {
		prometheus := of(t)
		fmt.Fprintf(w, "\n%s\n", t.Name)
		if t.Group != nil {
			missing += group(ctx, prometheus, t, w)
			continue
		}
		var samples []sample.Result
		for i, q := range t.Queries {
			s := query.New(prometheus, options(q, w))
			samples = append(samples, read(ctx, s, query.Key{}))
			name := "now"
			if trigger := t.Policy.Triggers[i].Name; trigger != "" {
				name = trigger
			}
			describe(w, t, name, samples[i])
		}
		if q := t.MaxReplicasQuery; q != "" {
			bound := query.NewNumber(prometheus, q, func(string) {}).Now(ctx)
			describe(w, t, "max_replicas", bound)
		}
		if decide.Newest(samples).IsZero() {
			missing++
			continue
		}
		decisions(w, t, samples, "")
	}
	return missing
}

func options(q config.Query, w io.Writer) query.Options {
	return query.Options{Query: q.PromQL, TimestampQuery: q.Timestamp, Zero: q.Zero, Warn: func(warning string) {
		fmt.Fprintf(w, "  warning: %s\n", warning)
	}}
}

// read reads one workload's newest sample, with the spacing of those before it.
func read(ctx context.Context, s *query.Source, key query.Key) sample.Result {
	res := s.Reader(key).Read(ctx)
	if res.Outcome == sample.Failed || res.Empty || res.Ageless {
		return res
	}
	var seen sample.Cadence
	times, err := s.Times(ctx, key, res.Now.Add(-lookback), res.Now)
	if err != nil {
		return res // the value counts; that the past cannot be read is no fault
	}
	for _, at := range times {
		seen = seen.Observe(at, at)
	}
	res.Spacing = seen.Spacing()
	return res
}

// group writes what the queries of a group give for its first workloads.
func group(ctx context.Context, prometheus v1.API, t config.Target, w io.Writer) (missing int) {
	const shown = 5
	labels := query.Labels{Namespace: t.Workload.Namespace, NamespaceLabel: t.Group.NamespaceLabel, NameLabel: t.Group.NameLabel}
	var sources []*query.Source
	keys := map[query.Key]bool{}
	var order []query.Key
	for _, q := range t.Queries {
		s := query.NewShared(prometheus, options(q, w), labels, time.Minute)
		sources = append(sources, s)
		members, err := s.Members(ctx)
		if err != nil {
			fmt.Fprintf(w, "  %v\n", err)
			return 1
		}
		for _, key := range members.Keys {
			if !keys[key] {
				order = append(order, key)
			}
			keys[key] = true
		}
		if members.Unnamed > 0 {
			fmt.Fprintf(w, "  %d series have no labels that name a workload\n", members.Unnamed)
		}
		if members.Repeated > 0 {
			fmt.Fprintf(w, "  %d workloads are matched by several series\n", members.Repeated)
		}
	}
	fmt.Fprintf(w, "  names %d workloads\n", len(order))
	if len(order) == 0 {
		return 1
	}
	for _, key := range order[:min(shown, len(order))] {
		var samples []sample.Result
		for i, s := range sources {
			samples = append(samples, read(ctx, s, key))
			name := key.String()
			if trigger := t.Policy.Triggers[i].Name; trigger != "" {
				name += ", " + trigger
			}
			describe(w, t, name, samples[i])
		}
		if !decide.Newest(samples).IsZero() {
			decisions(w, t, samples, "  ")
		}
	}
	return 0
}

// describe writes what one query gives.
func describe(w io.Writer, t config.Target, name string, s sample.Result) {
	fmt.Fprintf(w, "  %-14s  ", name)
	switch why := s.Missing(); {
	case s.Err != nil:
		fmt.Fprintf(w, "%s: %v\n", why, s.Err)
		return
	case why == sample.ManySeries:
		fmt.Fprintf(w, "%s: %d\n", why, s.Series)
		return
	case why != "":
		fmt.Fprintf(w, "%s\n", why)
		return
	}
	fmt.Fprintf(w, "%s", number(s.Value))
	switch {
	case s.Empty:
		fmt.Fprintln(w, ", because the answer is empty")
		return
	case s.Timestamp.IsZero(): // a limit, which has no age
		fmt.Fprintln(w)
		return
	case s.Ageless:
		fmt.Fprintln(w, ", of unknown age: set timestamp_query")
		return
	}
	stale := t.Policy.MaxAge(s.Spacing)
	fmt.Fprintf(w, ", %s old", s.Now.Sub(s.Timestamp).Round(100*time.Millisecond))
	if s.Spacing > 0 {
		fmt.Fprintf(w, "; samples %s apart", s.Spacing.Round(100*time.Millisecond))
	}
	fmt.Fprintf(w, "; stale after %s", stale)
	if t.Policy.MaxSampleAge > 0 && s.Spacing > t.Policy.MaxSampleAge {
		fmt.Fprintf(w, "\n%18smax_sample_age is below that: a sample counts for a part of\n%18sthe time only", "", "")
	}
	fmt.Fprintln(w)
}

// decisions writes what would be decided with each number of replicas.
func decisions(w io.Writer, t config.Target, samples []sample.Result, indent string) {
	now := samples[0].Now
	p := t.Policy
	p.Expire(samples, now)
	// What only time can bring is left out: it is about the numbers.
	p.ScaleUpDelay, p.ScaleDownDelay, p.ScaleToZeroDelay, p.ScaleDownCoverage, p.HoldAfterStart = 0, 0, 0, 0, 0
	limits := t.Calendar.Limits(p.Limits, now)
	const most = 12
	for n := limits.Min; n <= limits.Max; n++ {
		if n-limits.Min >= most && n < limits.Max {
			n = limits.Max
			fmt.Fprintf(w, "%s  ...\n", indent)
		}
		d, _ := p.Decide(decide.Input{Now: now, Samples: samples, Replicas: n, ByRule: true, Limits: limits}, decide.State{})
		what := fmt.Sprintf("stays (%s)", d.Reason)
		if d.Action != decide.None {
			what = fmt.Sprintf("%s to %d (%s)", d.Action, d.To, d.Reason)
		}
		per := ""
		if !math.IsNaN(d.PerInstance) && !p.Triggers[d.Trigger].Rule.Absolute {
			per = fmt.Sprintf(", %s per replica", number(d.PerInstance))
		}
		fmt.Fprintf(w, "%s  at %-11d  %s%s\n", indent, n, what, per)
	}
}

func number(v float64) string {
	return strconv.FormatFloat(math.Round(v*100)/100, 'f', -1, 64)
}
