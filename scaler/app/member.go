package app

import (
	"context"
	"sync"
	"time"

	"github.com/go-kit/log"
	"github.com/go-kit/log/level"
	v1 "github.com/prometheus/client_golang/api/prometheus/v1"

	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/config"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/loop"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/query"
)

// member is one workload of the fleet.
type member struct {
	target  config.Target
	group   *group    // that it belongs to; nil if it is a target of its own
	key     query.Key // in the group
	absent  time.Time // since when the group's queries do not name it; zero if they do
	sources loop.Sources
	loop    *loop.Loop
	scaler  scaler
	logger  log.Logger

	stop  context.CancelFunc // nil unless it runs
	ended chan struct{}
}

// newMember makes the member of a target of its own.
func (f *fleet) newMember(t config.Target, prom v1.API) *member {
	m := &member{target: t}
	warn := f.warn(t.Name)
	for _, q := range t.Queries {
		m.sources.Triggers = append(m.sources.Triggers, query.New(prom, query.Options{
			Query: q.PromQL, TimestampQuery: q.Timestamp, Zero: q.Zero, Warn: warn,
		}))
	}
	if t.MaxReplicasQuery != "" {
		m.sources.Max = query.New(prom, query.Options{Query: t.MaxReplicasQuery, Warn: warn})
	}
	return m
}

// warn logs what Prometheus warns of.
func (f *fleet) warn(target string) func(string) {
	logger := log.With(f.logger, "target", target)
	return func(warning string) { level.Warn(logger).Log("msg", "warning about the query", "warning", warning) }
}

// build makes the loop, and with it the target's metrics.
func (m *member) build(f *fleet) {
	t := m.target
	m.logger = log.With(f.logger, "target", t.Name)
	m.scaler = f.workloads(t.Workload)
	m.loop = loop.New(loop.Target{
		Name: t.Name, Workload: t.Workload, Policy: t.Policy, Calendar: t.Calendar,
		Interval: t.Interval, DryRun: t.DryRun, Paused: t.Paused, Event: f.event,
	}, m.sources, m.scaler, f.metrics.Target(t.Name), f.logger)
}

// start runs the loop, and beside it the watch of the workload.
func (m *member) start(ctx context.Context) {
	ctx, m.stop = context.WithCancel(ctx)
	m.ended = make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() { m.scaler.Watch(ctx, m.logger) })
	wg.Go(func() { m.loop.Run(ctx) })
	go func() { defer close(m.ended); wg.Wait() }()
}

// halt stops members. Writes that are under way are finished.
func halt(members ...*member) {
	for _, m := range members {
		if m.stop != nil {
			m.stop()
		}
	}
	for _, m := range members {
		if m.stop != nil {
			<-m.ended
			m.stop = nil
		}
	}
}
