// Package app is camunda-process-starter: its command line and wiring.
package app

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/alecthomas/kingpin/v2"
	"github.com/go-kit/log"
	"github.com/go-kit/log/level"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	toolkit "github.com/prometheus/exporter-toolkit/web"

	"github.com/camunda-autoscaler/camunda-autoscaler/service"
	"github.com/camunda-autoscaler/camunda-autoscaler/service/logging"
	"github.com/camunda-autoscaler/camunda-autoscaler/service/web"
	"github.com/camunda-autoscaler/camunda-autoscaler/starter/camunda"
	"github.com/camunda-autoscaler/camunda-autoscaler/starter/pace"
)

const name = "camunda-process-starter"

// Options are what a user can set.
type Options struct {
	Host          string // the engine: host:port, or the URL of its REST API
	ConfigFile    string // credentials and TLS for the engine; may be empty
	Rate          pace.Rate
	Timeout       time.Duration // of one request
	MaxConcurrent int           // requests in flight at most
	Web           *web.Config
}

// NewCommand returns the program, and the options that parsing its command line
// fills.
func NewCommand() (*service.Command, *Options) {
	c := service.NewCommand(name, "Starts Camunda 7 process instances at a steady rate, which can be changed while it runs.", ":9752")
	o := &Options{Web: c.Web}
	c.Flags.Flag("camunda.host", "Engine to start instances on: host:port, or the URL of its REST API.").
		Envar("CAMUNDA_HOST").Default("camunda-service:8080").StringVar(&o.Host)
	c.Flags.Flag("camunda.config.file", "YAML file with credentials, TLS, proxy and headers for the engine, in Prometheus's http_config format.").
		PlaceHolder("FILE").StringVar(&o.ConfigFile)
	c.Flags.Flag("camunda.timeout", "How long to wait for the engine's answer.").
		Default("10s").DurationVar(&o.Timeout)
	c.Flags.Flag("starts-per-interval", "Instances to start in every interval.").
		Envar("N_PROCESS_STARTED").Default("5").SetValue((*wholeNumber)(&o.Rate.Starts))
	c.Flags.Flag("interval", "The interval: seconds, or a duration as in 10s.").
		Envar("QUIET_TIME_S").Default("10").SetValue((*seconds)(&o.Rate.Interval))
	c.Flags.Flag("max-concurrent-starts", "Starts that may wait for the engine's answer at the same time.").
		Default("64").SetValue((*wholeNumber)(&o.MaxConcurrent))
	c.Flags.Action(func(*kingpin.ParseContext) error { return o.Validate() })
	c.Run = func(ctx context.Context, logs logging.Loggers) error { return Run(ctx, *o, logs) }
	return c, o
}

// Validate returns an error for each option that cannot be meant.
func (o *Options) Validate() error {
	_, hostErr := camunda.ParseHost(o.Host)
	if hostErr != nil {
		hostErr = fmt.Errorf("--camunda.host: %w", hostErr)
	}
	var timeoutErr, concurrentErr error
	if o.Timeout <= 0 {
		timeoutErr = fmt.Errorf("--camunda.timeout: %s is not above 0; want for example 10s", o.Timeout)
	}
	if o.MaxConcurrent < 1 {
		concurrentErr = fmt.Errorf("--max-concurrent-starts: %d is below 1; want for example 64", o.MaxConcurrent)
	}
	return errors.Join(hostErr, o.Rate.Check(), timeoutErr, concurrentErr)
}

// wholeNumber is an int. Kingpin's own would read 5.5 as 5.
type wholeNumber int

func (n *wholeNumber) String() string { return strconv.Itoa(int(*n)) }

func (n *wholeNumber) Set(text string) error {
	v, err := strconv.Atoi(text)
	if err != nil {
		return fmt.Errorf("%q is not a whole number", text)
	}
	*n = wholeNumber(v)
	return nil
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
		return fmt.Errorf("%q is not an interval; want a number of seconds, or a duration as in 10s", text)
	}
	*s = seconds(d)
	return nil
}

// Run starts instances and serves HTTP until ctx ends; then it waits for the
// starts in flight.
func Run(ctx context.Context, o Options, logs logging.Loggers) error {
	logger := logs.Kit
	api, err := camunda.ParseHost(o.Host)
	if err != nil {
		return &service.UsageError{Err: err}
	}
	engine, err := camunda.New(api, o.ConfigFile, logger)
	if err != nil {
		return &service.UsageError{Err: err}
	}
	registry := service.NewRegistry("camunda_starter")
	r := newRunner(engine, o, logger, registry)
	mux, err := web.NewMux(web.Page{
		Name:        name,
		Description: "Starts Camunda 7 process instances at a steady rate.",
		Version:     service.Version(),
		Links:       []toolkit.LandingLinks{{Address: "/rate", Text: "Rate", Description: "GET it, or PUT a number of starts per interval"}},
	}, o.Web.TelemetryPath, promhttp.HandlerFor(registry, promhttp.HandlerOpts{Registry: registry}), r.Ready)
	if err != nil {
		return err
	}
	addRate(mux, r, logger)
	level.Info(logger).Log("msg", "starting", "version", service.Version(), "revision", service.Revision(),
		"engine", api, "rate", o.Rate, "max_concurrent_starts", o.MaxConcurrent)

	return serveAndRun(ctx, r, func(ctx context.Context) error {
		return web.Serve(ctx, mux, *o.Web, logs.Slog)
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
