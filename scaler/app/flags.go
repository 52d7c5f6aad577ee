package app

import (
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/alecthomas/kingpin/v2"

	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/config"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/decide"
	"github.com/camunda-autoscaler/camunda-autoscaler/service"
)

// Name is the program's name.
const Name = "camunda-scaler"

// DefaultAddress is where the program listens.
const DefaultAddress = ":9751"

// Flags is the command line.
type Flags struct {
	*service.Command
	ConfigFile string
	Single     config.Single
	Kubeconfig string
	DryRun     bool
	Once       bool
	Events     bool
	Check      Check

	leaderElection bool
	lease          LeaseID

	app       *kingpin.Application
	alone     []string // flags that contradict a file
	setOnLine map[string]*bool
	file      string // of check-config
}

// Check is what check-config is to do.
type Check struct {
	File   string // "" to scale instead
	Strict bool   // a warning is an error
	PromQL bool   // parse the queries
}

const checkConfig = "check-config"

// NewFlags returns the program's flags, not yet parsed. Every flag can be set
// by an environment variable as well.
func NewFlags() *Flags {
	c := service.NewCommand(Name, "Scales Kubernetes workloads by a rule on what Prometheus knows.", DefaultAddress)
	a := c.Flags
	f := &Flags{Command: c, app: a, setOnLine: map[string]*bool{}}
	a.Action(f.check)

	a.Flag("config.file", "YAML file with targets. Without it the flags below describe the one target.").StringVar(&f.ConfigFile)
	a.Flag("kubeconfig", "Kubeconfig file. Default: the Pod's service account, or ~/.kube/config outside of a Pod. The namespace of its context is not used.").Envar("KUBECONFIG").StringVar(&f.Kubeconfig)
	a.Flag("dry-run", "Never write; say what would be done.").BoolVar(&f.DryRun)
	a.Flag("once", "Decide once for every target, then exit: 0 if all were decided on, 1 if not within the maximum sample age.").BoolVar(&f.Once)

	a.Flag("events", "Put a Kubernetes Event on the workload for every write.").Default("true").BoolVar(&f.Events)
	a.Flag("leader-election", "Let one of several scalers work, the one that holds a Lease.").BoolVar(&f.leaderElection)
	a.Flag("leader-election.namespace", "Namespace of the Lease. Default: the Pod's.").StringVar(&f.lease.Namespace)
	a.Flag("leader-election.name", "Name of the Lease.").Default(Name).StringVar(&f.lease.Name)

	a.Command("run", "Scale; this is the default.").Default()
	check := a.Command(checkConfig, "Check a configuration file and explain what it does. Exits with 0 if the file is valid, with 2 if not.")
	check.Arg("file", "Configuration file.").Required().StringVar(&f.file)
	check.Flag("strict", "Exit with 2 on warnings as well.").BoolVar(&f.Check.Strict)
	check.Flag("promql", "Parse the queries as Prometheus does. Turn this off for servers with a dialect of their own.").Default("true").BoolVar(&f.Check.PromQL)

	s, rule, limits := &f.Single, decide.DefaultRule(), decide.DefaultLimits()
	s.Rule.Kind = decide.Step
	f.single("prometheus.url", "Prometheus to query; query parameters of the URL go with every query.").Default(config.DefaultPrometheusURL).StringVar(&s.PrometheusURL)
	f.single("prometheus.config.file", "YAML file with Prometheus's http_config options: authentication, TLS, headers, proxy.").StringVar(&s.PrometheusConfigFile)
	f.single("target.api-version", "API version of the workload.").Default(config.DefaultAPIVersion).StringVar(&s.Workload.APIVersion)
	f.single("target.kind", "Kind of the workload; any kind with a scale subresource.").Default(config.DefaultKind).StringVar(&s.Workload.Kind)
	f.single("target.namespace", "Namespace of the workload.").Default(config.DefaultNamespace).StringVar(&s.Workload.Namespace)
	f.single("target.name", "Name of the workload.").Default(config.DefaultName).StringVar(&s.Workload.Name)
	f.single("query", "PromQL that gives the number to divide by the replicas.").Default(config.DefaultQuery).StringVar(&s.Query)
	f.single("timestamp-query", "PromQL that gives the time of the newest sample in Unix seconds; needed if --query is more than a selector. The default query has its own.").StringVar(&s.TimestampQuery)
	f.single("rule.scale-up-at", "One replica more if the number per replica is this or more.").Default(fmt.Sprint(rule.ScaleUpAt)).Float64Var(&s.Rule.ScaleUpAt)
	f.single("rule.scale-down-at", "One replica less if the number per replica is this or less.").Default(fmt.Sprint(rule.ScaleDownAt)).Float64Var(&s.Rule.ScaleDownAt)
	f.single("rule.min-replicas", "Never scale below.").Default(fmt.Sprint(limits.Min)).Int32Var(&s.Limits.Min)
	f.single("rule.max-replicas", "Never scale above.").Default(fmt.Sprint(limits.Max)).Int32Var(&s.Limits.Max)
	f.single("rule.allow-flapping", "Accept a rule under which a constant load goes up and down for ever.").BoolVar(&s.AllowFlapping)
	f.single("interval", "Time between two decisions.").Default(config.DefaultInterval.String()).DurationVar(&s.Interval)
	f.single("max-sample-age", "An older sample is not decided on. Default: three times the spacing of the samples, from 30s to 15m.").SetValue(optional{&s.MaxSampleAge})
	return f
}

// single adds a flag that describes the one target, and thus contradicts a
// file.
func (f *Flags) single(name, help string) *kingpin.FlagClause {
	f.alone = append(f.alone, name)
	f.setOnLine[name] = new(bool)
	return f.app.Flag(name, help).IsSetByUser(f.setOnLine[name])
}

// optional is a duration that is nil unless the flag is set.
type optional struct{ at **time.Duration }

func (o optional) Set(text string) error {
	d, err := time.ParseDuration(text)
	if err == nil {
		*o.at = &d
	}
	return err
}

func (o optional) String() string {
	if *o.at == nil {
		return ""
	}
	return (*o.at).String()
}

// Parse reads the arguments and the environment.
func (f *Flags) Parse(args []string) error {
	_, err := f.app.Parse(args)
	return err
}

// check returns an error for flags that contradict each other.
func (f *Flags) check(parsed *kingpin.ParseContext) error {
	switch {
	case parsed.SelectedCommand != nil && parsed.SelectedCommand.FullCommand() == checkConfig:
		f.Check.File = f.file
		return nil
	case f.Once && f.leaderElection:
		return errors.New("--once contradicts --leader-election: it decides once, whoever leads")
	}
	if f.ConfigFile == "" {
		return nil
	}
	for _, name := range f.alone {
		if *f.setOnLine[name] {
			return fmt.Errorf("--%s contradicts --config.file: say it in the file, or leave the file out", name)
		}
		if env := f.app.GetFlag(name).Model().Envar; os.Getenv(env) != "" {
			return fmt.Errorf("%s contradicts --config.file: say it in the file, or leave the file out", env)
		}
	}
	return nil
}

// Lease names the Lease that decides who leads, nil without leader election.
func (f *Flags) Lease() *LeaseID {
	if !f.leaderElection {
		return nil
	}
	return &f.lease
}

// Config reads the file, or takes the flags if there is none.
func (f *Flags) Config() (config.Config, error) {
	c, err := f.load()
	if err != nil {
		return config.Config{}, err
	}
	for i := range c.Targets {
		c.Targets[i].DryRun = c.Targets[i].DryRun || f.DryRun
	}
	return c, nil
}

func (f *Flags) load() (config.Config, error) {
	if f.ConfigFile != "" {
		return config.Load(f.ConfigFile)
	}
	return f.Single.Config()
}
