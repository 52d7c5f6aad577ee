// Command scan-workers shows the example live on this machine: see README.md.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/alecthomas/kingpin/v2"

	"github.com/camunda-autoscaler/camunda-autoscaler/examples/scan-workers/rabbitmq"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	context.AfterFunc(ctx, stop) // so that a second Ctrl-C ends this at once
	os.Exit(run(ctx, os.Args[1:], os.Stdout))
}

// run returns the exit code: 0 if all went as it should, 1 if not, 2 for bad flags, 130 if it was interrupted.
func run(ctx context.Context, args []string, out io.Writer) int {
	app := kingpin.New("scan-workers", "Shows workers that pull scan jobs, and the scaler that scales them, on this machine's loopback addresses.")
	app.HelpFlag.Short('h')
	once := app.Flag("once", "End after the story.").Bool()
	jobs := app.Flag("jobs", "How many jobs arrive at once.").Default("10").Int()
	if _, err := app.Parse(args); err != nil {
		fmt.Fprintf(out, "scan-workers: %v, try --help\n", err)
		return 2
	}
	if missing := rabbitmq.Missing(); missing != "" {
		fmt.Fprintf(out, "scan-workers: %s\n", missing)
		return 2
	}
	dir, err := os.MkdirTemp("", "scan-workers-")
	if err == nil {
		err = show(ctx, dir, out, *jobs, *once)
		err = errors.Join(err, os.RemoveAll(dir))
	}
	switch {
	case ctx.Err() != nil:
		fmt.Fprintln(out, "\nInterrupted.")
		if *once {
			return 130
		}
		return 0
	case err != nil:
		fmt.Fprintf(out, "\nThe example failed: %v\n", err)
		return 1
	}
	return 0
}
