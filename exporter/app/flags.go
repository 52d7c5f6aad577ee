package app

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/alecthomas/kingpin/v2"

	"github.com/camunda-autoscaler/camunda-autoscaler/exporter/collector"
	"github.com/camunda-autoscaler/camunda-autoscaler/service"
	"github.com/camunda-autoscaler/camunda-autoscaler/service/client"
	"github.com/camunda-autoscaler/camunda-autoscaler/service/logging"
	"github.com/camunda-autoscaler/camunda-autoscaler/service/web"
)

// Name is the program's name.
const Name = "camunda-exporter"

// Options are what the command line sets.
type Options struct {
	URL            string // of the engine's REST API
	EngineName     string // empty: the default one
	ConfigFile     string // credentials and TLS, in Prometheus's http_config format; may be empty
	Timeout        time.Duration
	Window         time.Duration
	SettleLag      time.Duration
	RecountHorizon time.Duration
	RootOnly       bool
	Keys           []string // process definition keys with series of their own
	Tenants        []string

	Collectors        map[string]*bool // by name, whether it is on
	CollectorInterval time.Duration
	CollectorTimeout  time.Duration
	Topics            []string // topics of external tasks; none: those that are found

	Web *web.Config
}

// NewCommand returns the program, and the options that parsing its command line
// fills.
func NewCommand() (*service.Command, *Options) {
	c := service.NewCommand(Name, "Exports how many process instances a Camunda 7 engine (or Operaton) started, for Prometheus. "+
		"Every flag can be set by the environment variable named after it; for a flag that may be repeated, one value a line.", ":9750")
	o := &Options{Web: c.Web}
	o.addFlags(c.Flags)
	c.Flags.Action(func(*kingpin.ParseContext) error { return o.Validate() })
	c.Run = func(ctx context.Context, logs logging.Loggers) error { return Run(ctx, *o, logs) }
	return c, o
}

func (o *Options) addFlags(app *kingpin.Application) {
	app.Flag("camunda.url", "URL of the engine's REST API.").
		Default(exampleURL).StringVar(&o.URL)
	app.Flag("camunda.engine-name", "Name of the process engine, if it is not the default one.").
		StringVar(&o.EngineName)
	app.Flag("camunda.config.file", "YAML file with credentials, TLS, proxy and headers for the engine, in Prometheus's http_config format.").
		StringVar(&o.ConfigFile)
	app.Flag("camunda.timeout", "How long to wait for the count of started instances. A scrape with a shorter timeout waits no longer than that.").
		Default("10s").DurationVar(&o.Timeout)
	app.Flag("camunda.window", "Length of the window in which recently started instances are counted, in whole seconds.").
		Default("10s").DurationVar(&o.Window)
	app.Flag("camunda.settle-lag", "How long before now the window ends, so that transactions can commit first.").
		Default("1s").DurationVar(&o.SettleLag)
	app.Flag("camunda.recount-horizon", "How late an instance may become visible (after a long transaction, or from a node whose clock is behind) and still be counted in the total.").
		Default("10m").DurationVar(&o.RecountHorizon)
	app.Flag("camunda.root-instances-only", "Leave out instances started by call activities.").
		BoolVar(&o.RootOnly)
	app.Flag("camunda.process-definition-key", "Key of a process definition with series of its own, in addition to the total. May be repeated. Each key costs the engine one count in ten seconds.").
		StringsVar(&o.Keys)
	app.Flag("camunda.tenant", "Count only what belongs to this tenant. May be repeated.").
		StringsVar(&o.Tenants)
	o.Collectors = map[string]*bool{}
	for _, c := range collector.Optionals() {
		o.Collectors[c.Name] = app.Flag("collector."+c.Name, c.Help).Default(strconv.FormatBool(c.Default)).Bool()
	}
	app.Flag("collector.interval", "Minimum time between two rounds of requests of a collector. Keep it below the scrape interval, so that each scrape gets new values.").
		Default("5s").DurationVar(&o.CollectorInterval)
	app.Flag("collector.timeout", "How long a collector may take, and how long all of them together may delay a scrape.").
		Default("1s").DurationVar(&o.CollectorTimeout)
	app.Flag("collector.external-tasks.topic", "Count only external tasks of this topic. May be repeated. Default: the first 20 topics found.").
		StringsVar(&o.Topics)
}

// collectors returns the names of those that are on.
func (o *Options) collectors() []string {
	var names []string
	for name, on := range o.Collectors {
		if *on {
			names = append(names, name)
		}
	}
	return names
}

const exampleURL = "http://camunda-service:8080/engine-rest"

// Validate returns an error for each option that cannot be meant.
func (o *Options) Validate() error {
	var errs []error
	bad := func(flag, format string, args ...any) {
		errs = append(errs, fmt.Errorf("--%s: "+format, append([]any{flag}, args...)...))
	}
	if _, err := client.ParseURL(o.URL, exampleURL); err != nil {
		bad("camunda.url", "%w", err)
	}
	if o.Timeout <= 0 {
		bad("camunda.timeout", "%s is not above 0; want for example 10s", o.Timeout)
	}
	if o.Window < time.Second || o.Window%time.Second != 0 {
		bad("camunda.window", "%s is not a number of whole seconds above 0; want for example 10s", o.Window)
	}
	if o.SettleLag < 0 {
		bad("camunda.settle-lag", "%s lies in the future; want 0s or more", o.SettleLag)
	}
	if o.RecountHorizon < o.Window {
		bad("camunda.recount-horizon", "%s is shorter than the window of %s; want for example 10m", o.RecountHorizon, o.Window)
	}
	if o.CollectorInterval < time.Second {
		bad("collector.interval", "%s is below 1s; want for example 5s", o.CollectorInterval)
	}
	if o.CollectorTimeout <= 0 {
		bad("collector.timeout", "%s is not above 0; want for example 1s", o.CollectorTimeout)
	}
	for _, list := range []struct {
		flag   string
		values []string
	}{{"camunda.process-definition-key", o.Keys}, {"camunda.tenant", o.Tenants}, {"collector.external-tasks.topic", o.Topics}} {
		for i, v := range list.values {
			switch {
			case v == "":
				bad(list.flag, "a value is empty; leave the flag out instead")
			case strings.Contains(v, ",") && list.flag != "collector.external-tasks.topic":
				bad(list.flag, "%q holds a comma; repeat the flag for each value", v)
			case slices.Contains(list.values[:i], v):
				bad(list.flag, "%q is given twice", v)
			}
		}
	}
	return errors.Join(errs...)
}
