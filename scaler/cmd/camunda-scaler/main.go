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
		if flags.Check != "" {
			return check(flags.Check, stdout)
		}
		return scale(ctx, flags, reload, logs)
	}
	return flags.Execute(ctx, args, stdout, stderr)
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
		Config: c, Load: flags.Config, Reload: reload, Kube: kube,
		Web: *flags.Web, Loggers: logs, Once: flags.Once, Events: flags.Events, Lease: flags.Lease(),
	})
}

// check explains a configuration file, or returns what is wrong with it.
func check(path string, stdout io.Writer) error {
	c, err := config.Load(path)
	if err != nil {
		return &service.UsageError{Err: err}
	}
	fmt.Fprintf(stdout, "%s is good.\n\n%s", path, c.Explain())
	return nil
}
