// Bench measures the scaler on a real Prometheus and a real API server, and prints
// Markdown tables for docs/benchmarks.md.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"time"

	"github.com/camunda-autoscaler/camunda-autoscaler/tests/scale"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		stop()
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	benches := map[string]func(context.Context, []string) error{"size": size, "reaction": reaction}
	if len(args) == 0 || benches[args[0]] == nil {
		return fmt.Errorf("%q: want size or reaction, and then their flags", args)
	}
	return benches[args[0]](ctx, args[1:])
}

// inWorld measures with n workloads in a world of its own.
func inWorld[T any](ctx context.Context, n int, interval time.Duration, measure func(*scale.World) (T, error)) (T, error) {
	var none T
	dir, err := os.MkdirTemp("", "bench-")
	if err != nil {
		return none, err
	}
	defer os.RemoveAll(dir)
	w, err := scale.NewWorld(ctx, dir, n, interval)
	if err != nil {
		return none, err
	}
	defer w.Close()
	return measure(w)
}
