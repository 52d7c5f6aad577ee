// Reaction prints how long it takes from a load's change to the first step, as a
// Markdown table for docs/benchmarks.md.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strings"
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
	flags := flag.NewFlagSet("reaction", flag.ContinueOnError)
	n := flags.Int("n", 24, "workloads, each changed once")
	intervals := flags.String("intervals", "10s,1s", "of scrapes and decisions")
	if err := flags.Parse(args); err != nil {
		return err
	}
	fmt.Println("| scraped and decided every | | min | median | p90 | max |\n|---|---|---:|---:|---:|---:|")
	for text := range strings.SplitSeq(*intervals, ",") {
		interval, err := time.ParseDuration(text)
		if err != nil {
			return err
		}
		r, err := react(ctx, *n, interval, flags.Args())
		if err != nil {
			return err
		}
		row := func(what string, s scale.Spread) {
			fmt.Printf("| %s | %s | %.3f | %.3f | %.3f | %.3f |\n", interval, what, s.Min.Seconds(), s.Median.Seconds(), s.P90.Seconds(), s.Max.Seconds())
		}
		row("from the change to the write, s", r.Whole)
		row("wait for the scrape", r.Wait)
		row("scrape", r.Scrape)
		row("from the scrape's end to the write", r.Rest)
		fmt.Printf("| %s | of that on average: query %s, write %s | | | | |\n", interval, r.Query.Round(100*time.Microsecond), r.Write.Round(100*time.Microsecond))
	}
	return nil
}

func react(ctx context.Context, n int, interval time.Duration, extra []string) (scale.Reaction, error) {
	dir, err := os.MkdirTemp("", "bench-reaction-")
	if err != nil {
		return scale.Reaction{}, err
	}
	defer os.RemoveAll(dir)
	w, err := scale.NewWorld(ctx, dir, n, interval)
	if err != nil {
		return scale.Reaction{}, err
	}
	defer w.Close()
	return w.React(ctx, extra...)
}
