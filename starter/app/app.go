// Package app is camunda-process-starter without its main: flags and wiring.
package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strconv"
	"time"

	"github.com/alecthomas/kingpin/v2"
	"github.com/go-kit/log"
	"github.com/go-kit/log/level"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	versioncollector "github.com/prometheus/client_golang/prometheus/collectors/version"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/prometheus/common/config"
	"github.com/prometheus/common/version"
	toolkit "github.com/prometheus/exporter-toolkit/web"

	"github.com/camunda-autoscaler/camunda-autoscaler/service/logging"
	"github.com/camunda-autoscaler/camunda-autoscaler/service/web"
	"github.com/camunda-autoscaler/camunda-autoscaler/starter/camunda"
	"github.com/camunda-autoscaler/camunda-autoscaler/starter/pace"
)

const name = "camunda-process-starter"

// Options are what a user can set.
type Options struct {
	API           *url.URL // the engine's REST API
	HTTPConfig    config.HTTPClientConfig
	Rate          pace.Rate
	Timeout       time.Duration // of one request
	MaxConcurrent int           // requests under way at most

	Web     web.Config
	Logging logging.Config
	Log     io.Writer
}

// Parse reads the command line and the environment.
func Parse(args []string, logTo io.Writer) (Options, error) {
	app := kingpin.New(name, "Starts Camunda 7 process instances at a steady rate, which can be changed while it runs.")
	app.HelpFlag.Short('h')
	app.DefaultEnvars()
	app.Version(version.Print(name)).UsageWriter(logTo)

	host := app.Flag("camunda.host", "Engine to start instances on: host:port, or the URL of its REST API.").
		Envar("CAMUNDA_HOST").Default("camunda-service:8080").String()
	configFile := app.Flag("camunda.config.file", "File with authentication, TLS and headers for requests to the engine, in Prometheus's HTTP client format.").
		PlaceHolder("FILE").ExistingFile()
	timeout := app.Flag("camunda.timeout", "How long to wait for an answer of the engine.").
		Default("10s").Duration()
	rate := pace.Rate{}
	app.Flag("starts-per-interval", "Instances to start in every interval.").
		Envar("N_PROCESS_STARTED").Default("5").IntVar(&rate.Starts)
	app.Flag("interval", "The interval: seconds, or a duration as in 10s.").
		Envar("QUIET_TIME_S").Default("10").SetValue((*seconds)(&rate.Interval))
	maxConcurrent := app.Flag("max-concurrent-starts", "Starts that may wait for the engine's answer at the same time.").
		Default("64").Int()
	webConfig := web.AddFlags(app, ":9752")
	loggingConfig := logging.AddFlags(app)
	if _, err := app.Parse(args); err != nil {
		return Options{}, err
	}

	opts := Options{
		HTTPConfig: config.DefaultHTTPClientConfig, Rate: rate, Timeout: *timeout, MaxConcurrent: *maxConcurrent,
		Web: *webConfig, Logging: *loggingConfig, Log: logTo,
	}
	api, hostErr := camunda.ParseHost(*host)
	opts.API = api
	var fileErr, timeoutErr, concurrentErr error
	if *configFile != "" {
		c, _, err := config.LoadHTTPConfigFile(*configFile)
		if err != nil {
			fileErr = fmt.Errorf("read %s: %w", *configFile, err)
		} else {
			opts.HTTPConfig = *c
		}
	}
	if *timeout <= 0 {
		timeoutErr = fmt.Errorf("timeout %s: want more than 0", *timeout)
	}
	if *maxConcurrent < 1 {
		concurrentErr = fmt.Errorf("%d concurrent starts: want 1 or more", *maxConcurrent)
	}
	return opts, errors.Join(hostErr, fileErr, rate.Check(), timeoutErr, concurrentErr)
}

// seconds is a duration that is given as a number of seconds, as QUIET_TIME_S
// always was, or with a unit.
type seconds time.Duration

func (s *seconds) String() string { return time.Duration(*s).String() }

func (s *seconds) Set(text string) error {
	if n, err := strconv.ParseFloat(text, 64); err == nil {
		text = strconv.FormatFloat(n, 'f', -1, 64) + "s"
	}
	d, err := time.ParseDuration(text)
	if err != nil {
		return fmt.Errorf("%q is no interval: want a number of seconds, or a duration as in 10s", text)
	}
	*s = seconds(d)
	return nil
}

// Run starts instances and serves HTTP until ctx ends; then it waits for the
// starts under way.
func Run(ctx context.Context, opts Options) error {
	loggers, err := logging.New(opts.Log, opts.Logging)
	if err != nil {
		return err
	}
	logger := loggers.Kit
	client, err := camunda.New(opts.API, opts.HTTPConfig)
	if err != nil {
		return err
	}
	registry := prometheus.NewRegistry()
	registry.MustRegister(
		versioncollector.NewCollector("camunda_starter"),
		collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
	)
	r := newRunner(client, opts, logger, registry)
	mux, err := web.NewMux(web.Page{
		Name:        name,
		Description: "Starts Camunda 7 process instances at a steady rate.",
		Version:     version.Info(),
		Links:       []toolkit.LandingLinks{{Address: "/rate", Text: "Rate", Description: "GET it, or PUT a number of starts per interval"}},
	}, opts.Web.TelemetryPath, promhttp.HandlerFor(registry, promhttp.HandlerOpts{Registry: registry}), r.Ready)
	if err != nil {
		return err
	}
	addRate(mux, r, logger)
	level.Info(logger).Log("msg", "starting", "version", version.Version, "revision", version.Revision,
		"camunda", opts.API.Redacted(), "rate", opts.Rate, "max_concurrent_starts", opts.MaxConcurrent)

	return serveAndRun(ctx, r, func(ctx context.Context) error {
		return web.Serve(ctx, mux, opts.Web, loggers.Slog)
	}, logger)
}

// serveAndRun ends when both have ended; either one's failure ends the other.
func serveAndRun(ctx context.Context, r *runner, serve func(context.Context) error, logger log.Logger) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	served := make(chan error, 1)
	go func() {
		defer stop()
		served <- serve(ctx)
	}()
	r.Run(ctx)
	err := <-served
	level.Info(logger).Log("msg", "stopped")
	return err
}
