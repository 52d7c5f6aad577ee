// Package service is the shell of every program of this project: command line,
// exit codes, log, signals, version and registry. Package web serves HTTP,
// package client makes requests.
package service

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/alecthomas/kingpin/v2"
	"github.com/go-kit/log/level"

	"github.com/camunda-autoscaler/camunda-autoscaler/service/logging"
	"github.com/camunda-autoscaler/camunda-autoscaler/service/web"
)

// Exit codes of every program.
const (
	ExitOK      = 0 // stopped by a signal, or done
	ExitFailure = 1
	ExitUsage   = 2 // the command line, the environment or a configuration file is wrong
)

// Command is a program's command line and what it runs.
type Command struct {
	// Flags has --help, --version, --log.* and --web.*; every flag has an
	// environment variable.
	Flags *kingpin.Application
	Log   *logging.Config
	Web   *web.Config
	// Run does the work until ctx ends. Its error exits with ExitUsage if it is
	// a UsageError, else with ExitFailure.
	Run func(ctx context.Context, logs logging.Loggers) error
}

// NewCommand returns a command without a Run.
func NewCommand(name, help, defaultAddress string) *Command {
	flags := kingpin.New(name, help)
	flags.DefaultEnvars().Version(VersionText(name)).HelpFlag.Short('h')
	return &Command{Flags: flags, Log: logging.AddFlags(flags), Web: web.AddFlags(flags, defaultAddress)}
}

// UsageError is an error that its user corrects on the command line, in the
// environment or in a configuration file.
type UsageError struct{ Err error }

func (e *UsageError) Error() string { return e.Err.Error() }
func (e *UsageError) Unwrap() error { return e.Err }

// Main runs a program until SIGINT or SIGTERM, and exits.
func Main(run func(ctx context.Context, args []string, stdout, stderr io.Writer) int) {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// Execute parses the arguments, runs the command and returns the exit code.
// Help and version go to stdout, errors and the log to stderr.
func (c *Command) Execute(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	exited, code := false, ExitOK
	c.Flags.UsageWriter(stdout).ErrorWriter(stderr).Terminate(func(n int) { exited, code = true, n })
	if _, err := c.Flags.Parse(args); exited {
		return code // after --help or --version, whatever Parse returns
	} else if err != nil {
		fmt.Fprintf(stderr, "%s: error: %v, try --help\n", c.Flags.Name, err)
		return ExitUsage
	}
	logs, err := logging.New(stderr, *c.Log)
	if err != nil {
		fmt.Fprintf(stderr, "%s: error: %v\n", c.Flags.Name, err)
		return ExitUsage
	}
	err = c.Run(ctx, logs)
	var usage *UsageError
	switch {
	case errors.As(err, &usage):
		fmt.Fprintln(stderr, err) // FILE:LINE: MISTAKE comes first, for editors
		return ExitUsage
	case err != nil:
		level.Error(logs.Kit).Log("msg", "exiting on an error", "err", err)
		return ExitFailure
	}
	return ExitOK
}
