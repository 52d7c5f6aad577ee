// Package download gets what a target's queries gave in the past from a
// Prometheus, into a file that an interrupted download continues with.
package download

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"net/http"
	"os"
	"slices"
	"time"

	v1 "github.com/prometheus/client_golang/api/prometheus/v1"
	"github.com/prometheus/common/model"

	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/config"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/promapi"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/promql"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/query"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/recording"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/replay"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/sample"
)

// Request is what to ask a Prometheus for.
type Request struct {
	API      v1.API
	Target   config.Target
	Key      query.Key     // the workload, of a group's; zero if the target is one workload
	Replicas string        // PromQL of the replicas that there were; "" for none
	Step     time.Duration // between two evaluations; 0 follows the spacing of the samples
	From, To time.Time
	Given    [2]string // how From and To were written, for the cache

	// Progress is told how much is done, from 0 to 1; it may be nil.
	Progress func(done float64, until time.Time)
}

// points is how many evaluations one request is for. Prometheus refuses more
// than 11,000.
const points = 10_000

// attempts is how often a request is made that fails for the connection or the
// server, and pause how long the first wait between two is.
const attempts = 4

var pause = time.Second

// RequestTimeout bounds one request.
const RequestTimeout = 2 * time.Minute

// queried is one query, and what it gave last.
type queried struct {
	track       int
	value, time string        // PromQL; time is "" if it does not matter
	ageless     bool          // each answer is of the moment
	step        time.Duration // between two evaluations
	next        time.Time     // the next evaluation
	last        replay.Observation
	before      time.Time // the evaluation before
}

// Into downloads what the file at path lacks, and returns the recording in it. A
// file that another download has left incomplete is completed.
func (d Request) Into(ctx context.Context, path string) (*recording.Recording, error) {
	triggers := triggerNames(d.Target)
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return nil, fmt.Errorf("open the recording: %w", err)
	}
	defer file.Close()
	c, err := openCache(file, path, d, triggers)
	if err != nil {
		return nil, err
	}
	if c.head.Step == 0 && c.until.Before(c.head.To) {
		spacing, err := d.spacing(ctx, c.head)
		if err != nil {
			return nil, err
		}
		c.head.Step = stepFor(cmp.Or(d.Step, spacing/4), d.Target.Interval)
		if err := c.writeHead(); err != nil {
			return nil, err
		}
	}
	if err := d.fetch(ctx, c, triggers); err != nil {
		return nil, err
	}
	if err := file.Close(); err != nil {
		return nil, fmt.Errorf("write the recording: %w", err)
	}
	r, err := recording.OpenCSV(path, triggers)
	if err != nil {
		return nil, err
	}
	r.From, r.To = c.head.From, c.head.To
	return r, nil
}

// stepFor returns the time between two evaluations: so short that no sample is
// missed, and whole seconds.
func stepFor(step, interval time.Duration) time.Duration {
	if step <= 0 {
		step = interval / 4
	}
	if step < time.Second {
		return max(step.Round(100*time.Millisecond), 100*time.Millisecond)
	}
	return min(step.Truncate(time.Second), 15*time.Second)
}

func triggerNames(t config.Target) (names []string) {
	for _, trigger := range t.Policy.Triggers {
		names = append(names, trigger.Name)
	}
	return names
}

// spacing returns how far apart the samples of the target's queries are, the
// shortest of them; 0 if there are none at the ends of the time.
func (d Request) spacing(ctx context.Context, h head) (time.Duration, error) {
	shortest := time.Duration(0)
	for _, a := range d.queries(h) {
		if a.time == "" {
			continue
		}
		var seen sample.Cadence
		for _, from := range []time.Time{h.To.Add(-3 * sample.MaxSpacing), h.From} {
			matrix, err := d.evaluate(ctx, a.time, v1.Range{Start: from, End: from.Add(3 * sample.MaxSpacing), Step: time.Second})
			if err != nil {
				return 0, err
			}
			var times []time.Time
			for _, s := range d.own(matrix) {
				for _, p := range s.Values {
					times = append(times, timeOfSeconds(p.Value))
				}
			}
			slices.SortFunc(times, time.Time.Compare)
			for _, at := range times {
				seen = seen.Observe(at, at)
			}
			if seen.Spacing() > 0 {
				break
			}
		}
		if s := seen.Spacing(); s > 0 && (shortest == 0 || s < shortest) {
			shortest = s
		}
	}
	return shortest, nil
}

// queries are what is to be evaluated.
func (d Request) queries(h head) []*queried {
	step := cmp.Or(h.Step, time.Second)
	var all []*queried
	for i, q := range d.Target.Queries {
		a := &queried{track: i, value: q.PromQL, time: q.Timestamp, step: step, next: h.From}
		if a.time == "" {
			if parsed, err := promql.Parse(q.PromQL); err == nil && !parsed.TellsAge() {
				// A loop that gets a new number with every answer takes one an
				// interval, the first nine tenths of it after its start.
				a.ageless, a.step = true, d.Target.Interval
				a.next = h.From.Add(-d.Target.Interval / 10)
			} else {
				a.time = "timestamp(\n" + q.PromQL + "\n)"
			}
		}
		all = append(all, a)
	}
	if q := d.Target.MaxReplicasQuery; q != "" {
		all = append(all, &queried{track: replay.MaxReplicas, value: q, ageless: true, step: step, next: h.From})
	}
	if d.Replicas != "" {
		all = append(all, &queried{track: replay.Replicas, value: d.Replicas, ageless: true, step: step, next: h.From})
	}
	return all
}

// fetch downloads what is missing, in chunks.
func (d Request) fetch(ctx context.Context, c *cache, triggers []string) error {
	all := d.queries(c.head)
	for _, a := range all {
		a.last = c.last[a.track]
		if c.until.After(c.head.From) { // go on after the last one there was
			a.next = a.next.Add((c.until.Sub(a.next) + a.step - 1) / a.step * a.step)
		}
		a.before = a.next.Add(-a.step)
	}
	size := points * c.head.Step
	for c.until.Before(c.head.To) {
		end := c.until.Add(size)
		if end.After(c.head.To) {
			end = c.head.To
		}
		rows, err := d.chunk(ctx, all, end)
		if err != nil {
			if tooLarge(err) && size > 100*c.head.Step {
				size /= 2
				continue
			}
			return fmt.Errorf("%w (what was downloaded until %s is kept: the same command continues there if --cache names the file)", err, c.until.UTC().Format(time.RFC3339))
		}
		if err := c.write(rows, end, triggers); err != nil {
			return err
		}
		if d.Progress != nil {
			d.Progress(float64(end.Sub(c.head.From))/float64(c.head.To.Sub(c.head.From)), end)
		}
	}
	return nil
}

// tooLarge reports whether a shorter range may be answered.
func tooLarge(err error) bool {
	var refused *v1.Error
	var long *http.MaxBytesError
	return errors.As(err, &refused) && refused.Type == v1.ErrExec || errors.As(err, &long)
}

// chunk returns what the queries gave before end, in the order in which it was
// seen. It changes the queries only if it succeeds.
func (d Request) chunk(ctx context.Context, all []*queried, end time.Time) ([]replay.Observation, error) {
	var rows []replay.Observation
	after := make([]queried, len(all))
	for i, a := range all {
		after[i] = *a
		if !a.next.Before(end) {
			continue
		}
		n := (end.Sub(a.next) - 1) / a.step
		r := v1.Range{Start: a.next, End: a.next.Add(n * a.step), Step: a.step}
		values, err := d.evaluate(ctx, a.value, r)
		if err != nil {
			return nil, err
		}
		var times model.Matrix
		if a.time != "" {
			if times, err = d.evaluate(ctx, a.time, r); err != nil {
				return nil, err
			}
		}
		rows = append(rows, after[i].take(r, pointsOf(d.own(values), r), pointsOf(d.own(times), r))...)
	}
	for i := range all {
		*all[i] = after[i]
	}
	slices.SortStableFunc(rows, func(a, b replay.Observation) int { return cmp.Compare(a.Seen, b.Seen) })
	return rows, nil
}

// evaluate makes one request, and makes it again if the server or the
// connection failed.
func (d Request) evaluate(ctx context.Context, text string, r v1.Range) (model.Matrix, error) {
	wait := pause
	for n := 1; ; n++ {
		one, cancel := context.WithTimeout(ctx, RequestTimeout)
		value, _, _, err := d.API.QueryRange(one, text, r)
		cancel()
		if err == nil {
			matrix, ok := value.(model.Matrix)
			if !ok {
				return nil, fmt.Errorf("query %s from %s: the answer is no matrix: is this a Prometheus?", text, r.Start.UTC().Format(time.RFC3339))
			}
			return matrix, nil
		}
		cause := promapi.CauseOf(err)
		if n == attempts || ctx.Err() != nil || cause == promapi.CauseBadQuery || cause == promapi.CauseResult {
			return nil, fmt.Errorf("query %s from %s: %w", text, r.Start.UTC().Format(time.RFC3339), err)
		}
		select {
		case <-time.After(wait):
		case <-ctx.Done():
		}
		wait *= 2
	}
}

// own are the series of the workload, if the target is a group.
func (d Request) own(all model.Matrix) model.Matrix {
	g := d.Target.Group
	if g == nil {
		return all
	}
	return slices.DeleteFunc(slices.Clone(all), func(s *model.SampleStream) bool {
		return string(s.Metric[model.LabelName(g.NameLabel)]) != d.Key.Name ||
			g.NamespaceLabel != "" && string(s.Metric[model.LabelName(g.NamespaceLabel)]) != d.Key.Namespace
	})
}

// point is what a query gave at one time.
type point struct {
	series int
	value  float64
}

// pointsOf returns what was given at each time of the range.
func pointsOf(all model.Matrix, r v1.Range) []point {
	at := make([]point, r.End.Sub(r.Start)/r.Step+1)
	for _, s := range all {
		for _, v := range s.Values {
			i := int(math.Round(float64(v.Timestamp.Time().Sub(r.Start)) / float64(r.Step)))
			if i >= 0 && i < len(at) {
				at[i].series++
				at[i].value = float64(v.Value)
			}
		}
	}
	return at
}

// take takes in the answers of a range, and returns what changed.
func (a *queried) take(r v1.Range, values, times []point) (changes []replay.Observation) {
	for i, v := range values {
		now := r.Start.Add(time.Duration(i) * r.Step)
		o := replay.Observation{Track: a.track, Seen: now.UnixNano(), Value: v.value}
		switch {
		case v.series == 0:
			o.Kind, o.Value = replay.Nothing, 0
		case v.series > 1:
			o.Kind, o.Value = replay.Many, 0
		case a.time == "":
		case times[i].series != 1:
			o.Kind, o.Value = replay.Unusable, 0
		default:
			o.At = timeOfSeconds(model.SampleValue(times[i].value)).UnixNano()
			// It could be read from its own time on or, if that is longer
			// ago, from some time after the evaluation before.
			if seen := max(o.At, a.before.UnixNano()+1e6); o.At != a.last.At && seen < o.Seen && a.last.Seen != 0 {
				o.Seen = seen
			}
		}
		a.before = now
		if o.Kind != a.last.Kind || o.At != a.last.At || !same(o.Value, a.last.Value) || a.last.Seen == 0 {
			changes = append(changes, o)
			a.last = o
		}
	}
	a.next = r.End.Add(r.Step)
	return changes
}

func same(a, b float64) bool { return a == b || math.IsNaN(a) && math.IsNaN(b) }

func timeOfSeconds(v model.SampleValue) time.Time {
	return time.UnixMilli(int64(math.Round(float64(v) * 1000))).UTC()
}
