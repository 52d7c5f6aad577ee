package fleet

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/go-kit/log"
	"github.com/go-kit/log/level"

	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/config"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/loop"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/query"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/workload"
)

// group is a target whose queries name its workloads. It finds them; the fleet
// sees to it that there is a member for each.
type group struct {
	target  config.Target
	conn    *connection
	sources []*query.Source // one for each trigger
	turns   *turns          // of its members
	health  *loop.Health
	logger  log.Logger
	logged  problems // that were logged last

	// What belongs to whoever runs the fleet, not to find.
	found found
	taken map[workload.Ref]bool // that it names, but another target has
	stop  func()                // ends find, and waits for it; nil if it does not run
}

// problems are what can be wrong with the answers to a group's queries.
type problems struct {
	err               string
	unnamed, repeated int
}

func newGroup(t config.Target, conn *connection, warn func(string), logger log.Logger) *group {
	g := &group{
		target: t, conn: conn, health: loop.NewHealth(t.Name, t.Interval, t.Policy.MaxAge(0)),
		logger: log.With(logger, "target", t.Name), turns: newTurns(groupTurns),
	}
	labels := query.Labels{NamespaceLabel: t.Group.NamespaceLabel, NameLabel: t.Group.NameLabel}
	if labels.NamespaceLabel == "" {
		labels.Namespace = t.Workload.Namespace
	}
	for _, q := range t.Queries {
		g.sources = append(g.sources, query.NewShared(conn.api, options(q, warn), labels, t.Interval/10))
	}
	return g
}

// spec is that of the member for one workload.
func (g *group) spec(key query.Key) spec {
	t := g.target
	t.Name = g.target.Name + "/" + key.String()
	t.Workload.Namespace, t.Workload.Name = key.Namespace, key.Name
	return spec{target: &t, group: g.target.Name, key: key, source: g}
}

// namesAs reports whether a group's answers name the same workloads as those of
// another, whatever it does with them.
func (g *group) namesAs(t config.Target) bool {
	return *g.target.Group == *t.Group && g.target.Workload == t.Workload
}

// answer is what a look for workloads gave.
type answer struct {
	group    *group
	named    []query.Key
	complete bool // all queries were answered
	err      error
}

// find looks for workloads once per interval, until ctx ends.
func (g *group) find(ctx context.Context, to chan<- answer) {
	ticker := time.NewTicker(g.target.Interval)
	defer ticker.Stop()
	for ctx.Err() == nil {
		a := g.look(ctx)
		if ctx.Err() != nil {
			return
		}
		select {
		case to <- a:
		case <-ctx.Done():
			return
		}
		select {
		case <-ctx.Done():
		case <-ticker.C:
		}
	}
}

// look asks which workloads there are.
func (g *group) look(ctx context.Context) answer {
	g.health.Begins()
	a := answer{group: g, complete: true}
	var now problems
	var errs []error
	for _, s := range g.sources {
		members, err := s.Members(ctx)
		if err != nil {
			errs = append(errs, fmt.Errorf("target %s: find its workloads: %w", g.target.Name, err))
			continue
		}
		now.unnamed += members.Unnamed
		now.repeated += members.Repeated
		a.named = append(a.named, members.Keys...)
	}
	if a.err = errors.Join(errs...); a.err != nil {
		a.complete, now.err = false, a.err.Error()
	} else {
		g.health.Works()
	}
	if ctx.Err() == nil {
		g.log(now, a.err)
	}
	return a
}

// log logs what is wrong with the answers when it changes.
func (g *group) log(now problems, err error) {
	if err != nil && g.logged.err == "" {
		level.Error(g.logger).Log("msg", "workload discovery failed", "err", err, "effect", "known workloads stay")
	}
	if err == nil && now.unnamed != g.logged.unnamed && now.unnamed > 0 {
		level.Warn(g.logger).Log("msg", "ignoring series without labels that name a workload", "series", now.unnamed)
	}
	if err == nil && now.repeated != g.logged.repeated && now.repeated > 0 {
		level.Warn(g.logger).Log("msg", "ignoring workloads matched by several series", "workloads", now.repeated, "fix", "aggregate the query by the labels that name them")
	}
	g.logged = now
}
