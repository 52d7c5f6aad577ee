// Command prepare builds the real parts that tests run, as far as they are
// missing: with -node also those of the real Kubernetes node in e2e, with -peers
// only the other autoscalers that a benchmark runs.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/camunda-autoscaler/camunda-autoscaler/testbed/build"
)

func main() {
	node := flag.Bool("node", false, "Build the parts of a real node, too.")
	peers := flag.Bool("peers", false, "Build the other autoscalers of bench-reaction, and nothing else.")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, *node, *peers); err != nil {
		fmt.Fprintln(os.Stderr, "prepare:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, node, peers bool) error {
	if peers {
		_, err := build.Ensure(ctx, os.Stdout, build.PeerParts()...)
		return err
	}
	if err := build.Check(ctx); err != nil {
		return err
	}
	parts := build.Parts()
	if node {
		parts = append(parts, build.NodeParts()...)
	}
	_, err := build.Ensure(ctx, os.Stdout, parts...)
	return err
}
