// Command bench measures what README.md says of refusals and lost answers: Antaeus's
// stand-in and the provider talk by HTTP on loopback.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/alecthomas/kingpin/v2"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/camunda-autoscaler/camunda-autoscaler/examples/payments/antaeus"
	"github.com/camunda-autoscaler/camunda-autoscaler/examples/payments/provider"
)

const mostCalls = 20 // of a run

func main() {
	app := kingpin.New("bench", "Measures how many of ten invoices are paid after how many calls, and how often a customer is charged twice.")
	app.HelpFlag.Short('h')
	runs := app.Flag("runs", "Runs for each line.").Default("500").Int()
	seed := app.Flag("seed", "Seed of the provider's answers.").Default("1").Uint64()
	kingpin.MustParse(app.Parse(os.Args[1:]))
	dir, err := os.MkdirTemp("", "payments-bench-")
	if err == nil {
		err = errors.Join(bench(context.Background(), os.Stdout, dir, *runs, *seed), os.RemoveAll(dir))
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func bench(ctx context.Context, out io.Writer, dir string, runs int, seed uint64) error {
	fmt.Fprintf(out, "%d runs, seed %d\n\n| calls | PAID of 10 | runs with all PAID | PAID of 10, without the early exit |\n| ---: | ---: | ---: | ---: |\n", runs, seed)
	half := provider.Config{SuccessRate: 0.5}
	early, err := measure(ctx, dir, runs, seed, half, true)
	if err != nil {
		return err
	}
	all, err := measure(ctx, dir, runs, seed, half, false)
	if err != nil {
		return err
	}
	for _, call := range []int{1, 2, 3, 5, 9, 20} {
		fmt.Fprintf(out, "| %d | %.1f | %.0f %% | %.1f |\n", call, early.mean(call), 100*float64(early.complete[call])/float64(runs), all.mean(call))
	}
	fmt.Fprint(out, "\n| answers that are lost | charges for 8 invoices | more than once |\n| ---: | ---: | ---: |\n")
	for _, rate := range []float64{0, 0.01, 0.1, 0.5} {
		r, err := measure(ctx, dir, runs, seed, provider.Config{SuccessRate: 1, Failure: provider.Lost, FailureRate: rate}, false)
		if err != nil {
			return err
		}
		if r.complete[mostCalls] < runs {
			return fmt.Errorf("with %.0f %% of the answers lost, %d of %d runs are not complete after %d calls", 100*rate, runs-r.complete[mostCalls], runs, mostCalls)
		}
		charges := r.accepted / float64(runs)
		fmt.Fprintf(out, "| %.0f %% | %.2f | %.1f %% |\n", 100*rate, charges, 100*(charges-8)/8)
	}
	return nil
}

// results are sums over all runs.
type results struct {
	runs     int
	paid     [mostCalls + 1]int // invoices, after each call
	complete [mostCalls + 1]int // runs with all paid, after each call
	accepted float64            // charges that the provider made
}

func (r results) mean(call int) float64 { return float64(r.paid[call]) / float64(r.runs) }

func measure(ctx context.Context, dir string, runs int, seed uint64, config provider.Config, stopAtRefusal bool) (results, error) {
	p := provider.New(config, rand.New(rand.NewPCG(seed, 0))) //nolint:gosec // not for secrets
	registry := prometheus.NewRegistry()
	p.Register(registry)
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return results{}, err
	}
	server := &http.Server{Handler: p, ReadHeaderTimeout: time.Second}
	go func() { _ = server.Serve(listener) }() // until it is closed
	defer server.Close()
	client, err := antaeus.NewClient("http://"+listener.Addr().String(), time.Minute)
	if err != nil {
		return results{}, err
	}
	r := results{runs: runs}
	for range runs {
		if err := r.run(ctx, filepath.Join(dir, "antaeus.db"), client, stopAtRefusal); err != nil {
			return r, err
		}
	}
	r.accepted, err = accepted(registry)
	return r, err
}

// run pays ten invoices with as many calls as a run has.
func (r *results) run(ctx context.Context, database string, client *antaeus.Client, stopAtRefusal bool) error {
	store, err := antaeus.Create(database, antaeus.Seed(rand.New(rand.NewPCG(1, 0)), 2, 5)) //nolint:gosec // not for secrets
	if err != nil {
		return err
	}
	defer store.Close()
	b := &antaeus.Billing{Store: store, Charger: client, StopAtRefusal: stopAtRefusal}
	for call := 1; call <= mostCalls; call++ {
		all, err := b.Pay(ctx)
		for err != nil && ctx.Err() == nil { // a lost answer ends a call: it is made again
			all, err = b.Pay(ctx)
		}
		if err != nil {
			return err
		}
		for _, i := range store.Invoices() {
			if i.Status == antaeus.Paid {
				r.paid[call]++
			}
		}
		if all {
			r.complete[call]++
		}
	}
	return nil
}

// accepted returns how many charges a provider has made.
func accepted(registry *prometheus.Registry) (float64, error) {
	families, err := registry.Gather()
	if err != nil {
		return 0, err
	}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			if f.GetName() == "payments_requests_total" && m.GetLabel()[0].GetValue() == "accepted" {
				return m.GetCounter().GetValue(), nil
			}
		}
	}
	return 0, errors.New("the provider has no counter of accepted charges")
}
