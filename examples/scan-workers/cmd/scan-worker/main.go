// Command scan-worker pulls jobs from the queue and scans until SIGTERM; then it
// finishes the job that it is busy with and ends.
package main

import (
	"context"
	"errors"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/alecthomas/kingpin/v2"
	"github.com/go-kit/log"
	"github.com/go-kit/log/level"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/camunda-autoscaler/camunda-autoscaler/examples/scan-workers/queue"
	"github.com/camunda-autoscaler/camunda-autoscaler/examples/scan-workers/worker"
)

func main() {
	logger := log.With(log.NewLogfmtLogger(log.NewSyncWriter(os.Stderr)), "ts", log.DefaultTimestampUTC)
	app := kingpin.New("scan-worker", "Pulls scan jobs from RabbitMQ, and sends results to a stream.")
	app.HelpFlag.Short('h')
	url := app.Flag("amqp.url", "Address of the broker, with user and password.").Envar("AMQP_URL").Required().String()
	jobs := app.Flag("queue", "The queue of jobs.").Envar("SCAN_QUEUE").Default("scans").String()
	name := app.Flag("name", "Name of this worker in its results.").Envar("POD_NAME").Default("scan-worker").String()
	giveBack := app.Flag("give-back", "When the worker is ended: give a job back that was started less than this long ago, and finish any other.").Envar("SCAN_GIVE_BACK").Default("10s").Duration()
	address := app.Flag("web.listen-address", "Address of metrics and probes.").Envar("WEB_LISTEN_ADDRESS").Default(":8080").String()
	kingpin.MustParse(app.Parse(os.Args[1:]))

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	w := &worker.Worker{URL: *url, Names: queue.NewNames(*jobs), Name: *name, Log: logger, Started: time.Now(), GiveBack: *giveBack}
	registry := prometheus.NewRegistry()
	w.Register(registry)
	server := &http.Server{Addr: *address, Handler: handler(registry, w.Ready), ReadHeaderTimeout: 5 * time.Second}
	failed := make(chan error, 1)
	go func() {
		if err := server.ListenAndServe(); !errors.Is(err, http.ErrServerClosed) {
			failed <- err
			stop()
		}
	}()
	level.Info(logger).Log("msg", "worker started", "queue", *jobs)
	w.Run(ctx)
	server.Close()
	select {
	case err := <-failed:
		level.Error(logger).Log("msg", "server of metrics failed", "err", err)
		os.Exit(1)
	default:
		level.Info(logger).Log("msg", "worker ended")
	}
}

func handler(registry *prometheus.Registry, ready func() bool) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(registry, promhttp.HandlerOpts{}))
	mux.HandleFunc("GET /-/healthy", func(http.ResponseWriter, *http.Request) {})
	mux.HandleFunc("GET /-/ready", func(w http.ResponseWriter, _ *http.Request) {
		if !ready() {
			http.Error(w, "not connected to the broker", http.StatusServiceUnavailable)
		}
	})
	return mux
}
