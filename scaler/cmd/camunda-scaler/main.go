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

	"github.com/go-kit/log/level"
	"k8s.io/klog/v2"

	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/app"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/config"
	"github.com/camunda-autoscaler/camunda-autoscaler/service/logging"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	reload := make(chan os.Signal, 1)
	signal.Notify(reload, syscall.SIGHUP)
	os.Exit(run(ctx, os.Args[1:], reload, os.Stdout, os.Stderr))
}

// run returns the exit code: 0 if stopped or decided once, 1 on a failure, 2
// if the command line or the configuration is wrong.
func run(ctx context.Context, args []string, reload <-chan os.Signal, stdout, stderr io.Writer) int {
	flags := app.NewFlags()
	if err := flags.Parse(args); err != nil {
		fmt.Fprintf(stderr, "%s: error: %v, try --help\n", app.Name, err)
		return 2
	}
	if flags.Check != "" {
		return check(flags.Check, stdout, stderr)
	}
	loggers, err := logging.New(stderr, *flags.Log)
	if err != nil {
		fmt.Fprintf(stderr, "%s: error: %v\n", app.Name, err)
		return 2
	}
	klog.SetLogger(loggers.Logr) // client-go logs through klog, a global

	c, err := flags.Config()
	if err != nil {
		fmt.Fprintf(stderr, "%s: error: %v\n", app.Name, err)
		return 2
	}
	kube, err := app.KubeConfig(flags.Kubeconfig)
	if err != nil {
		level.Error(loggers.Kit).Log("msg", "cannot start", "err", err)
		return 1
	}
	err = app.Run(ctx, app.Options{
		Config: c, Load: flags.Config, Reload: reload, Kube: kube,
		Web: *flags.Web, Loggers: loggers, Once: flags.Once, Events: flags.Events, Lease: flags.Lease(),
	})
	if err != nil {
		level.Error(loggers.Kit).Log("msg", "failed", "err", err)
		return 1
	}
	return 0
}

// check says what a configuration file does, or what is wrong with it.
func check(path string, stdout, stderr io.Writer) int {
	c, err := config.Load(path)
	if err != nil {
		fmt.Fprintln(stderr, err)
		return 2
	}
	fmt.Fprintf(stdout, "%s is good.\n\n%s", path, c.Explain())
	return 0
}
