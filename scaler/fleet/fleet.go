// Package fleet runs a loop for every workload of the configuration in force,
// while this process leads: for the targets that name one workload, and for
// those whose queries name them.
package fleet

import (
	"context"
	"errors"
	"reflect"
	"sync"

	"github.com/go-kit/log"
	"github.com/go-kit/log/level"
	v1 "github.com/prometheus/client_golang/api/prometheus/v1"

	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/config"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/event"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/journal"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/kubeapi"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/loop"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/metrics"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/workload"
)

// Options are what a fleet works with.
type Options struct {
	Connect   func(config.Prometheus) (v1.API, error) // makes no request
	Workloads func(workload.Ref) loop.Scaler          // makes no request
	Pods      func(workload.Ref) Pods                 // makes no request
	Watch     func([]workload.Ref)                    // makes these the workloads that are watched; nil if they need not be
	Metrics   *metrics.Metrics
	Journal   *journal.Journal  // nil keeps only the last decisions
	Record    func(event.Event) // returns at once; nil if there are no Events
	Logger    log.Logger
}

// Pods are what the API server tells of a workload's Pods.
type Pods interface {
	List(ctx context.Context) ([]kubeapi.Pod, error)
	SetDeletionCosts(ctx context.Context, costs map[kubeapi.Pod]int32) error
}

// Fleet has the configuration in force. Its methods can be called by any
// goroutine; none holds a lock while it waits.
type Fleet struct {
	Options

	mu      sync.Mutex
	desired state
	leads   bool
	applied []chan struct{} // closed once what is desired runs, or does not have to
	health  []health        // of what runs: for each target in the configuration's order, then for members of groups
	changed chan struct{}   // full when desired is news
}

// state is a configuration, and the connections that go with it.
type state struct {
	config config.Config
	conns  []*connection
}

// connection is one to a Prometheus. A new one is made whenever its options
// change, so its address stands for its identity.
type connection struct {
	to    config.Prometheus
	api   v1.API
	turns *turns // of separate targets
}

// to returns the connection to a Prometheus, nil if there is none.
func (s state) to(p config.Prometheus) *connection {
	for _, c := range s.conns {
		if reflect.DeepEqual(c.to, p) {
			return c
		}
	}
	return nil
}

// of returns the connection that answers a target's queries.
func (s state) of(t config.Target) *connection { return s.to(s.config.Server(t)) }

// health is whether something works.
type health struct {
	worked, alive func() error // nil: does not matter
}

// New returns a fleet without a configuration.
func New(o Options) *Fleet {
	if o.Journal == nil {
		o.Journal = journal.New(0)
	}
	if o.Watch == nil {
		o.Watch = func([]workload.Ref) {}
	}
	return &Fleet{Options: o, changed: make(chan struct{}, 1)}
}

// Apply puts a configuration in force, and returns once it is. What can fail
// comes first, so on an error the former one stays. Loops of targets that it
// does not change go on untouched.
func (f *Fleet) Apply(c config.Config) error {
	f.mu.Lock()
	before := f.desired
	f.mu.Unlock()
	next := state{config: c}
	for _, t := range c.Targets {
		p := c.Server(t)
		if next.to(p) != nil {
			continue
		}
		conn := before.to(p)
		if conn == nil {
			api, err := f.Connect(p)
			if err != nil {
				return err
			}
			conn = &connection{p, api, newTurns(connectionTurns)}
		}
		next.conns = append(next.conns, conn)
	}
	f.describe(before.config, c)

	f.mu.Lock()
	f.desired = next
	if !f.leads {
		f.mu.Unlock()
		f.configure(before.config, c)
		return nil
	}
	applied := make(chan struct{})
	f.applied = append(f.applied, applied)
	f.mu.Unlock()
	f.notify()
	<-applied
	return nil
}

// notify says that what is desired has changed.
func (f *Fleet) notify() {
	select {
	case f.changed <- struct{}{}:
	default:
	}
}

// configure lets metrics and journal tell of targets that do not run.
func (f *Fleet) configure(before, now config.Config) {
	names := map[string]bool{}
	for _, t := range now.Targets {
		if t.Group == nil {
			names[t.Name] = true
			f.Metrics.Target(t.Name).Configure(t)
			f.Journal.Target(t.Name).Configure(t)
		}
	}
	for _, t := range before.Targets {
		if t.Group == nil && !names[t.Name] {
			f.remove(t.Name)
		}
	}
}

// remove lets metrics and journal forget a target that is no more.
func (f *Fleet) remove(name string) {
	f.Metrics.Remove(name)
	f.Journal.Remove(name)
}

// describe logs each target that is new or changed.
func (f *Fleet) describe(before, now config.Config) {
	old := map[string]config.Target{}
	for _, t := range before.Targets {
		old[t.Name] = t
	}
	for _, t := range now.Targets {
		if was, ok := old[t.Name]; !ok || !reflect.DeepEqual(was, t) {
			level.Info(f.Logger).Log(describe(t)...)
		}
	}
}

// warn logs what Prometheus warns of.
func (f *Fleet) warn(target string) func(string) {
	logger := log.With(f.Logger, "target", target)
	return func(warning string) { level.Warn(logger).Log("msg", "warning about the query", "warning", warning) }
}

// Worked returns an error for every target that has not worked lately. Standing
// by is no error. A group works if its queries do: a workload that they name
// and that cannot be scaled does not make the group fail.
func (f *Fleet) Worked() error {
	return f.check(func(h health) func() error { return h.worked })
}

// Alive returns an error if a loop is stuck.
func (f *Fleet) Alive() error {
	return f.check(func(h health) func() error { return h.alive })
}

func (f *Fleet) check(of func(health) func() error) error {
	f.mu.Lock()
	all := f.health
	f.mu.Unlock()
	var errs []error
	for _, h := range all {
		if check := of(h); check != nil {
			errs = append(errs, check())
		}
	}
	return errors.Join(errs...)
}

// Config returns the configuration in force.
func (f *Fleet) Config() config.Config {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.desired.config
}

// Once decides once on every target, without running anything.
func (f *Fleet) Once(ctx context.Context) error {
	f.mu.Lock()
	now := f.desired
	f.mu.Unlock()
	var errs []error
	var desired []spec
	for _, t := range now.config.Targets {
		if t.Group == nil {
			desired = append(desired, spec{target: &t, source: now.of(t)})
		}
	}
	for _, t := range now.config.Targets {
		if t.Group == nil {
			continue
		}
		g := newGroup(t, now.of(t), f.warn(t.Name), f.Logger)
		a := g.look(ctx)
		errs = append(errs, a.err)
		for _, key := range a.named {
			desired = append(desired, g.spec(key))
		}
	}
	var mu sync.Mutex
	var all sync.WaitGroup
	for _, s := range newPlan(nil, desired).start {
		all.Go(func() {
			ctx, cancel := context.WithTimeout(ctx, s.target.Policy.MaxAge(0))
			defer cancel()
			err := f.newMember(s).loop.Once(ctx)
			mu.Lock()
			defer mu.Unlock()
			errs = append(errs, err)
		})
	}
	all.Wait()
	return errors.Join(errs...)
}
