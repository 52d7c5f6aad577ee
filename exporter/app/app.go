// Package app puts the exporter together. It touches neither signals nor the
// process, so that tests and other programs can run the real thing.
package app

import (
	"context"
	"net/http"
	"time"

	"github.com/go-kit/log/level"

	"github.com/camunda-autoscaler/camunda-autoscaler/exporter/camunda"
	"github.com/camunda-autoscaler/camunda-autoscaler/exporter/collector"
	"github.com/camunda-autoscaler/camunda-autoscaler/exporter/started"
	"github.com/camunda-autoscaler/camunda-autoscaler/service"
	"github.com/camunda-autoscaler/camunda-autoscaler/service/client"
	"github.com/camunda-autoscaler/camunda-autoscaler/service/logging"
	"github.com/camunda-autoscaler/camunda-autoscaler/service/web"
)

// Run serves metrics until ctx ends. It returns an error if the options are
// bad or it cannot listen; an engine that does not answer is no error.
func Run(ctx context.Context, o Options, logs logging.Loggers) error {
	metrics, err := newMetrics(o, logs)
	if err != nil {
		return err
	}
	mux, err := web.NewMux(web.Page{
		Name:        Name,
		Description: "Process instances started by a Camunda 7 engine",
		Version:     service.Version(),
	}, o.Web.TelemetryPath, metrics, ready)
	if err != nil {
		return err
	}
	level.Info(logs.Kit).Log("msg", "starting", "version", service.Version(), "revision", service.Revision(), "engine", o.URL, "window", o.Window, "settle_lag", o.SettleLag)
	if err := web.Serve(ctx, mux, *o.Web, logs.Slog); err != nil {
		return err
	}
	level.Info(logs.Kit).Log("msg", "stopped")
	return nil
}

// ready never fails: an exporter is ready when it can be scraped. If it were
// not while the engine is down, Kubernetes would take it out of its Service and
// nobody would see camunda_up 0.
func ready() error { return nil }

// newMetrics returns what answers a scrape.
func newMetrics(o Options, logs logging.Loggers) (http.Handler, error) {
	engineURL, err := client.ParseURL(o.URL, exampleURL)
	if err != nil {
		return nil, &service.UsageError{Err: err}
	}
	httpClient, err := client.New(o.ConfigFile, service.UserAgent(Name), logs.Kit)
	if err != nil {
		return nil, &service.UsageError{Err: err}
	}
	static := service.NewRegistry("camunda_exporter")
	engine := camunda.NewClient(engineURL, o.EngineName, httpClient, camunda.NewMetrics(static))
	begin := time.Now()
	counted := started.Options{
		Window: o.Window, SettleLag: o.SettleLag, RecountHorizon: o.RecountHorizon,
		Keys: o.Keys, RootOnly: o.RootOnly, Tenants: o.Tenants,
	}
	reader := started.NewReader(engine, counted, begin)
	optional := collector.SetOptions{
		Collectors: o.collectors(), Interval: o.CollectorInterval, Timeout: o.CollectorTimeout,
		Topics: o.Topics, Started: counted, Begin: begin,
	}
	return collector.Handler(static,
		collector.NewStarted(reader, counted, o.Timeout, begin, logs.Kit),
		collector.NewSet(engine, optional, logs.Kit),
	), nil
}
