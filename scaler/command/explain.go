package command

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/alecthomas/kingpin/v2"
	commoncfg "github.com/prometheus/common/config"

	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/api"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/app"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/explain"
	"github.com/camunda-autoscaler/camunda-autoscaler/service"
)

// Explain is what the command explain is to do.
type Explain struct {
	Selected   bool
	Target     string   // "" for a table of all
	URL        *url.URL // of a running scaler
	HTTPConfig string   // a file; "" for none
	JSON       bool
	Last       int // how much of the past
}

// addExplain adds the command.
func addExplain(a *kingpin.Application) *Explain {
	o := &Explain{}
	c := a.Command(explaining, "Ask a running scaler why it does what it does, and what would have to change for it to act. Exits with 2 if it has no such target, with 1 if it cannot be asked or stands by.")
	c.Arg("target", "Name of the target. Without it: a table of all.").StringVar(&o.Target)
	c.Flag("web.url", "Address of the scaler, for example a forwarded port.").NoEnvar().Default("http://localhost" + DefaultAddress).URLVar(&o.URL)
	c.Flag("http.config.file", "YAML file with Prometheus's http_config options for the request: TLS, authentication.").NoEnvar().StringVar(&o.HTTPConfig)
	output := c.Flag("output", "text or json, which is what the API answers.").NoEnvar().Default("text").Enum("text", "json")
	c.Flag("last", "How many of the last decisions to show.").NoEnvar().Default("10").IntVar(&o.Last)
	c.Action(func(*kingpin.ParseContext) error { o.JSON = *output == "json"; return nil })
	return o
}

const explaining = "explain"

// selected notes whether the command is that one.
func (o *Explain) selected(command string) bool {
	o.Selected = command == explaining
	return o.Selected
}

func (o Explain) check() error {
	switch {
	case o.URL.Scheme != "http" && o.URL.Scheme != "https" || o.URL.Host == "":
		return fmt.Errorf("--web.url: %q: want an address such as http://localhost%s", o.URL.Redacted(), DefaultAddress)
	case o.Last < 1 || o.Last > 1000:
		return fmt.Errorf("--last: %d: want a number from 1 to 1000", o.Last)
	}
	return nil
}

// Run asks a scaler why it does what it does, and writes the answer.
func (o Explain) Run(ctx context.Context, w io.Writer) error {
	config := &commoncfg.DefaultHTTPClientConfig
	if o.HTTPConfig != "" {
		var err error
		if config, _, err = commoncfg.LoadHTTPConfigFile(o.HTTPConfig); err != nil {
			return &service.UsageError{Err: fmt.Errorf("--http.config.file: %w", err)}
		}
	}
	client, err := commoncfg.NewClientFromConfig(*config, app.Name, commoncfg.WithUserAgent(app.UserAgent()))
	if err != nil {
		return &service.UsageError{Err: fmt.Errorf("--http.config.file: %w", err)}
	}
	c := api.Client{URL: o.URL, HTTP: client}
	if o.Target == "" {
		return o.all(ctx, c, w)
	}
	const enough = 1000 // decisions, to join those that repeat
	limit := enough
	if o.JSON {
		limit = o.Last
	}
	got, text, err := c.Decisions(ctx, o.Target, limit)
	switch {
	case errors.Is(err, api.ErrNoTarget):
		return &service.UsageError{Err: err}
	case err != nil:
		return err
	case o.JSON:
		_, err = w.Write(text)
		return err
	}
	if err := stands(got.Scaler); err != nil {
		return err
	}
	return o.one(got, time.Now(), w)
}

// stands returns an error if the scaler stands by, so that it has nothing to
// tell.
func stands(s api.Scaler) error {
	if s.Leads {
		return nil
	}
	leader := "it is unknown which one leads"
	if s.Leader != "" {
		pod, _, _ := strings.Cut(s.Leader, "_")
		leader = pod + " leads: ask that one"
	}
	return fmt.Errorf("this scaler stands by, and %s", leader)
}

// all writes a table of all targets.
func (o Explain) all(ctx context.Context, c api.Client, w io.Writer) error {
	got, err := c.Targets(ctx)
	if err != nil {
		return err
	}
	if o.JSON {
		return json.NewEncoder(w).Encode(got)
	}
	if err := stands(got.Scaler); err != nil {
		return err
	}
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "TARGET\tREPLICAS\tVALUE\tUP AT\tDOWN AT\tAGE\tSTATE\tSINCE")
	for _, t := range got.Targets {
		replicas, value, up, down, age, since := "-", "-", "-", "-", "-", "-"
		state := t.State
		if d := t.Last; d != nil && t.State != api.NotDecided {
			replicas, value, age = api.Replicas(*d), api.Measured(*d), api.Age(*d)
			up, down = d.Bounds()
			up, down = dash(up), dash(down)
			state += " (" + d.Reason + ")"
			since = explain.Duration(time.Since(*t.Since))
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", t.Name, replicas, value, up, down, age, state, since)
	}
	for _, g := range got.Groups {
		if g.Workloads == 0 {
			fmt.Fprintf(table, "%s\t-\t-\t-\t-\t-\t%s\t-\n", g.Name, "its query names no workload")
		}
	}
	return table.Flush()
}

func dash(text string) string {
	if text == "" {
		return "-"
	}
	return text
}

// one writes what there is to say of one target.
func (o Explain) one(got api.Decisions, now time.Time, w io.Writer) error {
	t := got.Target
	dryRun := ""
	if t.DryRun {
		dryRun = ", dry run"
	}
	fmt.Fprintf(w, "%s (%s in %s%s)\n\n", t.Name, t.Workload, t.Namespace, dryRun)
	d := t.Last
	if d == nil || t.State == api.NotDecided {
		fmt.Fprintf(w, "  %s: it waits for a sample that was scraped since it started.\n", capital(api.NotDecided))
		o.lastAction(got, now, w)
		return nil
	}
	fmt.Fprintf(w, "%s\n%s\n", explain.Wrap(d.Did, "  ", 80), explain.Wrap(d.Next, "  ", 80))
	if d.Error != "" {
		fmt.Fprintf(w, "%s\n", explain.Wrap(d.Error, "  | ", 80))
	}
	fmt.Fprintln(w)
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintf(table, "  state\t%s (%s), since %s (%s)\n", t.State, d.Reason, api.Clock(*t.Since, now), explain.Duration(now.Sub(*t.Since)))
	fmt.Fprintf(table, "  replicas\t%s\n", strings.Join(api.ReplicaLines(*d), "; "))
	for _, trigger := range d.Triggers {
		name := trigger.Name
		if name == "" {
			name = "value"
		}
		fmt.Fprintf(table, "  %s\t%s\n", name, api.Describe(trigger))
		fmt.Fprintf(table, "  \t%s\n", api.DescribeRule(trigger.Rule))
	}
	if err := table.Flush(); err != nil {
		return err
	}
	o.lastAction(got, now, w)
	return o.past(got.Decisions, now, w)
}

func (o Explain) lastAction(got api.Decisions, now time.Time, w io.Writer) {
	switch a := got.Target.LastAction; {
	case a != nil:
		fmt.Fprintf(w, "\nLast action, %s (%s ago)\n%s\n", api.Clock(a.Time, now), explain.Duration(now.Sub(a.Time)), explain.Wrap(a.Did, "  ", 80))
	case got.Event == nil:
		fmt.Fprintf(w, "\nLast action\n%s\n", explain.Wrap("Unknown: none since this scaler became the leader, and it does not read Events.", "  ", 80))
	case got.Event.Time == nil:
		fmt.Fprintf(w, "\nLast action\n%s\n", explain.Wrap("Unknown: none since this scaler became the leader. "+capital(got.Event.Unknown)+".", "  ", 80))
	default:
		fmt.Fprintf(w, "\nLast action, %s (%s ago), by a scaler before this one: from the workload's Event\n%s\n",
			api.Clock(*got.Event.Time, now), explain.Duration(now.Sub(*got.Event.Time)), explain.Wrap(got.Event.Message, "  ", 80))
	}
}

// past writes the last decisions, the newest first. Those that repeat are one
// line.
func (o Explain) past(decisions []api.Decision, now time.Time, w io.Writer) error {
	fmt.Fprintln(w, "\nLast decisions")
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "  SINCE\tDECISIONS\tREPLICAS\tVALUE\tACTION\tREASON")
	var runs []api.Run
	for _, d := range decisions {
		runs = api.Join(runs, d)
	}
	for _, run := range runs[:min(o.Last, len(runs))] {
		d := run.Newest
		replicas := "-"
		if d.From != nil {
			if replicas = strconv.Itoa(int(*d.From)); *d.To != *d.From {
				replicas += "->" + strconv.Itoa(int(*d.To))
			}
		}
		fmt.Fprintf(table, "  %s\t%d\t%s\t%s\t%s\t%s\n", api.Clock(run.Oldest.Time, now), run.Decisions, replicas, api.Measured(d), d.Action, d.Reason)
	}
	return table.Flush()
}

func capital(s string) string {
	if s == "" {
		return s
	}
	return strings.ToUpper(s[:1]) + s[1:]
}
