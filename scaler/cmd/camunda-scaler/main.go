// Command camunda-scaler scales Kubernetes workloads by a rule on what
// Prometheus knows.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	_ "time/tzdata" // calendars need it, and images may have none

	"k8s.io/klog/v2"

	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/app"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/config"
	"github.com/camunda-autoscaler/camunda-autoscaler/service"
	"github.com/camunda-autoscaler/camunda-autoscaler/service/logging"
)

func main() {
	reload := make(chan os.Signal, 1)
	signal.Notify(reload, syscall.SIGHUP)
	service.Main(func(ctx context.Context, args []string, stdout, stderr io.Writer) int {
		return run(ctx, args, reload, stdout, stderr)
	})
}

func run(ctx context.Context, args []string, reload <-chan os.Signal, stdout, stderr io.Writer) int {
	flags := app.NewFlags()
	flags.Run = func(ctx context.Context, logs logging.Loggers) error {
		switch {
		case flags.Check.File != "":
			return check(ctx, flags.Check, stdout, stderr)
		case flags.Explain.Selected:
			return flags.Explain.Run(ctx, stdout)
		case flags.Replay.Command != "":
			return flags.Replay.Run(ctx, stdout, stderr)
		}
		return scale(ctx, flags, reload, logs)
	}
	return flags.Execute(ctx, app.JoinNegative(args), stdout, stderr)
}

func scale(ctx context.Context, flags *app.Flags, reload <-chan os.Signal, logs logging.Loggers) error {
	klog.SetLogger(logs.Logr) // client-go logs through klog, a global
	c, err := flags.Config()
	if err != nil {
		return &service.UsageError{Err: err}
	}
	kube, err := app.KubeConfig(flags.Kubeconfig)
	if err != nil {
		return err
	}
	return app.Run(ctx, app.Options{
		Config: c, Load: flags.Config, Reload: reload, Watch: flags.Watch(), QueriesInFlight: flags.InFlight.Prometheus, RequestsInFlight: flags.InFlight.Kubernetes, JournalBytes: int(flags.Journal), Addresses: flags.Addresses, MergeGroups: !flags.GroupMembers, Kube: kube,
		Web: *flags.Web, Loggers: logs, Once: flags.Once, Events: flags.Events, Lease: flags.Lease(),
	})
}

// check explains a configuration file, or returns what is wrong with it. If it is
// asked to, it also shows what Prometheus knows.
func check(ctx context.Context, o app.Check, stdout, stderr io.Writer) error {
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
	missing, err := app.Inspect(ctx, c, stdout)
	if err == nil && missing > 0 {
		err = fmt.Errorf("%d of %d targets have no sample to decide on", missing, len(c.Targets))
	}
	return err
}
