package instances_test

import (
	"context"
	"slices"
	"time"

	"github.com/camunda-autoscaler/camunda-autoscaler/exporter/camunda"
	"github.com/camunda-autoscaler/camunda-autoscaler/exporter/instances"
)

var epoch = time.Date(2026, 3, 1, 10, 0, 0, 0, time.UTC)

var options = instances.Options{Window: 10 * time.Second, SettleLag: time.Second, RecountHorizon: time.Minute}

// engine is an engine's history and runtime, in memory.
type engine struct {
	now        time.Time
	instances  []instance
	running    string // id of a running instance
	unreadable bool   // history answers 0 to everything
	meter      uint64
	clock      camunda.Clock    // what answers have told
	reveal     camunda.Clock    // what the next answer tells
	fail       map[string]error // by question
	asked      []string
	queries    []camunda.HistoryQuery
}

type instance struct {
	started, visible time.Time
	key, tenant      string
	child            bool
}

func (e *engine) CountHistory(_ context.Context, endpoint camunda.Endpoint, q camunda.HistoryQuery) (uint64, error) {
	e.asked, e.queries = append(e.asked, string(endpoint)), append(e.queries, q)
	if err := e.fail[string(endpoint)]; err != nil {
		return 0, err
	}
	e.clock = e.reveal
	var n uint64
	for _, i := range e.instances {
		if !e.unreadable && !i.visible.After(e.now) && !i.started.Before(q.From) && !i.started.After(q.To) &&
			(q.ProcessDefinitionKey == "" || q.ProcessDefinitionKey == i.key) &&
			(len(q.Tenants) == 0 || slices.Contains(q.Tenants, i.tenant)) && !(q.RootOnly && i.child) {
			n++
		}
	}
	return n, nil
}

func (e *engine) Clock(time.Time) camunda.Clock { return e.clock }

func (e *engine) InHistory(context.Context, string) (bool, error) {
	e.asked = append(e.asked, "in history")
	return !e.unreadable, e.fail["in history"]
}

func (e *engine) AnyInHistory(context.Context) (bool, error) {
	e.asked = append(e.asked, "any in history")
	return !e.unreadable && (len(e.instances) > 0 || e.running != "" || e.meter > 0), e.fail["any in history"]
}

func (e *engine) AnyRunning(context.Context, []string) (string, error) {
	e.asked = append(e.asked, "any running")
	return e.running, e.fail["any running"]
}

func (e *engine) RootStarts(context.Context) (uint64, error) {
	e.asked = append(e.asked, "meter")
	return e.meter, e.fail["meter"]
}

func (e *engine) start(at time.Time, key string) {
	e.instances = append(e.instances, instance{started: at, visible: at, key: key})
}

func (e *engine) pass(d time.Duration) {
	e.now = e.now.Add(d)
	e.asked, e.queries = nil, nil
}
