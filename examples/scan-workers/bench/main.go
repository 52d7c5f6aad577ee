// Command bench makes the tables of README.md.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/alecthomas/kingpin/v2"

	"github.com/camunda-autoscaler/camunda-autoscaler/examples/scan-workers/packing"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	app := kingpin.New("bench", "Makes the tables of README.md.")
	app.HelpFlag.Short('h')
	pack := app.Command("packing", "How many nodes random groups of batch jobs take.")
	groups := pack.Flag("groups", "How many groups.").Default("100").Int()
	down := app.Command("steps", "What steps down do to jobs in progress: with the scaler, and with an HPA (make bench-peers builds its adapter, once).")
	arrivals := down.Flag("arrivals", "Jobs arrive while workers are scaled down, too.").Bool()
	grace := down.Flag("grace", "terminationGracePeriodSeconds.").Default("30").Int()
	pools := down.Flag("pools", "Deployments for each way of scaling.").Default("5").Int()
	week := app.Command("week", "What a week of jobs costs under several rules: a replay by camunda-scaler backtest.")
	broker := app.Command("broker", "What becomes of jobs when the leading node of three brokers is killed.")
	jobs := broker.Flag("jobs", "How many jobs, of half a second each for six workers.").Default("300").Int()
	command := kingpin.MustParse(app.Parse(os.Args[1:]))
	dir, err := os.MkdirTemp("", "scan-bench-")
	if err == nil {
		defer os.RemoveAll(dir)
		switch command {
		case pack.FullCommand():
			err = comparePacking(ctx, dir, *groups)
		case broker.FullCommand():
			err = killBroker(ctx, dir, *jobs)
		case week.FullCommand():
			err = compareWeek(ctx, dir)
		case down.FullCommand():
			err = compareSteps(ctx, dir, *arrivals, *grace, *pools)
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.RemoveAll(dir)
		os.Exit(1) //nolint:gocritic // the folder is gone
	}
}

func comparePacking(ctx context.Context, dir string, groups int) error {
	m, err := packing.NewMeasure(ctx, dir)
	if err != nil {
		return err
	}
	defer m.Close()
	table, err := m.Compare(ctx, groups, os.Stderr)
	if err != nil {
		return err
	}
	table.Markdown(os.Stdout)
	return nil
}
