package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/camunda-autoscaler/camunda-autoscaler/tests/scale"
)

// size prints what many workloads cost.
func size(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("size", flag.ContinueOnError)
	sizes := flags.String("sizes", "100,1000,10000", "numbers of workloads")
	layouts := flags.String("layouts", "one query,separate", "how they are configured")
	profiles := flags.String("profiles", "", "folder for the scaler's heap and CPU profile of each (go tool pprof)")
	if err := flags.Parse(args); err != nil {
		return err
	}
	var results []scale.Result
	for text := range strings.SplitSeq(*sizes, ",") {
		n, err := strconv.Atoi(text)
		if err != nil {
			return err
		}
		of, err := measure(ctx, n, strings.Split(*layouts, ","), *profiles, flags.Args())
		results = append(results, of...)
		if err != nil {
			printTable(results)
			return err
		}
	}
	printTable(results)
	return nil
}

// measure measures each layout in a world of its own.
func measure(ctx context.Context, n int, layouts []string, profiles string, extra []string) (results []scale.Result, err error) {
	for _, l := range layouts {
		fmt.Fprintf(os.Stderr, "%s: %d workloads, %s\n", time.Now().Format(time.TimeOnly), n, l)
		r, err := one(ctx, n, scale.Layout(l), profiles, extra)
		if err != nil {
			return results, fmt.Errorf("%d workloads, %s: %w", n, l, err)
		}
		results = append(results, r)
	}
	return results, nil
}

func one(ctx context.Context, n int, l scale.Layout, profiles string, extra []string) (scale.Result, error) {
	return inWorld(ctx, n, 10*time.Second, func(w *scale.World) (scale.Result, error) {
		w.Profiles = profiles
		return w.Measure(ctx, l, extra...)
	})
}

func printTable(results []scale.Result) {
	row := func(what string, of func(scale.Result) string) {
		fmt.Printf("| %s |", what)
		for _, r := range results {
			fmt.Printf(" %s |", of(r))
		}
		fmt.Println()
	}
	ms := func(d ...time.Duration) string {
		var s []string
		for _, one := range d {
			s = append(s, strconv.FormatFloat(one.Seconds(), 'f', 3, 64))
		}
		return strings.Join(s, " / ")
	}
	row("", func(r scale.Result) string { return fmt.Sprintf("%d, %s", r.Workloads, r.Layout) })
	row("---", func(scale.Result) string { return "---:" })
	row("ready / all decided on after, s", func(r scale.Result) string { return ms(r.Ready, r.Decided) })
	row("lag median / p99, s", func(r scale.Result) string { return ms(r.LagMedian, r.LagP99) })
	row("RSS, MiB", func(r scale.Result) string { return strconv.Itoa(r.RSS >> 20) })
	row("CPU a minute: scaler / Prometheus / API server, s", func(r scale.Result) string { return ms(r.ScalerCPU, r.PrometheusCPU, r.APIServerCPU) })
	row("goroutines / connections to Prometheus", func(r scale.Result) string { return fmt.Sprintf("%d / %d", r.Goroutines, r.Connections) })
	row("requests a minute: Prometheus / API server", func(r scale.Result) string { return fmt.Sprintf("%.0f / %.0f", r.QueriesAMinute, r.APIRequestsAMinute) })
	row("/metrics: series / KiB / KiB compressed / CPU of a scrape, s", func(r scale.Result) string {
		return fmt.Sprintf("%d / %d / %d / %s", r.Series, r.MetricsBytes>>10, r.Compressed>>10, ms(r.ScrapeCPU))
	})
	row("another client's query, median / p99, s", func(r scale.Result) string { return ms(r.OtherMedian, r.OtherP99) })
	row("the same without the scaler", func(r scale.Result) string { return ms(r.WithoutMedian, r.WithoutP99) })
	row("a tenth scaled: first / last after the scrape, s", func(r scale.Result) string { return ms(r.StormFirst, r.StormLast) })
}
