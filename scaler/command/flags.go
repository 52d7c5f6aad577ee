// Package command has the command line: the flags of the service, and the
// commands that check, explain and replay.
package command

import (
	"errors"
	"fmt"
	"net/url"
	"strconv"

	"github.com/alecthomas/kingpin/v2"
	"github.com/alecthomas/units"

	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/app"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/config"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/gate"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/promapi"
	"github.com/camunda-autoscaler/camunda-autoscaler/service"
)

// DefaultAddress is where the program listens.
const DefaultAddress = ":9751"

// Flags is the command line.
type Flags struct {
	*service.Command
	ConfigFile   string
	AutoReload   bool
	InFlight     InFlight
	Journal      units.Base2Bytes
	Addresses    app.Addresses
	GroupMembers bool
	Kubeconfig   string
	DryRun       bool
	Once         bool
	Events       bool
	Check        *Check
	Explain      *Explain
	Replay       *Replay

	leaderElection bool
	lease          app.LeaseID

	all    *kingpin.Application
	target *config.Flags // of the one target without a file
}

// InFlight is how many requests are in flight at most.
type InFlight struct{ Prometheus, Kubernetes int }

// NewFlags returns the program's flags, not yet parsed. Every flag can be set
// by an environment variable as well.
func NewFlags() *Flags {
	c := service.NewCommand(app.Name, "Scales Kubernetes workloads by a rule on what Prometheus knows.", DefaultAddress)
	a := c.Flags
	f := &Flags{Command: c, all: a}
	a.Action(f.check).UsageTemplate(kingpin.LongHelpTemplate) // as the flags of run are those that most look for

	run := a.Command("run", "Scale. This is the default.").Default()
	run.Flag("config.file", "YAML file with targets. Without it, the flags below describe one target.").StringVar(&f.ConfigFile)
	run.Flag("config.auto-reload", "Reload the configuration file when its content changes; it is read every 10s.").BoolVar(&f.AutoReload)
	run.Flag("prometheus.max-in-flight", "Queries in flight at most; more wait for their turn, so that other clients of the Prometheus are not starved.").Default(strconv.Itoa(promapi.DefaultInFlight)).IntVar(&f.InFlight.Prometheus)
	run.Flag("kubernetes.max-in-flight", "Requests to the API server in flight at most; more wait for their turn, writes ahead of reads.").Default(strconv.Itoa(gate.DefaultInFlight)).IntVar(&f.InFlight.Kubernetes)
	run.Flag("metrics.group-members", "Export the metrics of each workload of a group. Without them, a group is one target: values and replicas are added up, of ages the worst is exported.").Default("true").BoolVar(&f.GroupMembers)
	run.Flag("journal.max-bytes", "Memory for past decisions, of all targets together. A decision takes about 35 bytes, 300 KiB a day for a target with one query.").Default("32MiB").BytesVar(&f.Journal)
	run.Flag("web.prometheus-url", "Where people's browsers find Prometheus, for links. Default: the address that is queried.").URLVar(&f.Addresses.Prometheus)
	run.Flag("web.grafana-url", "Where people's browsers find the dashboard Autoscaling in Grafana, for links. Default: no links.").URLVar(&f.Addresses.Grafana)
	run.Flag("kubeconfig", "Kubeconfig file. Default: the Pod's service account, or ~/.kube/config outside of a Pod. The namespace of its context is not used.").Envar("KUBECONFIG").StringVar(&f.Kubeconfig)
	run.Flag("dry-run", "Never write; log what would be done.").BoolVar(&f.DryRun)
	run.Flag("once", "Decide once for every target, then exit: with 0 if every target was decided on, with 1 if not within the maximum sample age.").BoolVar(&f.Once)

	run.Flag("events", "Create a Kubernetes Event on the workload for every write.").Default("true").BoolVar(&f.Events)
	run.Flag("leader-election", "Of several scalers, only the one that holds a Lease scales.").BoolVar(&f.leaderElection)
	run.Flag("leader-election.namespace", "Namespace of the Lease. Default: the Pod's.").StringVar(&f.lease.Namespace)
	run.Flag("leader-election.name", "Name of the Lease.").Default(app.Name).StringVar(&f.lease.Name)

	f.target = config.AddFlags(run)

	f.Check = addCheck(a)
	f.Explain = addExplain(a)
	f.Replay = addReplay(a)
	return f
}

// Parse reads the arguments and the environment.
func (f *Flags) Parse(args []string) error {
	_, err := f.all.Parse(args)
	return err
}

// check returns an error for flags that contradict each other.
func (f *Flags) check(parsed *kingpin.ParseContext) error {
	switch {
	case parsed.SelectedCommand != nil && f.Check.selected(parsed.SelectedCommand.FullCommand()):
		return nil
	case parsed.SelectedCommand != nil && f.Explain.selected(parsed.SelectedCommand.FullCommand()):
		return f.Explain.check()
	case parsed.SelectedCommand != nil && f.Replay.selected(parsed.SelectedCommand.FullCommand()):
		return nil
	case f.InFlight.Prometheus < 1:
		return fmt.Errorf("--prometheus.max-in-flight: %d is too low: want 1 or more", f.InFlight.Prometheus)
	case f.InFlight.Kubernetes < 1:
		return fmt.Errorf("--kubernetes.max-in-flight: %d is too low: want 1 or more", f.InFlight.Kubernetes)
	case !isAddress(f.Addresses.Prometheus):
		return fmt.Errorf("--web.prometheus-url: %q: want an address such as https://prometheus.example.com", f.Addresses.Prometheus.Redacted())
	case !isAddress(f.Addresses.Grafana):
		return fmt.Errorf("--web.grafana-url: %q: want an address such as https://grafana.example.com/d/camunda-autoscaling", f.Addresses.Grafana.Redacted())
	case f.Journal < 0 || f.Journal > 1<<40:
		return fmt.Errorf("--journal.max-bytes: %s: want 0 or more, for example 32MiB", f.Journal)
	case f.Once && f.leaderElection:
		return errors.New("--once contradicts --leader-election: it decides without a Lease")
	}
	if f.ConfigFile == "" && f.AutoReload {
		return errors.New("--config.auto-reload without --config.file: there is no file to reload")
	}
	if f.ConfigFile == "" {
		return nil
	}
	if given := f.target.Given(); len(given) > 0 {
		return fmt.Errorf("%s contradicts --config.file: set it in the file, or leave the file out", given[0])
	}
	return nil
}

// isAddress reports whether a browser can follow the address, if there is one.
func isAddress(u *url.URL) bool {
	return u == nil || (u.Scheme == "http" || u.Scheme == "https") && u.Host != "" && u.User == nil
}

// Watch returns the file to reload when its content changes, "" for none.
func (f *Flags) Watch() string {
	if !f.AutoReload {
		return ""
	}
	return f.ConfigFile
}

// Lease names the Lease of the leader election, nil without one.
func (f *Flags) Lease() *app.LeaseID {
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
	return f.target.Config()
}
