// Command antaeus is a stand-in for Antaeus: it charges invoices by a payment provider.
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

	"github.com/camunda-autoscaler/camunda-autoscaler/examples/payments/antaeus"
	"github.com/camunda-autoscaler/camunda-autoscaler/examples/payments/serve"
)

func main() {
	logger := log.With(log.NewLogfmtLogger(log.NewSyncWriter(os.Stderr)), "ts", log.DefaultTimestampUTC)
	app := kingpin.New("antaeus", "Charges invoices: POST /rest/v1/invoices/pay. GET /rest/v1/invoices has their status.")
	app.HelpFlag.Short('h')
	endpoint := app.Flag("provider", "The payment provider, a URL.").Envar("PAYMENT_PROVIDER_ENDPOINT").Required().String()
	timeout := app.Flag("provider.timeout", "How long a charge may take.").Envar("PAYMENT_PROVIDER_TIMEOUT").Default("5s").Duration()
	early := app.Flag("early-exit", "End a call at the first refusal, as Antaeus does (--no-early-exit: try each pending invoice).").Envar("ANTAEUS_EARLY_EXIT").Default("true").Bool()
	database := app.Flag("database", "The file of invoices.").Envar("ANTAEUS_DATABASE").Default("antaeus.db").String()
	keep := app.Flag("keep-database", "Keep the invoices of the last start, unlike Antaeus.").Envar("ANTAEUS_KEEP_DATABASE").Bool()
	customers := app.Flag("customers", "How many customers a new database has.").Envar("ANTAEUS_CUSTOMERS").Default("2").Uint16()
	invoices := app.Flag("invoices", "How many invoices each customer has, of which one is paid.").Envar("ANTAEUS_INVOICES").Default("5").Uint16()
	address := app.Flag("web.listen-address", "Address of the REST API.").Envar("WEB_LISTEN_ADDRESS").Default(":8000").String()
	metrics := app.Flag("metrics.listen-address", "Address of metrics and probes.").Envar("METRICS_LISTEN_ADDRESS").Default(":8001").String()
	kingpin.MustParse(app.Parse(os.Args[1:]))

	client, err := antaeus.NewClient(*endpoint, *timeout)
	if err != nil {
		app.Fatalf("%v, try --help", err)
	}
	open := antaeus.Create
	if *keep {
		open = antaeus.Open
	}
	seed := antaeus.Seed(rand.New(rand.NewPCG(rand.Uint64(), 0)), int(*customers), int(*invoices)) //nolint:gosec // not for secrets
	store, err := open(*database, seed)
	if err != nil {
		level.Error(logger).Log("msg", "no database", "err", err)
		os.Exit(1)
	}
	defer store.Close()

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	b := &antaeus.Billing{Store: store, Charger: client, StopAtRefusal: *early}
	registry := prometheus.NewRegistry()
	b.Register(registry)
	level.Info(logger).Log("msg", "antaeus started", "provider", *endpoint, "early_exit", *early, "keep_database", *keep, "address", *address)
	// Enough for the charge that is in flight; no further one is started.
	err = serve.Run(ctx, *timeout+time.Second,
		serve.Server{Address: *address, Handler: b.Handler(logger), Ending: true},
		serve.Server{Address: *metrics, Handler: serve.Operations(registry, func() bool { return ctx.Err() == nil })},
	)
	if err != nil {
		level.Error(logger).Log("msg", "antaeus failed", "err", err)
		os.Exit(1)
	}
	level.Info(logger).Log("msg", "antaeus ended")
}
