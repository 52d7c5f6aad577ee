package app

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"sync"

	"github.com/go-kit/log"
	"github.com/go-kit/log/level"
	toolkit "github.com/prometheus/exporter-toolkit/web"

	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/config"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/fleet"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/metrics"
)

// pages are on the landing page.
var pages = []toolkit.LandingLinks{{Address: "/config", Text: "Configuration", Description: "the one in force, without secrets"}}

// reloader reads the configuration again and puts it in force, or keeps the
// previous one.
type reloader struct {
	load    func() (config.Config, error)
	targets *fleet.Fleet
	metrics *metrics.Metrics
	logger  log.Logger
	mu      sync.Mutex // one reload at a time
}

func newReloader(o Options, targets *fleet.Fleet, m *metrics.Metrics) *reloader {
	m.Reloaded(true)
	return &reloader{load: o.Load, targets: targets, metrics: m, logger: o.Loggers.Kit}
}

func (r *reloader) run(ctx context.Context, asked <-chan os.Signal) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-asked:
			_ = r.reload() // it is in the log, and nobody waits for it
		}
	}
}

func (r *reloader) reload() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	c, err := r.load()
	if err == nil {
		err = r.targets.Apply(c)
	}
	r.metrics.Reloaded(err == nil)
	if err != nil {
		level.Error(r.logger).Log("msg", "configuration reload failed", "err", err, "effect", "the previous configuration stays in force")
		return fmt.Errorf("the previous configuration stays in force: %w", err)
	}
	level.Info(r.logger).Log("msg", "configuration reloaded", "targets", len(c.Targets))
	return nil
}

// ServeHTTP reloads.
func (r *reloader) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	if err := r.reload(); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	fmt.Fprintln(w, "reloaded")
}

func writeConfig(w http.ResponseWriter, c config.Config) {
	text, err := c.YAML()
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, _ = w.Write(text) // if the client has gone, there is nobody left to tell
}
