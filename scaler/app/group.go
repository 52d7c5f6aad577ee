package app

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/go-kit/log"
	"github.com/go-kit/log/level"
	v1 "github.com/prometheus/client_golang/api/prometheus/v1"

	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/config"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/loop"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/query"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/workload"
)

// absence is for how long a workload that no query names any more is still
// looked at, and holds.
const absence = 10 * time.Minute

// group is a target whose queries name its workloads. While this process
// leads, it sees to it that there is a member for each of them.
type group struct {
	target  config.Target
	shared  []*query.Shared // one for each trigger
	health  *loop.Health
	logger  log.Logger
	members map[workload.Ref]*member // guarded by the fleet's mutex, as stop

	said  said
	taken map[workload.Ref]bool // that it names, but that are another target's

	stop context.CancelFunc // nil before its start
}

// said is what was last logged of a group's queries.
type said struct {
	err               string
	unnamed, repeated int
}

func (f *fleet) newGroup(t config.Target, prom v1.API) *group {
	g := &group{
		target: t, health: loop.NewHealth(t.Name, t.Interval, t.Policy.MaxAge(0)), logger: log.With(f.logger, "target", t.Name),
		members: map[workload.Ref]*member{}, taken: map[workload.Ref]bool{},
	}
	labels := query.Labels{NamespaceLabel: t.Group.NamespaceLabel, NameLabel: t.Group.NameLabel}
	if labels.NamespaceLabel == "" {
		labels.Namespace = t.Workload.Namespace
	}
	for _, q := range t.Queries {
		g.shared = append(g.shared, query.NewShared(prom, query.Options{
			Query: q.PromQL, TimestampQuery: q.Timestamp, Zero: q.Zero, Warn: f.warn(t.Name),
		}, labels, t.Interval/10))
	}
	return g
}

// ref is the workload that the labels name.
func (g *group) ref(key query.Key) workload.Ref {
	ref := g.target.Workload
	ref.Namespace, ref.Name = key.Namespace, key.Name
	return ref
}

// member returns a new member.
func (g *group) member(key query.Key) *member {
	m := &member{target: g.target, group: g, key: key}
	m.target.Name, m.target.Workload = g.target.Name+"/"+key.String(), g.ref(key)
	for _, s := range g.shared {
		m.sources.Triggers = append(m.sources.Triggers, s.Reader(key))
	}
	g.members[m.target.Workload] = m
	return m
}

// start looks for workloads once per interval until ctx ends or the group is
// stopped.
func (g *group) start(ctx context.Context, f *fleet) {
	ctx, g.stop = context.WithCancel(ctx)
	f.looks.Go(func() {
		ticker := time.NewTicker(g.target.Interval)
		defer ticker.Stop()
		for ctx.Err() == nil {
			_ = g.look(ctx, f) // it is in the log
			select {
			case <-ctx.Done():
			case <-ticker.C:
			}
		}
	})
}

// look asks which workloads there are.
func (g *group) look(ctx context.Context, f *fleet) error {
	g.health.Begins()
	named := map[workload.Ref]query.Key{}
	var now said
	var errs []error
	for _, s := range g.shared {
		members, err := s.Keys(ctx)
		if err != nil {
			errs = append(errs, fmt.Errorf("target %s: find its workloads: %w", g.target.Name, err))
			continue
		}
		now.unnamed += members.Unnamed
		now.repeated += members.Repeated
		for _, key := range members.Keys {
			named[g.ref(key)] = key
		}
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	f.update(ctx, g, named, len(errs) == 0)
	err := errors.Join(errs...)
	if err == nil {
		g.health.Works()
	} else {
		now.err = err.Error()
	}
	g.say(now, err)
	return err
}

// say logs what is wrong with the answers, if it is news.
func (g *group) say(now said, err error) {
	if err != nil && g.said.err == "" {
		level.Error(g.logger).Log("msg", "the workloads could not be found; those that are known stay", "err", err)
	}
	if err == nil && now.unnamed != g.said.unnamed && now.unnamed > 0 {
		level.Warn(g.logger).Log("msg", "series without labels that name a workload are left out", "series", now.unnamed)
	}
	if err == nil && now.repeated != g.said.repeated && now.repeated > 0 {
		level.Warn(g.logger).Log("msg", "workloads that more than one series names are left alone: aggregate the query by the labels that name them", "workloads", now.repeated)
	}
	g.said = now
}

// update adds the workloads that are new, and drops those that have not been
// named for long. Unless all queries worked, nobody knows who is not named.
func (f *fleet) update(ctx context.Context, g *group, named map[workload.Ref]query.Key, complete bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if ctx.Err() != nil || f.groups[g.target.Name] != g {
		return
	}
	for ref, key := range named {
		m := f.members[ref]
		switch {
		case m == nil:
			f.join(g, key)
			delete(g.taken, ref)
		case m.group == g:
			m.absent = time.Time{}
		case !g.taken[ref]:
			g.taken[ref] = true
			level.Info(g.logger).Log("msg", "workload left to another target", "namespace", ref.Namespace, "workload", ref, "other", m.target.Name)
		}
	}
	if !complete {
		return
	}
	var gone []*member
	for ref, m := range g.members {
		_, is := named[ref]
		switch {
		case is:
		case m.absent.IsZero():
			m.absent = time.Now()
		case time.Since(m.absent) >= absence:
			gone = append(gone, m)
		}
	}
	halt(gone...)
	for _, m := range gone {
		f.drop(m.target.Workload)
		level.Info(m.logger).Log("msg", "workload dropped, for no query has named it for long", "namespace", m.key.Namespace, "workload", m.target.Workload, "absent", time.Since(m.absent).Round(time.Second))
	}
}

// join adds a member to a group.
func (f *fleet) join(g *group, key query.Key) {
	m := g.member(key)
	m.build(f)
	f.members[m.target.Workload] = m
	level.Info(m.logger).Log("msg", "workload found", "namespace", key.Namespace, "workload", m.target.Workload)
	if f.running != nil {
		m.start(f.running)
	}
}
