// Command payment-provider charges customers at random.
package main

import (
	"context"
	"math/rand/v2"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/alecthomas/kingpin/v2"
	"github.com/go-kit/log"
	"github.com/go-kit/log/level"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/camunda-autoscaler/camunda-autoscaler/examples/payments/provider"
	"github.com/camunda-autoscaler/camunda-autoscaler/examples/payments/serve"
)

func main() {
	logger := log.With(log.NewLogfmtLogger(log.NewSyncWriter(os.Stderr)), "ts", log.DefaultTimestampUTC)
	app := kingpin.New("payment-provider", "Accepts or refuses charges at random: POST with a customer, a value and a currency.")
	app.HelpFlag.Short('h')
	rate := app.Flag("success-rate", "The share of charges that are accepted, from 0 to 1.").Envar("PROVIDER_SUCCESS_RATE").Default("0.5").Float64()
	seed := app.Flag("seed", "Seed of the random answers; 0: another one at each start.").Envar("PROVIDER_SEED").Default("0").Uint64()
	latency := app.Flag("latency", "How long a charge takes.").Envar("PROVIDER_LATENCY").Default("0s").Duration()
	capacity := app.Flag("capacity", "How many charges are worked on at once, while the others wait; 0: any number.").Envar("PROVIDER_CAPACITY").Default("0").Int()
	failure := app.Flag("failure", "How charges fail. All but lost charge nothing.").Envar("PROVIDER_FAILURE").Default("none").Enum(provider.Failures()...)
	failureRate := app.Flag("failure-rate", "The share of charges that fail in this way, from 0 to 1.").Envar("PROVIDER_FAILURE_RATE").Default("1").Float64()
	address := app.Flag("web.listen-address", "Address of the charges.").Envar("WEB_LISTEN_ADDRESS").Default(":8080").String()
	metrics := app.Flag("metrics.listen-address", "Address of metrics and probes, apart from the charges so that a NetworkPolicy can tell them apart.").Envar("METRICS_LISTEN_ADDRESS").Default(":8081").String()
	grace := app.Flag("grace", "How long charges in flight may take after SIGTERM.").Envar("PROVIDER_GRACE").Default("20s").Duration()
	kingpin.MustParse(app.Parse(os.Args[1:]))

	config := provider.Config{
		SuccessRate: *rate, Latency: *latency, Capacity: *capacity,
		Failure: provider.ParseFailure(*failure), FailureRate: *failureRate,
	}
	if err := config.Validate(); err != nil {
		app.Fatalf("%v, try --help", err)
	}
	if *seed == 0 {
		*seed = rand.Uint64() //nolint:gosec // not for secrets
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	p := provider.New(config, rand.New(rand.NewPCG(*seed, 0))) //nolint:gosec // not for secrets
	registry := prometheus.NewRegistry()
	p.Register(registry)
	level.Info(logger).Log("msg", "provider started", "success_rate", *rate, "seed", *seed, "failure", *failure, "address", *address)
	err := serve.Run(ctx, max(*grace, time.Second),
		serve.Server{Address: *address, Handler: p},
		serve.Server{Address: *metrics, Handler: serve.Operations(registry, func() bool { return ctx.Err() == nil })},
	)
	if err != nil {
		level.Error(logger).Log("msg", "provider failed", "err", err)
		os.Exit(1)
	}
	level.Info(logger).Log("msg", "provider ended")
}
