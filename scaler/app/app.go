// Package app puts the scaler together.
package app

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/go-kit/log"
	"github.com/go-kit/log/level"
	v1 "github.com/prometheus/client_golang/api/prometheus/v1"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	versioncollector "github.com/prometheus/client_golang/prometheus/collectors/version"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	commoncfg "github.com/prometheus/common/config"
	"github.com/prometheus/common/version"
	"golang.org/x/sync/errgroup"
	"k8s.io/client-go/rest"

	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/config"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/loop"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/metrics"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/query"
	"github.com/camunda-autoscaler/camunda-autoscaler/service/logging"
	"github.com/camunda-autoscaler/camunda-autoscaler/service/web"
)

// Options is what the scaler needs to run.
type Options struct {
	Config  config.Config
	Kube    *rest.Config // see KubeConfig
	Web     web.Config
	Loggers logging.Loggers
	Once    bool // decide once for every target and return
}

// Run scales until ctx ends, or once. A write under way when ctx ends is
// finished. It returns an error if it cannot start, or if once a target could
// not be decided on.
func Run(ctx context.Context, o Options) error {
	registry := prometheus.NewRegistry()
	loops, err := newLoops(o, registry)
	if err != nil {
		return err
	}
	if o.Once {
		return once(ctx, o, loops)
	}
	mux, err := web.NewMux(web.Page{
		Name:        Name,
		Description: "Scales Kubernetes workloads by a rule on what Prometheus knows.",
		Version:     version.Info(),
	}, o.Web.TelemetryPath, promhttp.HandlerFor(registry, promhttp.HandlerOpts{Registry: registry}), func() error { return ready(loops) })
	if err != nil {
		return err
	}
	level.Info(o.Loggers.Kit).Log("msg", "starting", "version", version.Info(), "targets", len(loops), "prometheus", o.Config.Prometheus.URL.Redacted(), "kubernetes", o.Kube.Host)
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return web.Serve(ctx, mux, o.Web, o.Loggers.Slog) })
	for _, l := range loops {
		group.Go(func() error { l.Run(ctx); return nil })
	}
	err = group.Wait()
	level.Info(o.Loggers.Kit).Log("msg", "stopped")
	return err
}

func once(ctx context.Context, o Options, loops []*loop.Loop) error {
	errs := make([]error, len(loops))
	var wg sync.WaitGroup
	for i, l := range loops {
		wg.Go(func() {
			ctx, cancel := context.WithTimeout(ctx, o.Config.Targets[i].MaxSampleAge)
			defer cancel()
			errs[i] = l.Once(ctx)
		})
	}
	wg.Wait()
	return errors.Join(errs...)
}

func ready(loops []*loop.Loop) error {
	var errs []error
	for _, l := range loops {
		errs = append(errs, l.Worked())
	}
	return errors.Join(errs...)
}

func newLoops(o Options, registry *prometheus.Registry) ([]*loop.Loop, error) {
	self := metrics.New()
	registry.MustRegister(self, versioncollector.NewCollector("camunda_scaler"),
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	prom, err := newPrometheus(o.Config.Prometheus)
	if err != nil {
		return nil, err
	}
	workloads, err := NewWorkloads(o.Kube)
	if err != nil {
		return nil, err
	}
	var loops []*loop.Loop
	for _, t := range o.Config.Targets {
		logger := log.With(o.Loggers.Kit, "target", t.Name)
		warn := func(warning string) { level.Warn(logger).Log("msg", "warning about the query", "warning", warning) }
		loops = append(loops, loop.New(loop.Target{
			Name: t.Name, Workload: t.Workload, Rule: t.Rule,
			Interval: t.Interval, MaxSampleAge: t.MaxSampleAge, DryRun: t.DryRun,
		}, query.NewReader(prom, t.Query, t.TimestampQuery, warn),
			workloads.New(t.Workload), self.Target(t.Name), o.Loggers.Kit))
	}
	return loops, nil
}

func newPrometheus(c config.Prometheus) (v1.API, error) {
	transport, err := commoncfg.NewRoundTripperFromConfig(c.HTTP, Name, commoncfg.WithUserAgent(userAgent()))
	if err != nil {
		return nil, fmt.Errorf("make an HTTP client for Prometheus: %w", err)
	}
	return query.NewAPI(c.URL, transport)
}

func userAgent() string { return Name + "/" + version.Version }
