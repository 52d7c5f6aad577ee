// Package backtest compares rules on a recorded load: what they would have
// done, what that would have cost, and for how long the load would have been
// above the bound.
package backtest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	v1 "github.com/prometheus/client_golang/api/prometheus/v1"

	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/backtest/floors"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/backtest/sweep"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/backtest/variant"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/calendar"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/config"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/plot"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/promql"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/recording"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/recording/download"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/replay"
	"github.com/camunda-autoscaler/camunda-autoscaler/service"
)

// Compare says which rules to compare, and how.
type Compare struct {
	ConfigFile string // "" for the default rule
	Target     string
	Rules      []string // variants, as variant.Document reads them
	Start      int32    // replicas at the start; 0 for the recorded ones, or the minimum
	ReadyAfter time.Duration
	Sweep      *sweep.Sweep // nil for none
	Floors     bool         // recommend a calendar
	Location   string       // of its times
}

// columns is how wide the pictures are.
const columns = plot.Width

// compared is a target, its variants, and what they are replayed on.
type compared struct {
	Compare
	target  config.Target
	targets []config.Target // the configured one, and the variants
	names   []string
	from    *recording.Recording
	key     string
}

// Run replays the recording, and reports.
func (c compared) run(ctx context.Context) (*Report, error) {
	o := replay.Options{From: c.from.From, To: c.from.To, ReadyAfter: c.ReadyAfter, Judge: replay.JudgeOf(c.target), Columns: columns, Start: c.Start}
	if !o.To.After(o.From) {
		return nil, errors.New("the recording has no duration: want two samples at least")
	}
	if o.Start == 0 && c.from.Replicas {
		n, err := replicasAt(c.from, o.From)
		if err != nil {
			return nil, err
		}
		o.Start = n
	}
	var runs []*replay.Run
	var consumers []replay.Consumer
	for _, t := range c.targets {
		r := replay.NewRun(t, o)
		runs, consumers = append(runs, r), append(consumers, r)
	}
	var actual *replay.Actual
	if c.from.Replicas {
		actual = replay.NewActual(c.target, o)
		consumers = append(consumers, actual)
	}
	var n *floors.Needs
	if c.Floors {
		location, err := c.location()
		if err != nil {
			return nil, err
		}
		n = floors.NewNeeds(c.target, location, o.To)
		consumers = append(consumers, n)
	}
	if err := replay.Drive(ctx, c.from, consumers); err != nil {
		return nil, err
	}
	report := &Report{
		Target: c.target.Name, From: o.From, To: o.To, Samples: c.from.Samples, Bound: boundOf(c.target),
		Notes: c.from.Notes, triggers: c.target.Policy.Triggers,
	}
	for i, r := range runs {
		report.Courses = append(report.Courses, courseOf(c.names[i], r))
	}
	if actual != nil && actual.Known() {
		report.Courses = append(report.Courses, courseOfActual(actual))
	}
	if err := c.addFloors(ctx, report, o, n); err != nil {
		return nil, err
	}
	if c.Sweep != nil {
		var err error
		if report.Sweep, err = c.Sweep.Run(ctx, c.target, o, c.from, report.Courses[0].Figures); err != nil {
			return nil, err
		}
		report.Sweep.Note = noteOf(report.Sweep)
	}
	return report, nil
}

// addFloors recommends floors, and replays the target with them.
func (c compared) addFloors(ctx context.Context, report *Report, o replay.Options, n *floors.Needs) (err error) {
	if n == nil {
		return nil
	}
	report.Floors, report.NoFloors, err = n.Recommend()
	if err != nil || report.Floors == nil {
		return err
	}
	t := c.target
	t.Calendar = append(append(calendar.Calendar{}, t.Calendar...), report.Floors.Calendar...)
	o.Columns = 0
	run := replay.NewRun(t, o)
	if err := replay.Drive(ctx, c.from, []replay.Consumer{run}); err != nil {
		return err
	}
	report.Floors.Figures = run.Meter.Total()
	return nil
}

func (c compared) location() (*time.Location, error) {
	if c.Location == "" && len(c.target.Calendar) > 0 {
		return c.target.Calendar[0].Location, nil
	}
	if c.Location == "" {
		return time.UTC, nil
	}
	return calendar.LoadLocation(c.Location)
}

var errEnough = errors.New("enough was read")

// replicasAt returns the replicas that were recorded at that time, or soon
// after; 0 if there were none.
func replicasAt(from replay.Stream, at time.Time) (n int32, err error) {
	err = from.Each(func(batch []replay.Observation) error {
		for _, o := range batch {
			late := o.Seen > at.UnixNano()
			if late && (n > 0 || o.Seen > at.Add(5*time.Minute).UnixNano()) {
				return errEnough
			}
			if o.Track == replay.Replicas && o.Kind == replay.Value && o.Value >= 1 && o.Value < 1e6 {
				n = int32(o.Value)
			}
		}
		return nil
	})
	if errors.Is(err, errEnough) {
		err = nil
	}
	return n, err
}

// targets reads the configuration, and the variants of the target.
func (c *compared) read() (config.Config, error) {
	doc, err := variant.Read(c.ConfigFile)
	if err != nil {
		return config.Config{}, err
	}
	all, err := doc.Config()
	if err != nil {
		return all, err
	}
	t, key, index, err := variant.Choose(all, c.Target)
	if err != nil {
		return all, err
	}
	c.target, c.targets, c.names, c.key = t, []config.Target{t}, []string{"configured"}, key.String()
	for _, settings := range c.Rules {
		v, err := doc.Vary(index, settings)
		if err != nil {
			return all, err
		}
		if len(v.Policy.Triggers) != len(t.Policy.Triggers) {
			return all, fmt.Errorf("--rule=%s: another number of triggers cannot be replayed on the same recording", settings)
		}
		v.Name = t.Name
		c.targets, c.names = append(c.targets, v), append(c.names, strings.ReplaceAll(settings, ",", ", "))
	}
	return all, nil
}

// Backtest is a comparison on a recording.
type Backtest struct {
	Compare
	URL      string    // of Prometheus; "" for that of the file
	From, To time.Time // zero for the recording's
	Given    [2]string // as they were written
	Cache    string    // file that keeps what was downloaded; "" for none
	File     string    // to read in the place of Prometheus
	Series   map[string]string
	Replicas string // query; "" for the scaler's own metric
	Step     time.Duration
}

// Connect makes a client of a Prometheus.
type Connect func(config.Prometheus) (v1.API, error)

// Run replays the recorded load, and returns the report. It writes progress.
func (b Backtest) Run(ctx context.Context, connect Connect, progress io.Writer) (*Report, error) {
	c := compared{Compare: b.Compare}
	all, err := c.read()
	if err != nil {
		return nil, &service.UsageError{Err: err}
	}
	if b.Replicas == "" {
		b.Replicas = fmt.Sprintf("max(camunda_scaler_replicas{target=%q})", c.target.Name)
	}
	started := time.Now()
	if b.File != "" {
		c.from, err = b.open(c.target)
	} else {
		path := b.Cache
		if path == "" {
			folder, err := os.MkdirTemp("", "camunda-scaler-backtest-")
			if err != nil {
				return nil, fmt.Errorf("make a folder for the recording: %w", err)
			}
			defer os.RemoveAll(folder)
			path = filepath.Join(folder, "recording.csv")
		}
		c.from, err = b.download(ctx, all, c, connect, path, progress)
	}
	if err != nil {
		return nil, err
	}
	if c.from.Samples == 0 {
		return nil, fmt.Errorf("there is no sample of target %s in this time", c.target.Name)
	}
	if b.File != "" && !b.From.IsZero() {
		c.from.From = b.From
	}
	if b.File != "" && !b.To.IsZero() && b.To.Before(c.from.To) {
		c.from.To = b.To
	}
	read := time.Now()
	report, err := c.run(ctx)
	if err != nil {
		return nil, err
	}
	fmt.Fprintf(progress, "%d samples read in %s, replayed in %s\n", report.Samples, read.Sub(started).Round(10*time.Millisecond), time.Since(read).Round(10*time.Millisecond))
	report.Command = "backtest"
	report.Notes = append(report.Notes, b.notes(c, report.recorded())...)
	return report, nil
}

// open opens a file of samples.
func (b Backtest) open(t config.Target) (*recording.Recording, error) {
	format, err := recording.FormatOf(b.File)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, trigger := range t.Policy.Triggers {
		names = append(names, trigger.Name)
	}
	if format == recording.CSV {
		return recording.OpenCSV(b.File, names)
	}
	f := recording.SeriesFile{Path: b.File, Replicas: fmt.Sprintf("camunda_scaler_replicas{target=%q}", t.Name)}
	for i, q := range t.Queries {
		selector, given := b.Series[names[i]]
		if parsed, err := promql.Parse(q.PromQL); err == nil && !given {
			selector = parsed.Selector()
		}
		f.Selectors = append(f.Selectors, selector)
	}
	return f.Open()
}

// download asks Prometheus.
func (b Backtest) download(ctx context.Context, all config.Config, c compared, connect Connect, path string, progress io.Writer) (*recording.Recording, error) {
	server := all.Server(c.target)
	if b.URL != "" {
		var err error
		if server.URL, err = config.ParseURL(b.URL); err != nil {
			return nil, fmt.Errorf("--prometheus.url: %w", err)
		}
	}
	api, err := connect(server)
	if err != nil {
		return nil, err
	}
	reported := time.Time{}
	_, key, _, err := variant.Choose(all, c.Target)
	if err != nil {
		return nil, err
	}
	d := download.Request{
		API: api, Target: c.target, Key: key, Replicas: b.Replicas, Step: b.Step, From: b.From, To: b.To, Given: b.Given,
		Progress: func(done float64, until time.Time) {
			if done < 1 && time.Since(reported) < 2*time.Second {
				return
			}
			reported = time.Now()
			fmt.Fprintf(progress, "downloaded %3.0f %%, until %s\n", 100*done, until.UTC().Format("2006-01-02 15:04"))
		},
	}
	r, err := d.Into(ctx, path)
	if err == nil && b.Cache != "" {
		fmt.Fprintf(progress, "%s has %s to %s\n", b.Cache, r.From.UTC().Format("2006-01-02 15:04"), r.To.UTC().Format("2006-01-02 15:04 MST"))
	}
	return r, err
}

// notes say what a replay cannot know.
func (b Backtest) notes(c compared, recorded bool) []string {
	notes := []string{
		"A replay takes the load as it was recorded. If the load depended on the replicas (a queue that more of them empty sooner, users who gave up), another rule would have met another load.",
		"A sample that was never recorded, and failures of Prometheus, the API server and the scaler, are not in it; nor are pauses and changes by hand.",
		"It starts as a scaler that starts at the first sample. Where samples are closer together than the interval, a running scaler may decide on others of them.",
	}
	if c.ReadyAfter == 0 {
		notes = append(notes, "New Pods share the load at once. Set --ready-after to how long yours take.")
	} else {
		notes = append(notes, fmt.Sprintf("New Pods share the load after %s.", c.ReadyAfter))
	}
	if !recorded {
		notes = append(notes, "No replicas were recorded, so there is nothing to compare the rules with: "+b.otherReplicas())
	}
	for i, q := range c.target.Queries {
		parsed, err := promql.Parse(q.PromQL)
		if q.Timestamp == "" && err == nil && !parsed.TellsAge() && b.File == "" {
			notes = append(notes, fmt.Sprintf("The query of %s does not tell the age of its samples: it was evaluated once an interval.", triggerName(c.target, i)))
		}
		if q.Timestamp != "" && b.File != "" {
			notes = append(notes, fmt.Sprintf("timestamp_query of %s was not evaluated: the times are those of the file.", triggerName(c.target, i)))
		}
	}
	return notes
}

// otherReplicas says how to name the replicas that there were.
func (b Backtest) otherReplicas() string {
	if b.File == "" {
		return "--replicas-query names others, for example those of an HPA."
	}
	return "in a CSV file they are in the column replicas, in other files in the series camunda_scaler_replicas."
}

func triggerName(t config.Target, i int) string {
	if name := t.Policy.Triggers[i].Name; name != "" {
		return "trigger " + name
	}
	return "the target"
}
