package fleet

import (
	"context"
	"time"

	v1 "github.com/prometheus/client_golang/api/prometheus/v1"

	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/config"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/loop"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/metrics"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/query"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/report"
)

// member runs the loop of one workload: each cycle in a goroutine that ends with
// it, when its turn has come.
type member struct {
	spec
	loop  *loop.Loop
	turns *turns

	ctx    context.Context
	cancel context.CancelFunc
	ended  chan struct{} // closed when no cycle runs and none will

	// Guarded by the mutex of turns.
	due   time.Time // when the next cycle is
	waits bool      // for that
	index int       // in the queue, while it waits
	turn  bool      // the cycle that runs has not given its turn back
}

func options(q config.Query, warn func(string)) query.Options {
	return query.Options{Query: q.PromQL, TimestampQuery: q.Timestamp, Zero: q.Zero, Warn: warn}
}

// sources returns where a member's samples come from.
func (f *Fleet) sources(s spec) loop.Sources {
	var from loop.Sources
	var api v1.API
	warn := f.warn(s.target.Name)
	switch source := s.source.(type) {
	case *group:
		api = source.conn.api
		for _, shared := range source.sources {
			from.Triggers = append(from.Triggers, shared.Reader(s.key))
		}
	case *connection:
		api = source.api
		for _, q := range s.target.Queries {
			from.Triggers = append(from.Triggers, query.New(source.api, options(q, warn)).Reader(query.Key{}))
		}
		if s.target.MaxReplicasQuery != "" {
			from.Max = query.NewNumber(source.api, s.target.MaxReplicasQuery, warn)
		}
	}
	if b := s.target.BusyPods; b != nil {
		from.Pods = pods{f.Pods(s.target.Workload), query.NewLabelled(api, b.PromQL, b.PodLabel, warn)}
	}
	return from
}

// pods are a workload's, and how busy they are.
type pods struct {
	Pods
	busy query.Labelled
}

func (p pods) Busy(ctx context.Context) (map[string]float64, error) { return p.busy.Now(ctx) }

// metrics returns those of a target, or of a group's member.
func (f *Fleet) metrics(s spec) *metrics.Target {
	if s.group != "" {
		return f.Metrics.Member(s.group, s.target.Name)
	}
	return f.Metrics.Target(s.target.Name)
}

// newMember returns a member that does not run yet.
func (f *Fleet) newMember(s spec) *member {
	t := s.target
	m := &member{spec: s, turns: turnsOf(s.source)}
	told := f.metrics(s)
	told.Configure(*t)
	kept := f.Journal.Target(t.Name)
	kept.Configure(*t)
	observers := loop.Observers{told, kept, report.NewLog(f.Logger)}
	if f.Record != nil {
		observers = append(observers, report.Events{Record: f.Record})
	}
	m.loop = loop.New(t, told.Sources(f.sources(s)), told.Scaler(yielding{f.Workloads(t.Workload), m}), observers)
	return m
}

// start runs the loop.
func (m *member) start(ctx context.Context) {
	m.ctx, m.cancel = context.WithCancel(ctx)
	m.ended = make(chan struct{})
	m.next(0)
}

// cycle runs one cycle, and sees to the next.
func (m *member) cycle() {
	wait := m.loop.Step(m.ctx)
	m.turns.give(m)
	m.next(wait)
}

func (m *member) next(wait time.Duration) {
	if !m.turns.after(m.ctx, m, wait) {
		close(m.ended)
	}
}

// stop sees to it that no further cycle starts. One that runs ends soon.
func (m *member) stop() {
	m.cancel()
	if m.turns.leave(m) {
		close(m.ended)
	}
}

// halt stops members, all at once. Writes that are under way are finished.
func halt(members []*member) {
	for _, m := range members {
		m.stop()
	}
	for _, m := range members {
		<-m.ended
	}
}
