// Command camunda-exporter exports how many process instances a Camunda 7
// engine started.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/go-kit/log/level"

	"github.com/camunda-autoscaler/camunda-autoscaler/exporter/app"
	"github.com/camunda-autoscaler/camunda-autoscaler/service/logging"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], os.Stderr))
}

// run returns the exit code: 0 after a stop that was asked for, 1 otherwise.
func run(ctx context.Context, args []string, stderr io.Writer) int {
	flags, options := app.Flags()
	fail := func(err error) int {
		fmt.Fprintf(stderr, "%s: error: %s, try --help\n", app.Name, err)
		return 1
	}
	if _, err := flags.Parse(args); err != nil {
		return fail(err)
	}
	logs, err := logging.New(stderr, *options.Log)
	if err != nil {
		return fail(err)
	}
	if err := app.Run(ctx, *options, logs); err != nil {
		level.Error(logs.Kit).Log("msg", "exporter failed", "err", err)
		return 1
	}
	return 0
}
