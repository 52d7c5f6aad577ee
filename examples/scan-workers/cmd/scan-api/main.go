// Command scan-api takes scan jobs by HTTP, and shows results.
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

	"github.com/camunda-autoscaler/camunda-autoscaler/examples/scan-workers/api"
	"github.com/camunda-autoscaler/camunda-autoscaler/examples/scan-workers/queue"
)

func main() {
	logger := log.With(log.NewLogfmtLogger(log.NewSyncWriter(os.Stderr)), "ts", log.DefaultTimestampUTC)
	app := kingpin.New("scan-api", "Takes scan jobs by HTTP: POST /scans. GET /results has the newest results.")
	app.HelpFlag.Short('h')
	url := app.Flag("amqp.url", "Address of the broker, with user and password.").Envar("AMQP_URL").Required().String()
	jobs := app.Flag("queue", "The queue of jobs.").Envar("SCAN_QUEUE").Default("scans").String()
	address := app.Flag("web.listen-address", "Address of the API and its probes.").Envar("WEB_LISTEN_ADDRESS").Default(":8081").String()
	kingpin.MustParse(app.Parse(os.Args[1:]))

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	a := &api.API{URL: *url, Names: queue.NewNames(*jobs), Log: logger}
	server := &http.Server{Addr: *address, Handler: a.Handler(), ReadHeaderTimeout: 5 * time.Second}
	context.AfterFunc(ctx, func() {
		grace, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		_ = server.Shutdown(grace) // what takes longer is cut off
	})
	go a.Run(ctx)
	level.Info(logger).Log("msg", "api started", "queue", *jobs, "address", *address)
	if err := server.ListenAndServe(); !errors.Is(err, http.ErrServerClosed) {
		level.Error(logger).Log("msg", "server failed", "err", err)
		os.Exit(1)
	}
}
