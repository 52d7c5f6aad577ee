// Command camunda-scaler scales Kubernetes workloads by a rule on what
// Prometheus knows.
package main

import (
	"context"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"
	_ "time/tzdata" // calendars need it, and images may have none

	"k8s.io/klog/v2"

	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/app"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/command"
	"github.com/camunda-autoscaler/camunda-autoscaler/service"
	"github.com/camunda-autoscaler/camunda-autoscaler/service/logging"
)

// gcPercent is Go's GOGC, unless that is set. With 10,000 workloads it takes 239 MiB
// in place of 323, and no more CPU that could be measured.
const gcPercent = 50

func main() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}
	reload := make(chan os.Signal, 1)
	signal.Notify(reload, syscall.SIGHUP)
	service.Main(func(ctx context.Context, args []string, stdout, stderr io.Writer) int {
		return run(ctx, args, reload, stdout, stderr)
	})
}

func run(ctx context.Context, args []string, reload <-chan os.Signal, stdout, stderr io.Writer) int {
	flags := command.NewFlags()
	flags.Run = func(ctx context.Context, logs logging.Loggers) error {
		switch {
		case flags.Check.Selected:
			return flags.Check.Run(ctx, stdout, stderr)
		case flags.Explain.Selected:
			return flags.Explain.Run(ctx, stdout)
		case flags.Replay.Command != "":
			return flags.Replay.Run(ctx, stdout, stderr)
		}
		return scale(ctx, flags, reload, logs)
	}
	return flags.Execute(ctx, command.JoinNegative(args), stdout, stderr)
}

func scale(ctx context.Context, flags *command.Flags, reload <-chan os.Signal, logs logging.Loggers) error {
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
