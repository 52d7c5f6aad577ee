package app

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"sync"
	"time"

	"github.com/go-kit/log"
	"github.com/go-kit/log/level"
	"golang.org/x/time/rate"

	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/config"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/fleet"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/metrics"
)

// reloader reads the configuration again and puts it in force, or keeps the
// previous one.
type reloader struct {
	load    func() (config.Config, error)
	targets *fleet.Fleet
	metrics *metrics.Metrics
	logger  log.Logger
	limit   *rate.Limiter // of requests: a reload costs a log line and a read of the file
	mu      sync.Mutex    // one reload at a time

	watched string // the file to reload when it changes; "" for none
	content string // that was last read of it
}

func newReloader(o Options, targets *fleet.Fleet, m *metrics.Metrics) *reloader {
	r := &reloader{load: o.Load, targets: targets, metrics: m, logger: o.Loggers.Kit, limit: rate.NewLimiter(rate.Every(6*time.Second), 10), watched: o.Watch}
	r.changed() // what is in force now
	return r
}

// watchEvery is how often a watched file is read. Kubernetes takes up to a minute
// to show a changed ConfigMap to a Pod, so more often would gain little.
const watchEvery = 10 * time.Second

func (r *reloader) run(ctx context.Context, asked <-chan os.Signal) {
	var tick <-chan time.Time
	if r.watched != "" {
		ticker := time.NewTicker(watchEvery)
		defer ticker.Stop()
		tick = ticker.C
	}
	for {
		select {
		case <-ctx.Done():
			return
		case <-asked:
		case <-tick:
			if !r.changed() {
				continue
			}
		}
		_ = r.reload() // the error is in the log
	}
}

// changed reports whether the watched file has another content than before. One
// that cannot be read has not changed: it may be about to be replaced.
func (r *reloader) changed() bool {
	content, err := os.ReadFile(r.watched)
	if err != nil || string(content) == r.content {
		return false
	}
	r.content = string(content)
	return true
}

func (r *reloader) reload() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	c, err := r.load()
	if err == nil {
		err = r.targets.Apply(c)
	}
	if err != nil {
		r.metrics.Refused()
		level.Error(r.logger).Log("msg", "configuration reload failed", "err", err, "effect", "the previous configuration stays in force")
		return fmt.Errorf("the previous configuration stays in force: %w", err)
	}
	r.metrics.Loaded(c.Targets[0].Interval)
	level.Info(r.logger).Log("msg", "configuration reloaded", "targets", len(c.Targets))
	return nil
}

// ServeHTTP reloads.
func (r *reloader) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	if !r.limit.Allow() {
		http.Error(w, "too many reloads: at most ten at once, and ten a minute", http.StatusTooManyRequests)
		return
	}
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
