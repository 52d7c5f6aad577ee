package command

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/alecthomas/kingpin/v2"
	v1 "github.com/prometheus/client_golang/api/prometheus/v1"

	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/app"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/config"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/inspect"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/metrics"
	"github.com/camunda-autoscaler/camunda-autoscaler/service"
)

// Check is what the command check-config is to do.
type Check struct {
	Selected bool
	File     string
	Strict   bool // a warning is an error
	PromQL   bool // parse the queries
	Query    bool // ask Prometheus
}

const checking = "check-config"

// addCheck adds the command.
func addCheck(a *kingpin.Application) *Check {
	o := &Check{}
	c := a.Command(checking, "Check a configuration file and explain what it does. Exits with 0 if the file is valid, with 2 if not.")
	c.Arg("file", "Configuration file.").Required().StringVar(&o.File)
	c.Flag("strict", "Exit with 2 on warnings as well.").NoEnvar().BoolVar(&o.Strict)
	c.Flag("promql", "Parse the queries as Prometheus does. Turn this off for servers with a dialect of their own.").NoEnvar().Default("true").BoolVar(&o.PromQL)
	c.Flag("query", "Ask Prometheus once, and show what would be decided for each target now. Exits with 1 if a target has no sample.").NoEnvar().BoolVar(&o.Query)
	return o
}

// selected notes whether the command is that one.
func (o *Check) selected(command string) bool {
	o.Selected = command == checking
	return o.Selected
}

// Run explains a configuration file, or returns what is wrong with it. Warnings
// go to stderr.
func (o Check) Run(ctx context.Context, stdout, stderr io.Writer) error {
	c, warnings, err := config.Check(o.File, !o.PromQL)
	if err != nil {
		return &service.UsageError{Err: err}
	}
	for _, w := range warnings {
		fmt.Fprintln(stderr, w)
	}
	verdict := "is valid"
	switch len(warnings) {
	case 0:
	case 1:
		verdict += ", with 1 warning"
	default:
		verdict += fmt.Sprintf(", with %d warnings", len(warnings))
	}
	if o.Strict && len(warnings) > 0 {
		return &service.UsageError{Err: fmt.Errorf("%s %s, and --strict takes that as an error", o.File, verdict)}
	}
	fmt.Fprintf(stdout, "%s %s.\n\n%s", o.File, verdict, c.Explain())
	if !o.Query {
		return nil
	}
	missing, err := ask(ctx, c, stdout)
	if err == nil && missing > 0 {
		err = fmt.Errorf("%d of %d targets have no sample to decide on", missing, len(c.Targets))
	}
	return err
}

// ask writes what the configuration's Prometheus knows of its targets. It
// returns how many have no sample to decide on.
func ask(ctx context.Context, c config.Config, w io.Writer) (missing int, err error) {
	self, own := metrics.New(), map[string]v1.API{}
	all, err := app.Connect(c.Prometheus, 0, self)
	if err != nil {
		return 0, err
	}
	for _, t := range c.Targets {
		if t.Prometheus == nil {
			own[t.Name] = all
		} else if own[t.Name], err = app.Connect(*t.Prometheus, 0, self); err != nil {
			return 0, fmt.Errorf("target %s: %w", t.Name, err)
		}
	}
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	return inspect.Write(ctx, func(t config.Target) v1.API { return own[t.Name] }, c, w), nil
}
