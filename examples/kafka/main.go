// Command kafka shows the example on this machine: see README.md.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"github.com/camunda-autoscaler/camunda-autoscaler/examples/kafka/system"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	dir, err := os.MkdirTemp("", "example-kafka-")
	if err != nil {
		return err
	}
	fmt.Println(dir)
	parts, err := system.Build(ctx, os.Stdout, filepath.Join(dir, "bin"))
	if err != nil {
		return err
	}
	s, err := system.Up(ctx, filepath.Join(dir, "up"), parts, system.Options{Interval: time.Second, Out: os.Stdout})
	if err != nil {
		return err
	}
	defer s.Down()
	<-ctx.Done()
	return nil
}
