package fleet

import (
	"context"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"time"

	"github.com/go-kit/log/level"

	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/config"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/workload"
)

// Run runs the loops until ctx ends. Nothing that was known before is relied on:
// each loop waits for a sample that is scraped from now on. It must not be
// called while it runs.
func (f *Fleet) Run(ctx context.Context) {
	f.mu.Lock()
	f.leads = true
	f.mu.Unlock()
	r := &running{Fleet: f, ctx: ctx, groups: map[string]*group{}, members: map[workload.Ref]*member{}, answers: make(chan answer)}
	r.reconcile()
	for ctx.Err() == nil {
		select {
		case <-ctx.Done():
		case <-f.changed:
			r.reconcile()
		case a := <-r.answers:
			r.answered(a)
		}
	}
	r.end()
}

// running is what runs while this process leads. One goroutine owns it.
type running struct {
	*Fleet
	ctx     context.Context
	now     state
	groups  map[string]*group // by name
	members map[workload.Ref]*member
	answers chan answer // of groups
}

// reconcile makes run what is desired.
func (r *running) reconcile() {
	r.mu.Lock()
	applied := r.applied
	r.now, r.applied = r.desired, nil
	r.mu.Unlock()
	r.reconcileGroups()
	r.reconcileMembers()
	for _, done := range applied {
		close(done)
	}
}

// reconcileGroups starts and stops groups. A changed one keeps what was found.
func (r *running) reconcileGroups() {
	groups := map[string]*group{}
	for _, t := range r.now.config.Targets {
		if t.Group == nil {
			continue
		}
		old := r.groups[t.Name]
		if old != nil && old.conn == r.now.of(t) && reflect.DeepEqual(old.target, t) {
			groups[t.Name] = old
			continue
		}
		g := newGroup(t, r.now.of(t), r.warn(t.Name), r.Logger)
		if old != nil && old.namesAs(t) {
			g.found = old.found
		}
		groups[t.Name] = g
	}
	for name, old := range r.groups {
		if groups[name] != old {
			old.stop()
		}
	}
	for _, g := range groups {
		if g.stop != nil {
			continue
		}
		ctx, cancel := context.WithCancel(r.ctx)
		ended := make(chan struct{})
		go func() { defer close(ended); g.find(ctx, r.answers) }()
		g.stop = func() { cancel(); <-ended }
	}
	r.groups = groups
}

// reconcileMembers starts and stops members.
func (r *running) reconcileMembers() {
	var desired []spec
	for _, t := range r.now.config.Targets {
		if t.Group == nil {
			desired = append(desired, spec{target: &t, source: r.now.of(t)})
		}
	}
	for _, t := range r.now.config.Targets {
		if t.Group != nil {
			g := r.groups[t.Name]
			for key := range g.found {
				desired = append(desired, g.spec(key))
			}
		}
	}
	specs := make(map[workload.Ref]spec, len(r.members))
	for ref, m := range r.members {
		specs[ref] = m.spec
	}
	p := newPlan(specs, desired)
	r.logConflicts(p.conflicts)

	var stopped []*member
	for _, ref := range p.stop {
		stopped = append(stopped, r.members[ref])
	}
	halt(stopped)
	gone := map[workload.Ref]*member{}
	for _, m := range stopped {
		gone[m.ref()] = m
		delete(r.members, m.ref())
	}
	r.forget(gone, p.start)
	var started []*member
	for _, s := range p.start {
		m := r.newMember(s)
		old := gone[s.ref()]
		if old != nil {
			m.loop.Continue(old.loop)
		}
		if old == nil || old.target.Name != s.target.Name {
			r.Metrics.Target(s.target.Name).Start()
			r.Journal.Target(s.target.Name).Start()
		}
		r.members[s.ref()] = m
		started = append(started, m)
	}
	r.Watch(slices.Collect(maps.Keys(r.members))) // first, so that what many need is read once
	for _, m := range started {
		m.start(r.ctx)
	}
	r.publish()
}

// forget lets metrics and journal forget the members that have stopped, unless one of
// the same name and workload is about to start.
func (r *running) forget(gone map[workload.Ref]*member, start []spec) {
	starts := map[string]workload.Ref{}
	for _, s := range start {
		starts[s.target.Name] = s.ref()
	}
	for ref, m := range gone {
		switch next, again := starts[m.target.Name]; {
		case !again:
			r.remove(m.target.Name)
		case next != ref: // the name is another workload's now
			r.Metrics.Target(m.target.Name).Forget()
			r.Journal.Target(m.target.Name).Forget()
		}
	}
}

func (r *running) logConflicts(conflicts []conflict) {
	taken := map[*group]map[workload.Ref]bool{}
	for _, c := range conflicts {
		g := r.groups[c.by]
		if taken[g] == nil {
			taken[g] = map[workload.Ref]bool{}
		}
		taken[g][c.ref] = true
		if !g.taken[c.ref] {
			level.Info(g.logger).Log("msg", "workload left to another target", "namespace", c.ref.Namespace, "workload", c.ref, "other", c.other)
		}
	}
	for _, g := range r.groups {
		g.taken = taken[g]
	}
}

// answered takes in what a group found.
func (r *running) answered(a answer) {
	g := a.group
	if r.groups[g.target.Name] != g {
		return // it was stopped meanwhile
	}
	next, added, dropped := g.found.update(a.named, a.complete, time.Now())
	before := g.found
	g.found = next
	if len(added)+len(dropped) == 0 {
		return
	}
	for _, key := range added {
		s := g.spec(key)
		level.Info(g.logger).Log("msg", "workload found", "namespace", key.Namespace, "workload", s.ref())
	}
	for _, key := range dropped {
		s := g.spec(key)
		level.Info(g.logger).Log("msg", "workload dropped", "namespace", key.Namespace, "workload", s.ref(), "absent", time.Since(before[key]).Round(time.Second))
	}
	r.reconcileMembers()
}

// publish tells how to find out whether what runs works.
func (r *running) publish() {
	var all []health
	for _, t := range r.now.config.Targets {
		if t.Group != nil {
			h := r.groups[t.Name].health
			all = append(all, health{r.worked(t, h), h.Alive})
		} else {
			l := r.members[t.Workload].loop
			all = append(all, health{r.worked(t, l), l.Alive})
		}
	}
	for _, m := range r.members {
		if m.group != "" {
			all = append(all, health{alive: m.loop.Alive})
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.health = all
}

// worked returns a check of a target that says which Prometheus it has, if there
// are several.
func (r *running) worked(t config.Target, of interface{ Worked() error }) func() error {
	if len(r.now.conns) == 1 {
		return of.Worked
	}
	server := r.now.config.Server(t).Redacted()
	return func() error {
		if err := of.Worked(); err != nil {
			return fmt.Errorf("%w; its Prometheus is %s", err, server)
		}
		return nil
	}
}

// end stops all, and lets the metrics tell of the configuration alone.
func (r *running) end() {
	for _, g := range r.groups {
		g.stop()
	}
	halt(slices.Collect(maps.Values(r.members)))
	r.Watch(nil)
	r.mu.Lock()
	applied, now := r.applied, r.desired.config
	r.leads, r.health, r.applied = false, nil, nil
	r.mu.Unlock()
	for _, m := range r.members {
		if m.group == "" {
			r.Metrics.Target(m.target.Name).Forget()
			r.Journal.Target(m.target.Name).Stop() // what was decided stays true
		} else {
			r.remove(m.target.Name)
		}
	}
	r.configure(config.Config{Targets: r.now.config.Targets}, now)
	for _, done := range applied {
		close(done)
	}
}
