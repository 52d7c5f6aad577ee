package main

import (
	"bufio"
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/camunda-autoscaler/camunda-autoscaler/testbed/build"
)

const (
	sample  = 15 * time.Second
	monday  = "2026-11-16T00:00:00+01:00"
	peak    = 720.0 // jobs an hour on a weekday at noon
	night   = 12.0  // jobs an hour at night
	weekend = 2.0   // jobs an hour at weekends
	most    = 40    // replicas
)

// rate is how many jobs arrive in an hour.
func rate(t time.Time) float64 {
	hour := float64(t.Hour()) + float64(t.Minute())/60
	switch {
	case t.Weekday() == time.Saturday || t.Weekday() == time.Sunday:
		return weekend
	case hour < 7 || hour > 20:
		return night
	default: // a wave from 7 to 20 o'clock
		return night + (peak-night)*math.Pow(math.Sin(math.Pi*(hour-7)/13), 2)
	}
}

// writeWeek writes how many jobs wait or are being done, in a week in which
// every job has a worker at once.
func writeWeek(file string) error {
	start, err := time.Parse(time.RFC3339, monday)
	if err != nil {
		return err
	}
	f, err := os.Create(file)
	if err != nil {
		return err
	}
	defer f.Close()
	out := bufio.NewWriter(f)
	fmt.Fprintln(out, "time,value")
	random := rand.New(rand.NewPCG(1, 0)) //nolint:gosec // the same week each time
	var ends []time.Time
	for t := start; t.Before(start.AddDate(0, 0, 7)); t = t.Add(sample) {
		busy := ends[:0]
		for _, end := range ends {
			if end.After(t) {
				busy = append(busy, end)
			}
		}
		ends = busy
		for range poisson(random, rate(t)*sample.Hours()) {
			ends = append(ends, t.Add(time.Duration((5+55*random.Float64())*float64(time.Second))))
		}
		fmt.Fprintf(out, "%d,%d\n", t.Unix(), len(ends))
	}
	return out.Flush()
}

func poisson(random *rand.Rand, mean float64) (n int) {
	for p := random.Float64(); p > math.Exp(-mean); p *= random.Float64() {
		n++
	}
	return n
}

// compareWeek replays the week under several rules.
func compareWeek(ctx context.Context, dir string) error {
	products, err := build.Project(ctx, filepath.Join(dir, "products"), false)
	if err != nil {
		return err
	}
	week := filepath.Join(dir, "week.csv")
	if err := writeWeek(week); err != nil {
		return err
	}
	config := filepath.Join(dir, "scaler.yml")
	text := fmt.Sprintf(`prometheus: {url: "http://prometheus:9090"}
interval: 15s
targets:
  - name: scans
    workload: {namespace: scan, name: scans}
    query: sum(rabbitmq_detailed_queue_messages{queue="scans"})
    rule: {type: target, value_per_replica: 1, min_replicas: 0, max_replicas: %d}
    scale_to_zero_delay: 10m
`, most)
	if err := os.WriteFile(config, []byte(text), 0o644); err != nil {
		return err
	}
	args := []string{"backtest", "--config.file=" + config, "--target=scans", "--file=" + week, "--floors", "--location=Europe/Berlin"}
	for _, rule := range []string{
		"scale_down_delay=5m",
		"min_replicas=1",
		"min_replicas=14,max_replicas=14", "min_replicas=22,max_replicas=22",
	} {
		args = append(args, "--rule", rule)
	}
	command := exec.CommandContext(ctx, products.Scaler, args...)
	command.Stdout, command.Stderr = os.Stdout, os.Stderr
	return command.Run()
}
