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

	"github.com/go-kit/log/level"
	"k8s.io/klog/v2"

	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/app"
	"github.com/camunda-autoscaler/camunda-autoscaler/service/logging"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], os.Stderr))
}

// run returns the exit code: 0 if stopped or decided once, 1 on a failure, 2
// if the command line or the configuration is wrong.
func run(ctx context.Context, args []string, stderr io.Writer) int {
	flags := app.NewFlags()
	if err := flags.Parse(args); err != nil {
		fmt.Fprintf(stderr, "%s: error: %v, try --help\n", app.Name, err)
		return 2
	}
	loggers, err := logging.New(stderr, *flags.Log)
	if err != nil {
		fmt.Fprintf(stderr, "%s: error: %v\n", app.Name, err)
		return 2
	}
	klog.SetLogger(loggers.Logr) // client-go logs through klog, a global

	config, err := flags.Config()
	if err != nil {
		fmt.Fprintf(stderr, "%s: error: %v\n", app.Name, err)
		return 2
	}
	kube, err := app.KubeConfig(flags.Kubeconfig)
	if err != nil {
		level.Error(loggers.Kit).Log("msg", "cannot start", "err", err)
		return 1
	}
	if err := app.Run(ctx, app.Options{Config: config, Kube: kube, Web: *flags.Web, Loggers: loggers, Once: flags.Once}); err != nil {
		level.Error(loggers.Kit).Log("msg", "failed", "err", err)
		return 1
	}
	return 0
}
