// Package app puts the scaler together.
package app

import (
	"cmp"
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"sync"

	"github.com/go-kit/log/level"
	v1 "github.com/prometheus/client_golang/api/prometheus/v1"
	commoncfg "github.com/prometheus/common/config"
	"golang.org/x/sync/errgroup"
	"k8s.io/client-go/rest"

	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/config"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/event"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/fleet"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/gate"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/journal"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/loop"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/metrics"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/promapi"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/workload"
	"github.com/camunda-autoscaler/camunda-autoscaler/service"
	"github.com/camunda-autoscaler/camunda-autoscaler/service/logging"
	"github.com/camunda-autoscaler/camunda-autoscaler/service/web"
)

// Options is what the scaler needs to run.
type Options struct {
	Config           config.Config
	Load             func() (config.Config, error) // reads the configuration again, for a reload
	Reload           <-chan os.Signal              // asks for a reload; nil if nothing does
	Watch            string                        // the file to reload when its content changes; "" for none
	Kube             *rest.Config                  // see KubeConfig
	Web              web.Config
	Loggers          logging.Loggers
	MergeGroups      bool // a group's workloads are one target in the metrics
	QueriesInFlight  int  // at Prometheus, at most; 0 is promapi.DefaultInFlight
	Addresses        Addresses
	JournalBytes     int      // of decisions that are kept, at most
	RequestsInFlight int      // at the API server, at most; 0 is gate.DefaultInFlight
	Once             bool     // decide once for every target and return
	Events           bool     // put Events on the workloads
	Lease            *LeaseID // that decides who leads; nil if this is the only scaler
}

// Run scales until ctx ends, or once. A write under way when ctx ends is
// finished. It returns an error if it cannot start, or if once a target could
// not be decided on.
func Run(ctx context.Context, o Options) error {
	registry := service.NewRegistry("camunda_scaler")
	self := metrics.New()
	self.MergeGroups = o.MergeGroups
	registry.MustRegister(self)
	kube, err := NewKube(o.Kube, gate.Load{InFlight: o.RequestsInFlight, Queued: self.RequestQueued, Took: self.RequestTook}, o.Loggers.Kit)
	if err != nil {
		return err
	}
	lead, bound, stands, err := newLeader(o, kube.client, self)
	if err != nil {
		return err
	}
	kept := journal.New(o.JournalBytes)
	events := event.NewRecorder(kube.client, kube.Gate, Name, o.Loggers.Kit)
	options := fleet.Options{
		Connect:   func(c config.Prometheus) (v1.API, error) { return Connect(c, o.QueriesInFlight, self) },
		Workloads: func(ref workload.Ref) loop.Scaler { return fenced{kube.Workload(ref), bound} },
		Pods:      func(ref workload.Ref) fleet.Pods { return fencedPods{kube.Workload(ref), bound} },
		Watch:     kube.Watch,
		Metrics:   self,
		Journal:   kept,
		Logger:    o.Loggers.Kit,
	}
	if o.Events {
		options.Record = events.Record
	}
	targets := fleet.New(options)
	if err := targets.Apply(o.Config); err != nil {
		return err
	}
	if o.Once {
		err := targets.Once(ctx)
		ended, cancel := context.WithCancel(ctx)
		cancel()
		events.Run(ended) // those of the one decision
		return err
	}
	self.Loaded(o.Config.Targets[0].Interval) // all have the same
	reloads := newReloader(o, targets, self)
	ready := func() error {
		if err := lead.Worked(); err != nil {
			return err
		}
		return targets.Worked()
	}
	pages := newPages(o, kept, targets, stands, event.NewHistory(kube.client, Name))
	mux, err := web.NewMux(web.Page{Instead: pages}, o.Web.TelemetryPath, self.Handler(registry), ready, targets.Alive)
	if err != nil {
		return err
	}
	register(mux, pages)
	mux.Handle("POST /-/reload", reloads)
	mux.Handle("PUT /-/reload", reloads)
	mux.HandleFunc("GET /config", func(w http.ResponseWriter, _ *http.Request) { writeConfig(w, targets.Config()) })

	level.Info(o.Loggers.Kit).Log("msg", "starting", "version", service.Version(), "revision", service.Revision(), "targets", len(o.Config.Targets), "prometheus", o.Config.Prometheus.Redacted(), "kubernetes", o.Kube.Host)
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return web.Serve(ctx, mux, o.Web, o.Loggers.Slog) })
	group.Go(func() error {
		// The Events of a write that ctx's end lets finish come after it.
		recording, stop := context.WithCancel(context.WithoutCancel(ctx))
		var recorder sync.WaitGroup
		recorder.Go(func() { events.Run(recording) })
		lead.Run(ctx, targets.Run)
		stop()
		recorder.Wait()
		return nil
	})
	group.Go(func() error { reloads.run(ctx, o.Reload); return nil })
	err = group.Wait()
	level.Info(o.Loggers.Kit).Log("msg", "stopped")
	return err
}

// Name is the program's name.
const Name = "camunda-scaler"

// Connect returns a client of a Prometheus, with so many requests in flight at
// most; 0 is the default.
func Connect(c config.Prometheus, inFlight int, m *metrics.Metrics) (v1.API, error) {
	dial := promapi.LimitConnections(cmp.Or(inFlight, promapi.DefaultInFlight), (&net.Dialer{}).DialContext)
	client, err := commoncfg.NewClientFromConfig(c.HTTP, Name, commoncfg.WithUserAgent(UserAgent()), commoncfg.WithDialContextFunc(commoncfg.DialContextFunc(dial)))
	if err != nil {
		return nil, fmt.Errorf("make an HTTP client for Prometheus: %w", err)
	}
	return promapi.New(c.URL, client, promapi.Load{InFlight: inFlight, Queued: m.QueryQueued, Took: m.QueryTook})
}

// UserAgent is what the program says it is in its requests.
func UserAgent() string { return service.UserAgent(Name) }
