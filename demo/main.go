// Command demo shows the whole job on real parts: see README.md.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/alecthomas/kingpin/v2"

	"github.com/camunda-autoscaler/camunda-autoscaler/demo/story"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	context.AfterFunc(ctx, stop) // so that a second Ctrl-C ends this at once
	go endWithReader(stop)
	if os.Getenv("MAKELEVEL") != "" {
		go endWithParent(os.Getppid(), stop)
	}
	os.Exit(run(ctx, os.Args[1:], os.Stdout))
}

// endWithReader calls stop when the output is no longer read. From then on
// writing to it fails, where it would end this process at once otherwise.
func endWithReader(stop func()) {
	gone := make(chan os.Signal, 1)
	signal.Notify(gone, syscall.SIGPIPE)
	<-gone
	stop()
}

// endWithParent calls stop when make has died.
func endWithParent(parent int, stop func()) {
	for os.Getppid() == parent {
		time.Sleep(500 * time.Millisecond)
	}
	stop()
}

// options are what a user can set.
type options struct {
	phases   []story.Phase
	timeout  time.Duration // for each phase to settle
	once     bool
	keepLogs bool
}

func parse(args []string, out io.Writer) (options, error) {
	var o options
	app := kingpin.New("demo", "Shows the whole job on real parts, on this machine's loopback address.")
	app.HelpFlag.Short('h')
	app.UsageWriter(out)
	app.Flag("once", "End after the story: with exit code 0 if the replicas settled where expected in all phases.").BoolVar(&o.once)
	app.Flag("keep-logs", "Keep all parts' logs. Those of a failure are kept anyway.").BoolVar(&o.keepLogs)
	phases := app.Flag("phases", "The story: starts per 10 s and the replicas expected for them, one phase after the other.").
		Default(story.Format(story.Default())).String()
	app.Flag("settle-timeout", "How long a phase may take to settle.").Default("180s").DurationVar(&o.timeout)
	if _, err := app.Parse(args); err != nil {
		return options{}, err
	}
	var err error
	o.phases, err = story.Parse(*phases)
	return o, err
}

// run returns the exit code: 0 if every phase settled, 1 if one did not or
// something failed, 2 for bad flags, 130 if the story was interrupted.
func run(ctx context.Context, args []string, out *os.File) int {
	opts, err := parse(args, out)
	if err != nil {
		fmt.Fprintf(out, "demo: %v, try --help\n", err)
		return 2
	}
	return newDemo(opts, out).run(ctx)
}
