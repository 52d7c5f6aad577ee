// Command camunda-process-starter starts process instances at a steady rate.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/camunda-autoscaler/camunda-autoscaler/starter/app"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], os.Stderr))
}

// run returns the exit code: 0 after a stop that was asked for, 1 after a
// failure, 2 for bad flags or a bad environment.
func run(ctx context.Context, args []string, log io.Writer) int {
	opts, err := app.Parse(args, log)
	if err != nil {
		fmt.Fprintf(log, "camunda-process-starter: %v, try --help\n", err)
		return 2
	}
	if err := app.Run(ctx, opts); err != nil {
		fmt.Fprintf(log, "camunda-process-starter: %v\n", err)
		return 1
	}
	return 0
}
