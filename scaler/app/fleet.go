package app

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"sync"

	"github.com/go-kit/log"
	v1 "github.com/prometheus/client_golang/api/prometheus/v1"

	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/config"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/event"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/loop"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/metrics"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/workload"
)

// fleet has a loop for every workload of the configuration in force, and runs
// them while this process leads.
type fleet struct {
	metrics   *metrics.Metrics
	workloads func(workload.Ref) scaler
	connect   func(config.Prometheus) (v1.API, error)
	event     func(event.Event) // nil for none
	logger    log.Logger

	mu      sync.Mutex
	config  config.Config
	prom    v1.API
	groups  map[string]*group // by name
	members map[workload.Ref]*member
	running context.Context // nil while standing by
	looks   sync.WaitGroup  // of groups
}

func newFleet(m *metrics.Metrics, workloads func(workload.Ref) scaler, logger log.Logger) *fleet {
	return &fleet{
		metrics: m, workloads: workloads, logger: logger, groups: map[string]*group{}, members: map[workload.Ref]*member{},
		connect: func(c config.Prometheus) (v1.API, error) { return newPrometheus(c, m) },
	}
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
		if prom, err = f.connect(c.Prometheus); err != nil {
			return err
		}
	}

	groups, members := map[string]*group{}, map[workload.Ref]*member{}
	for _, t := range c.Targets {
		if t.Group != nil {
			old := f.groups[t.Name]
			if sameProm && old != nil && reflect.DeepEqual(old.target, t) {
				groups[t.Name] = old
			} else {
				groups[t.Name] = f.newGroup(t, prom)
			}
			continue
		}
		old := f.members[t.Workload]
		if sameProm && old != nil && reflect.DeepEqual(old.target, t) {
			members[t.Workload] = old
		} else {
			members[t.Workload] = f.newMember(t, prom)
		}
	}
	for _, old := range f.members {
		if old.group == nil {
			continue
		}
		g := groups[old.group.target.Name]
		if g == nil {
			continue
		}
		ref := g.ref(old.key)
		switch {
		case members[ref] != nil || ref != old.target.Workload: // a target of its own has it, or it is another now
		case g == old.group:
			members[ref] = old
		default:
			members[ref] = g.member(old.key)
			members[ref].absent = old.absent
		}
	}

	var gone []*member
	for ref, old := range f.members {
		if members[ref] != old {
			gone = append(gone, old)
		}
	}
	for name, old := range f.groups {
		if groups[name] != old && old.stop != nil {
			old.stop()
		}
	}
	halt(gone...)
	names := map[string]workload.Ref{}
	for ref, m := range members {
		names[m.target.Name] = ref
	}
	for _, old := range gone {
		if old.group != nil {
			delete(old.group.members, old.target.Workload)
		}
		switch ref, named := names[old.target.Name]; {
		case !named:
			f.metrics.Remove(old.target.Name)
		case ref != old.target.Workload: // the name is another workload's now
			f.metrics.Target(old.target.Name).Forget()
		}
	}
	for ref, m := range members {
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
	for name, g := range groups {
		if f.groups[name] != g && f.running != nil {
			g.start(f.running, f)
		}
	}
	f.config, f.prom, f.groups, f.members = c, prom, groups, members
	return nil
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
	for _, g := range f.groups {
		g.start(ctx, f)
	}
	f.mu.Unlock()

	<-ctx.Done()

	f.looks.Wait() // without the lock, which they may wait for
	f.mu.Lock()
	defer f.mu.Unlock()
	f.running = nil
	halt(slices.Collect(maps.Values(f.members))...)
	for ref, m := range f.members {
		f.metrics.Target(m.target.Name).Forget()
		f.metrics.Target(m.target.Name).SetPaused(m.target.Paused) // an annotation is not seen now
		if m.group != nil {
			f.drop(ref)
		}
	}
}

// drop forgets a member that has stopped.
func (f *fleet) drop(ref workload.Ref) {
	m := f.members[ref]
	f.metrics.Remove(m.target.Name)
	delete(f.members, ref)
	if m.group != nil {
		delete(m.group.members, ref)
	}
}

// Once decides once on every target.
func (f *fleet) Once(ctx context.Context) error {
	var errs []error
	for _, g := range f.groups {
		errs = append(errs, g.look(ctx, f))
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	var mu sync.Mutex
	var wg sync.WaitGroup
	for _, m := range f.members {
		wg.Go(func() {
			ctx, cancel := context.WithTimeout(ctx, m.target.Policy.MaxAge(0))
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

// Worked returns an error for every target that has not worked lately. Standing
// by is no error. A group works if its query does: that it names a workload
// that cannot be scaled is that workload's matter.
func (f *fleet) Worked() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.running == nil {
		return nil
	}
	var errs []error
	for _, t := range f.config.Targets {
		if t.Group != nil {
			errs = append(errs, f.groups[t.Name].health.Worked())
		} else {
			errs = append(errs, f.members[t.Workload].loop.Worked())
		}
	}
	return errors.Join(errs...)
}

// Alive returns an error if a loop is stuck.
func (f *fleet) Alive() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.running == nil {
		return nil
	}
	var errs []error
	for _, g := range f.groups {
		errs = append(errs, g.health.Alive())
	}
	for _, m := range f.members {
		errs = append(errs, m.loop.Alive())
	}
	return errors.Join(errs...)
}

// Config returns the configuration in force.
func (f *fleet) Config() config.Config {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.config
}

// scaler is a workload.
type scaler interface {
	loop.Scaler
	Watch(ctx context.Context, logger log.Logger)
}

// fenced writes only while this process holds the lease, and only for as long
// as nobody else can have it.
type fenced struct {
	scaler
	bound func(context.Context) (context.Context, context.CancelFunc, error)
}

func (s fenced) Set(ctx context.Context, read workload.Scale, replicas int32) error {
	ctx, cancel, err := s.bound(ctx)
	if err != nil {
		return fmt.Errorf("not written: %w", err)
	}
	defer cancel()
	return s.scaler.Set(ctx, read, replicas)
}
