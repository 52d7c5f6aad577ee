package app

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"sync"

	"github.com/go-kit/log"
	"github.com/go-kit/log/level"
	v1 "github.com/prometheus/client_golang/api/prometheus/v1"

	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/config"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/event"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/loop"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/metrics"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/query"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/workload"
)

// fleet has a loop for every target of the configuration in force, and runs
// them while this process leads.
type fleet struct {
	metrics   *metrics.Metrics
	workloads func(workload.Ref) loop.Scaler
	event     func(event.Event) // nil for none
	logger    log.Logger

	mu      sync.Mutex
	config  config.Config
	prom    v1.API
	members map[workload.Ref]*member
	running context.Context // nil while standing by
}

type member struct {
	target config.Target
	reader loop.Reader
	loop   *loop.Loop
	stop   context.CancelFunc // nil unless it runs
	ended  chan struct{}
}

func newFleet(m *metrics.Metrics, workloads func(workload.Ref) loop.Scaler, logger log.Logger) *fleet {
	return &fleet{metrics: m, workloads: workloads, logger: logger, members: map[workload.Ref]*member{}}
}

// Apply puts a configuration in force: all that can fail happens first, so on
// an error the former one stays. Loops of targets that it does not change go
// on untouched.
func (f *fleet) Apply(c config.Config) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	prom := f.prom
	sameProm := prom != nil && reflect.DeepEqual(f.config.Prometheus, c.Prometheus)
	if !sameProm {
		var err error
		if prom, err = newPrometheus(c.Prometheus); err != nil {
			return err
		}
	}

	next := map[workload.Ref]*member{}
	for _, t := range c.Targets {
		old := f.members[t.Workload]
		if sameProm && old != nil && reflect.DeepEqual(old.target, t) {
			next[t.Workload] = old
			continue
		}
		next[t.Workload] = f.member(t, prom)
	}
	names := map[string]bool{}
	for _, m := range next {
		names[m.target.Name] = true
	}
	for ref, old := range f.members {
		if next[ref] == old {
			continue
		}
		old.halt()
		switch {
		case !names[old.target.Name]:
			f.metrics.Remove(old.target.Name)
		case next[ref] == nil: // the name is another workload's now
			f.metrics.Target(old.target.Name).Forget()
		}
	}
	for ref, m := range next {
		old := f.members[ref]
		if old == m {
			continue
		}
		m.build(f)
		if old != nil {
			m.loop.Continue(old.loop)
		}
		if f.running != nil {
			m.start(f.running)
		}
	}
	f.config, f.prom, f.members = c, prom, next
	return nil
}

func (f *fleet) member(t config.Target, prom v1.API) *member {
	logger := log.With(f.logger, "target", t.Name)
	warn := func(warning string) { level.Warn(logger).Log("msg", "warning about the query", "warning", warning) }
	return &member{target: t, reader: query.NewReader(prom, t.Queries[0].PromQL, t.Queries[0].Timestamp, warn)}
}

// build makes the loop, and with it the target's metrics.
func (m *member) build(f *fleet) {
	t := m.target
	m.loop = loop.New(loop.Target{
		Name: t.Name, Workload: t.Workload, Policy: t.Policy,
		Interval: t.Interval, DryRun: t.DryRun, Paused: t.Paused, Event: f.event,
	}, m.reader, f.workloads(t.Workload), f.metrics.Target(t.Name), f.logger)
}

func (m *member) start(ctx context.Context) {
	ctx, m.stop = context.WithCancel(ctx)
	m.ended = make(chan struct{})
	go func() { defer close(m.ended); m.loop.Run(ctx) }()
}

// halt lets a write that is under way finish.
func (m *member) halt() {
	if m.stop != nil {
		m.stop()
		<-m.ended
		m.stop = nil
	}
}

// Run runs the loops until ctx ends. Nothing that was known before is relied
// on: each loop waits for a sample that is scraped from now on.
func (f *fleet) Run(ctx context.Context) {
	f.mu.Lock()
	f.running = ctx
	for _, m := range f.members {
		m.build(f)
		m.start(ctx)
	}
	f.mu.Unlock()

	<-ctx.Done()

	f.mu.Lock()
	defer f.mu.Unlock()
	f.running = nil
	for _, m := range f.members {
		m.halt()
		f.metrics.Target(m.target.Name).Forget()
	}
}

// Once decides once on every target.
func (f *fleet) Once(ctx context.Context) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	var mu sync.Mutex
	var errs []error
	var wg sync.WaitGroup
	for _, m := range f.members {
		wg.Go(func() {
			ctx, cancel := context.WithTimeout(ctx, m.target.Policy.MaxSampleAge)
			defer cancel()
			err := m.loop.Once(ctx)
			mu.Lock()
			defer mu.Unlock()
			errs = append(errs, err)
		})
	}
	wg.Wait()
	return errors.Join(errs...)
}

// Worked returns an error for every loop that has not worked lately. Standing
// by is no error.
func (f *fleet) Worked() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.running == nil {
		return nil
	}
	var errs []error
	for _, t := range f.config.Targets {
		errs = append(errs, f.members[t.Workload].loop.Worked())
	}
	return errors.Join(errs...)
}

// Config returns the configuration in force.
func (f *fleet) Config() config.Config {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.config
}

// fenced writes only while this process holds the lease, and only for as long
// as nobody else can have it.
type fenced struct {
	loop.Scaler
	bound func(context.Context) (context.Context, context.CancelFunc, error)
}

func (s fenced) Set(ctx context.Context, read workload.Scale, replicas int32) error {
	ctx, cancel, err := s.bound(ctx)
	if err != nil {
		return fmt.Errorf("not written: %w", err)
	}
	defer cancel()
	return s.Scaler.Set(ctx, read, replicas)
}
