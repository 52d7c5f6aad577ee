// Package app assembles the exporter. It touches neither signals nor the
// process, so that tests and other programs can run it.
package app

import (
	"context"
	"net/http"
	"time"

	"github.com/go-kit/log/level"

	"github.com/camunda-autoscaler/camunda-autoscaler/exporter/camunda"
	"github.com/camunda-autoscaler/camunda-autoscaler/exporter/collector"
	"github.com/camunda-autoscaler/camunda-autoscaler/exporter/instances"
	"github.com/camunda-autoscaler/camunda-autoscaler/service"
	"github.com/camunda-autoscaler/camunda-autoscaler/service/client"
	"github.com/camunda-autoscaler/camunda-autoscaler/service/logging"
	"github.com/camunda-autoscaler/camunda-autoscaler/service/web"
)

// Run serves metrics until ctx ends. It returns an error if the options are
// bad or it cannot listen; an engine that does not answer is no error.
func Run(ctx context.Context, o Options, logs logging.Loggers) error {
	x, err := New(o, logs)
	if err != nil {
		return err
	}
	mux, err := web.NewMux(web.Page{
		Name:        Name,
		Description: "Exports how many process instances a Camunda 7 engine started.",
		Version:     service.Version(),
		State:       func() []web.Detail { return x.state(time.Now()) },
	}, o.Web.TelemetryPath, x.Metrics, ready)
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

// ready never fails: an exporter is ready when it can be scraped. Otherwise
// Kubernetes would remove it from its Service while the engine is down, and
// camunda_up 0 would not be seen.
func ready() error { return nil }

// Exporter is what answers scrapes.
type Exporter struct {
	Metrics http.Handler

	options Options
	started *collector.Started
	set     *collector.Set
}

// New returns an exporter that has not made a request.
func New(o Options, logs logging.Loggers) (*Exporter, error) {
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
	counted := instances.Options{
		Window: o.Window, SettleLag: o.SettleLag, RecountHorizon: o.RecountHorizon,
		RootOnly: o.RootOnly, Tenants: o.Tenants,
	}
	started := collector.NewStarted(engine, counted, o.Timeout, begin, logs.Kit)
	set := collector.NewSet(engine, started, collector.SetOptions{
		Collectors: o.collectors(), Interval: o.CollectorInterval, Timeout: o.CollectorTimeout,
		Topics: o.Topics, Keys: o.Keys, Counted: counted, Begin: begin,
	}, logs.Kit)
	return &Exporter{Metrics: collector.Handler(static, started, set), options: o, started: started, set: set}, nil
}
