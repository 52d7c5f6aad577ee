package command

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/alecthomas/kingpin/v2"
	v1 "github.com/prometheus/client_golang/api/prometheus/v1"
	"github.com/prometheus/common/model"

	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/app"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/backtest"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/backtest/sweep"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/config"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/metrics"
	"github.com/camunda-autoscaler/camunda-autoscaler/service"
)

// The commands that replay.
const (
	backtestCommand = "backtest"
	simulateCommand = "simulate"
)

// Replay is what backtest and simulate are to do.
type Replay struct {
	Command string // "" for neither

	backtest   backtest.Backtest
	simulation backtest.Simulation
	compare    compareFlags

	from, to      string
	series, loads []string
	start         string
	length        time.Duration
}

// compareFlags are those that both commands have.
type compareFlags struct {
	backtest.Compare
	sweep            bool
	up, down, atMost string
	trigger          string
	output, html     string
	replicas         int
}

func addReplay(a *kingpin.Application) *Replay {
	r := &Replay{}
	b := a.Command(backtestCommand, "Replay recorded samples through the scaler's own decisions: replica-hours and time above the bound, of the configured rule and of others.")
	b.Flag("prometheus.url", "Prometheus that has the samples. Default: that of the file.").NoEnvar().StringVar(&r.backtest.URL)
	b.Flag("from", "Start: how long ago, as in -7d, or a time as in 2026-01-31T12:00:00Z. Default: -7d, or all of --file.").NoEnvar().StringVar(&r.from)
	b.Flag("to", "End, written like --from. Default: now, or all of --file.").NoEnvar().StringVar(&r.to)
	b.Flag("cache", "File that keeps what is downloaded, as CSV. An interrupted download continues there, and the next replay needs no Prometheus.").NoEnvar().StringVar(&r.backtest.Cache)
	b.Flag("file", "Read samples from this file: CSV with the columns time and value, OpenMetrics, or what promtool tsdb dump writes.").NoEnvar().ExistingFileVar(&r.backtest.File)
	b.Flag("series", "Selector of the series in --file that is the query's result, or TRIGGER=SELECTOR. Default: the query, if it is a selector.").NoEnvar().StringsVar(&r.series)
	b.Flag("replicas-query", `PromQL of the replicas that there really were. Default: max(camunda_scaler_replicas{target="TARGET"}).`).NoEnvar().StringVar(&r.backtest.Replicas)
	b.Flag("step", "Time between two evaluations of a query. Default: a quarter of the samples' spacing, 1s to 15s.").NoEnvar().DurationVar(&r.backtest.Step)
	s := a.Command(simulateCommand, "Run a described load through the scaler's own decisions, for a rule without a history.")
	s.Flag("load", "Parts that add up, as in '[{day: {low: 10, high: 180}}, {noise: {deviation: 5}}]', or @FILE; with several triggers TRIGGER=DESCRIPTION.").NoEnvar().Required().StringsVar(&r.loads)
	s.Flag("start", "Time of the first sample.").NoEnvar().Default("2026-01-05T00:00:00Z").StringVar(&r.start)
	s.Flag("duration", "How long, for example 24h or 7d.").NoEnvar().Default("24h").SetValue(durationValue{&r.length})
	s.Flag("spacing", "Time between two samples.").NoEnvar().Default("10s").DurationVar(&r.simulation.Spacing)
	s.Flag("seed", "Seed of the noise.").NoEnvar().Default("1").Uint64Var(&r.simulation.Seed)
	r.compare.add(b, "0s")
	r.compare.add(s, "1m")
	return r
}

func (c *compareFlags) add(cmd *kingpin.CmdClause, readyAfter string) {
	cmd.Flag("config.file", "Configuration file. Default: the default rule.").NoEnvar().StringVar(&c.ConfigFile)
	cmd.Flag("target", "Target of the file; a group's workload is TARGET/NAMESPACE/NAME. Default: the only one.").NoEnvar().StringVar(&c.Target)
	cmd.Flag("rule", "Another rule to compare, as in scale_up_at=40,max_replicas=6. The keys are those of the file. Repeatable.").NoEnvar().StringsVar(&c.Rules)
	cmd.Flag("replicas", "Replicas at the start. Default: those recorded, or the minimum.").NoEnvar().IntVar(&c.replicas)
	cmd.Flag("ready-after", "How long a new Pod takes to share the load.").NoEnvar().Default(readyAfter).DurationVar(&c.ReadyAfter)
	cmd.Flag("sweep", "Find the bounds with the least replica-hours that keep the time above the bound under a limit.").NoEnvar().BoolVar(&c.sweep)
	cmd.Flag("sweep.up", "scale_up_at (or value_per_replica) to try, as FROM:TO:BY. Default: around the configured one.").NoEnvar().StringVar(&c.up)
	cmd.Flag("sweep.down", "scale_down_at to try, as FROM:TO:BY. Default: around the configured one.").NoEnvar().StringVar(&c.down)
	cmd.Flag("sweep.above-at-most", "The limit: a share of the time as in 0.5%, by the bound of the configured rule. Default: what the configured rule comes to.").NoEnvar().StringVar(&c.atMost)
	cmd.Flag("sweep.trigger", "Trigger whose bounds are tried, if there are several.").NoEnvar().StringVar(&c.trigger)
	cmd.Flag("floors", "Recommend a calendar of minimums, if every weekday was recorded.").NoEnvar().BoolVar(&c.Floors)
	cmd.Flag("location", "Time zone of the calendar, for example Europe/Berlin. Default: that of the target's calendar, or UTC.").NoEnvar().StringVar(&c.Location)
	cmd.Flag("output", "table or json.").NoEnvar().Default("table").EnumVar(&c.output, "table", "json")
	cmd.Flag("html", "Write a page with pictures to this file as well.").NoEnvar().StringVar(&c.html)
}

// durationValue is a duration with days and weeks.
type durationValue struct{ *time.Duration }

func (d durationValue) Set(text string) error {
	v, err := model.ParseDuration(text)
	*d.Duration = time.Duration(v)
	return err
}

func (d durationValue) String() string {
	if d.Duration == nil {
		return ""
	}
	return d.Duration.String()
}

// JoinNegative joins --from and --to with a value that starts with a dash, which
// the parser would take for a flag.
func JoinNegative(args []string) []string {
	joined := make([]string, 0, len(args))
	for i := 0; i < len(args); i++ {
		if (args[i] == "--from" || args[i] == "--to") && i+1 < len(args) && len(args[i+1]) > 1 && args[i+1][0] == '-' && args[i+1][1] >= '0' && args[i+1][1] <= '9' {
			joined = append(joined, args[i]+"="+args[i+1])
			i++
			continue
		}
		joined = append(joined, args[i])
	}
	return joined
}

// Run replays, and writes the report to out and the progress to progress.
func (r *Replay) Run(ctx context.Context, out, progress io.Writer) error {
	if err := r.complete(time.Now()); err != nil {
		return &service.UsageError{Err: err}
	}
	var report *backtest.Report
	var err error
	if r.Command == simulateCommand {
		report, err = r.simulation.Run(ctx, progress)
	} else {
		connect := func(c config.Prometheus) (v1.API, error) { return app.Connect(c, 0, metrics.New()) }
		report, err = r.backtest.Run(ctx, connect, progress)
	}
	if err != nil {
		return err
	}
	if path := r.compare.html; path != "" {
		if err := writeFile(path, report.WriteHTML); err != nil {
			return err
		}
		fmt.Fprintln(progress, "the page is in", path)
	}
	if r.compare.output == "json" {
		return report.WriteJSON(out)
	}
	report.WriteTable(out)
	return nil
}

func writeFile(path string, write func(io.Writer) error) error {
	file, err := os.Create(path)
	if err != nil {
		return fmt.Errorf("write the page: %w", err)
	}
	if err := errors.Join(write(file), file.Close()); err != nil {
		return fmt.Errorf("write the page: %w", err)
	}
	return nil
}

// complete reads the flags that the parser has not.
func (r *Replay) complete(now time.Time) (err error) {
	c := r.compare.Compare
	if r.compare.replicas < 0 {
		return fmt.Errorf("--replicas: %d is too low: want 1 or more", r.compare.replicas)
	}
	c.Start = int32(min(r.compare.replicas, 1_000_000))
	if c.ReadyAfter < 0 {
		return fmt.Errorf("--ready-after: %s is below 0", c.ReadyAfter)
	}
	if c.Sweep, err = r.compare.sweepOf(); err != nil {
		return err
	}
	r.backtest.Compare, r.simulation.Compare = c, c
	if r.Command == simulateCommand {
		return r.completeSimulation()
	}
	return r.completeBacktest(now)
}

func (c compareFlags) sweepOf() (*sweep.Sweep, error) {
	if !c.sweep {
		if c.up+c.down+c.atMost+c.trigger != "" {
			return nil, errors.New("--sweep.* without --sweep")
		}
		return nil, nil
	}
	s := sweep.Sweep{Trigger: c.trigger}
	var err error
	if s.Up, err = sweep.ParseRange(c.up); err != nil {
		return nil, fmt.Errorf("--sweep.up: %w", err)
	}
	if s.Down, err = sweep.ParseRange(c.down); err != nil {
		return nil, fmt.Errorf("--sweep.down: %w", err)
	}
	if c.atMost != "" {
		v, err := strconv.ParseFloat(strings.TrimSuffix(c.atMost, "%"), 64)
		if err != nil || !(v >= 0 && v <= 100) || !strings.HasSuffix(c.atMost, "%") {
			return nil, fmt.Errorf("--sweep.above-at-most: %q: want a share of the time, for example 0.5%%", c.atMost)
		}
		s.Above, s.AboveSet = v/100, true
	}
	return &s, nil
}

func (r *Replay) completeSimulation() (err error) {
	s := &r.simulation
	if s.From, err = time.Parse(time.RFC3339, r.start); err != nil {
		return fmt.Errorf("--start: %q: want a time as in 2026-01-05T00:00:00Z", r.start)
	}
	if s.Duration = r.length; s.Duration <= 0 {
		return errors.New("--duration: want more than 0")
	}
	if s.Spacing < time.Millisecond || s.Spacing >= s.Duration {
		return fmt.Errorf("--spacing: %s: want 1ms or more, and less than --duration", s.Spacing)
	}
	s.Loads, err = named(r.loads, "--load")
	return err
}

func (r *Replay) completeBacktest(now time.Time) (err error) {
	b := &r.backtest
	if b.File != "" && (b.Cache != "" || b.URL != "") {
		return errors.New("--file contradicts --cache and --prometheus.url: it is read in the place of Prometheus")
	}
	if b.Step < 0 {
		return fmt.Errorf("--step: %s is below 0", b.Step)
	}
	from, to := r.from, r.to
	if b.File == "" {
		if from == "" {
			from = "-7d"
		}
		if to == "" {
			to = "now"
		}
	}
	b.Given = [2]string{from, to}
	if b.From, err = parseWhen(from, now); err != nil {
		return fmt.Errorf("--from: %w", err)
	}
	if b.To, err = parseWhen(to, now); err != nil {
		return fmt.Errorf("--to: %w", err)
	}
	if !b.From.IsZero() && !b.To.IsZero() && !b.To.After(b.From) {
		return fmt.Errorf("--to=%s is not after --from=%s", to, from)
	}
	b.Series, err = named(r.series, "--series")
	return err
}

// parseWhen reads how long ago, or a time; "" is none.
func parseWhen(text string, now time.Time) (time.Time, error) {
	now = now.UTC().Truncate(time.Second)
	switch text {
	case "":
		return time.Time{}, nil
	case "now":
		return now, nil
	}
	if ago, err := model.ParseDuration(strings.TrimPrefix(text, "-")); err == nil {
		return now.Add(-time.Duration(ago)), nil
	}
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return t, fmt.Errorf("%q: want how long ago, as in -7d, a time as in 2026-01-31T12:00:00Z, or now", text)
	}
	return t.UTC(), nil
}

// named reads values of which each may start with the name of a trigger and an
// equals sign.
func named(values []string, flag string) (map[string]string, error) {
	all := map[string]string{}
	for _, v := range values {
		name, rest, found := strings.Cut(v, "=")
		if !found || strings.ContainsAny(name, "{}[]@:(\"") {
			name, rest = "", v
		}
		if _, twice := all[name]; twice {
			return nil, fmt.Errorf("%s is given twice for trigger %q", flag, name)
		}
		all[name] = rest
	}
	return all, nil
}

var replayCommands = []string{backtestCommand, simulateCommand}

// selected notes that one of the commands was given.
func (r *Replay) selected(command string) bool {
	if slices.Contains(replayCommands, command) {
		r.Command = command
	}
	return r.Command != ""
}
