package fleet

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-kit/log"
	"github.com/go-kit/log/level"
	v1 "github.com/prometheus/client_golang/api/prometheus/v1"
	"github.com/prometheus/common/model"

	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/config"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/loop"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/metrics"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/workload"
)

// tenants is a Prometheus that has been asked for the load of many Deployments
// at once, which it scrapes every ten seconds.
type tenants struct {
	v1.API
	mu      sync.Mutex
	load    map[string]float64 // by Deployment, all in the namespace bpm
	err     error
	queries int
}

func (p *tenants) set(change func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	change()
}

func (p *tenants) Query(context.Context, string, time.Time, ...v1.Option) (model.Value, v1.Warnings, v1.Infos, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.queries++
	if p.err != nil {
		return nil, nil, nil, p.err
	}
	now := model.TimeFromUnixNano(time.Now().UnixNano())
	scraped := time.Now().Truncate(10 * time.Second)
	sample := func(part, name string, value float64) *model.Sample {
		m := model.Metric{"__camunda_scaler__": model.LabelValue(part)}
		if name != "" {
			m["namespace"], m["deployment"] = "bpm", model.LabelValue(name)
		}
		return &model.Sample{Metric: m, Value: model.SampleValue(value), Timestamp: now}
	}
	answer := model.Vector{sample("now", "", 0)}
	for name, load := range p.load {
		answer = append(answer, sample("value", name, load), sample("time", name, float64(scraped.Unix())))
	}
	return answer, nil, nil, nil
}

// deployments are workloads that exist as soon as they are asked for, with one
// replica each.
type deployments struct {
	mu      sync.Mutex
	of      map[workload.Ref]*deployment
	watched []workload.Ref
}

type deployment struct {
	mu       sync.Mutex
	replicas int32
	version  int
}

func (d *deployments) new(ref workload.Ref) loop.Scaler {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.of[ref] == nil {
		d.of[ref] = &deployment{replicas: 1}
	}
	return d.of[ref]
}

func (d *deployments) watch(refs []workload.Ref) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.watched = refs
}

// watches returns the names of the workloads that are watched.
func (d *deployments) watches() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	var names []string
	for _, ref := range d.watched {
		names = append(names, ref.Name)
	}
	slices.Sort(names)
	return strings.Join(names, " ")
}

func (d *deployments) replicas() map[string]int32 {
	d.mu.Lock()
	defer d.mu.Unlock()
	got := map[string]int32{}
	for ref, one := range d.of {
		one.mu.Lock()
		got[ref.Name] = one.replicas
		one.mu.Unlock()
	}
	return got
}

func (d *deployment) Get(context.Context) (workload.Scale, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return workload.Scale{Replicas: d.replicas, ResourceVersion: fmt.Sprint(d.version)}, nil
}

func (d *deployment) Set(_ context.Context, _ workload.Scale, replicas int32) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.replicas = replicas
	d.version++
	return nil
}

func (d *deployment) ScaledByHPA(context.Context) (string, error) { return "", nil }

// groupFixture is a fleet that leads.
type groupFixture struct {
	*Fleet
	prom        *tenants
	deployments *deployments
	loops       made
	log         *bytes.Buffer
	stop        func()
}

const tenantsTarget = `{name: tenants, workloads: {namespace_label: namespace, name_label: deployment}, query: 'sum by (namespace, deployment) (load)', timestamp_query: 'max by (namespace, deployment) (timestamp(load))'}`

func parse(t *testing.T, targets string) config.Config {
	t.Helper()
	c, err := config.Parse("x.yml", []byte("targets: ["+targets+"]"))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func newGroupFixture(t *testing.T, targets string, load map[string]float64, change ...func(*Options)) *groupFixture {
	t.Helper()
	g := &groupFixture{prom: &tenants{load: load}, deployments: &deployments{of: map[workload.Ref]*deployment{}}, log: &bytes.Buffer{}}
	o := Options{
		Connect:   func(config.Prometheus) (v1.API, error) { return g.prom, nil },
		Workloads: g.loops.new(g.deployments.new),
		Watch:     g.deployments.watch,
		Metrics:   metrics.New(),
		Logger:    level.NewFilter(log.NewLogfmtLogger(log.NewSyncWriter(g.log)), level.AllowInfo()),
	}
	for _, c := range change {
		c(&o)
	}
	g.Fleet = New(o)
	if err := g.Apply(parse(t, targets)); err != nil {
		t.Fatal(err)
	}
	g.lead(t)
	return g
}

func (g *groupFixture) lead(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { defer close(ended); g.Run(ctx) }()
	g.stop = func() { cancel(); <-ended }
}

// text is the log, once everything has come to rest.
func (g *groupFixture) text() string {
	synctest.Wait()
	return g.log.String()
}

// series returns how many series of targets there are, by target.
func (g *groupFixture) series(t *testing.T) map[string]int {
	t.Helper()
	families, err := g.Metrics.Gather()
	if err != nil {
		t.Fatal(err)
	}
	n := map[string]int{}
	for _, family := range families {
		for _, m := range family.GetMetric() {
			for _, l := range m.GetLabel() {
				if l.GetName() == "target" {
					n[l.GetValue()]++
				}
			}
		}
	}
	return n
}

// One query serves many workloads, each by its own number.
func TestGroup(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGroupFixture(t, tenantsTarget, map[string]float64{"high": 500, "fits": 30, "low": 0})
		time.Sleep(2 * time.Minute)
		synctest.Wait()
		if got := g.deployments.replicas(); got["high"] != 4 || got["fits"] != 1 || got["low"] != 1 {
			t.Errorf("got %v", got)
		}
		if err := errors.Join(g.Worked(), g.Alive()); err != nil {
			t.Error(err)
		}
		// A query a second at the most, and none while nothing can be due.
		if g.prom.queries > 120 {
			t.Errorf("%d queries in two minutes", g.prom.queries)
		}
		if !strings.Contains(g.text(), "msg=scaled target=tenants/bpm/high namespace=bpm workload=deployment/high action=up from=1 to=2") {
			t.Errorf("log:\n%s", g.log)
		}
		g.stop()
	})
}

// On request a group has the series of one target, however many workloads it has.
func TestGroupInOneSetOfSeries(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		merge := func(o *Options) { o.Metrics.MergeGroups = true }
		g := newGroupFixture(t, tenantsTarget, map[string]float64{"high": 500, "fits": 30, "low": 0}, merge)
		time.Sleep(2 * time.Minute)
		synctest.Wait()
		if n := g.series(t); len(n) != 1 || n["tenants"] == 0 || n["tenants"] > 30 {
			t.Errorf("series by target: %v", n)
		}
		g.stop()
	})
}

// A workload without its series holds, and is let go after ten minutes; a
// failing query lets nobody go.
func TestGroupMembersComeAndGo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGroupFixture(t, tenantsTarget, map[string]float64{"a": 30, "b": 30})
		time.Sleep(time.Minute)
		g.prom.set(func() { g.prom.load["c"] = 500 })
		time.Sleep(time.Minute)
		if got := g.deployments.replicas(); got["c"] < 3 {
			t.Errorf("got %v, want the new one scaled", got)
		}
		g.prom.set(func() { g.prom.err = errors.New("down") })
		time.Sleep(time.Hour)
		if n := g.series(t); n["tenants/bpm/a"] == 0 || n["tenants/bpm/c"] == 0 {
			t.Errorf("a failing query let workloads go: %v", n)
		}
		if g.Worked() == nil {
			t.Error("ready although the group's query fails")
		}
		g.prom.set(func() { g.prom.err = nil; delete(g.prom.load, "c") })
		time.Sleep(9 * time.Minute)
		if !strings.Contains(g.text(), "msg=holding target=tenants/bpm/c namespace=bpm workload=deployment/c action=none from=4 to=4 value=null per_instance=null bound=null reason=no_data") {
			t.Errorf("it does not hold:\n%s", g.log)
		}
		if g.series(t)["tenants/bpm/c"] == 0 {
			t.Error("let go too early")
		}
		time.Sleep(2 * time.Minute)
		synctest.Wait()
		if n := g.series(t); n["tenants/bpm/c"] != 0 || n["tenants/bpm/a"] == 0 {
			t.Errorf("unexpected series: %v", n)
		}
		if got := g.deployments.replicas()["c"]; got != 4 {
			t.Errorf("%d replicas, want the 4 that it had", got)
		}
		for _, want := range []string{`msg="workload found"`, `msg="workload dropped"`, `msg="workload discovery failed"`} {
			if n := strings.Count(g.text(), want); n == 0 || strings.Contains(want, "failed") && n != 1 {
				t.Errorf("%s: %d times", want, n)
			}
		}
		g.stop()
		if n := g.series(t); len(n) != 0 {
			t.Errorf("series of a scaler that stands by: %v", n)
		}
		if got := g.deployments.watches(); got != "" {
			t.Errorf("%s are still watched", got)
		}
		g.lead(t) // again
		time.Sleep(time.Minute)
		if n := g.series(t); n["tenants/bpm/a"] == 0 || n["tenants/bpm/c"] != 0 {
			t.Errorf("after another election: %v", n)
		}
		g.stop()
	})
}

// A target of its own has a workload before a group does, and a reload leaves
// the others' loops what they know.
func TestGroupReload(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGroupFixture(t, tenantsTarget, map[string]float64{"a": 500, "b": 500})
		time.Sleep(25 * time.Second)
		before := g.deployments.replicas()
		if err := g.Apply(parse(t, tenantsTarget+`, {name: own, workload: {namespace: bpm, name: a}}`)); err != nil {
			t.Fatal(err)
		}
		if g.loops.count("a") != 2 || g.loops.count("b") != 1 {
			t.Error("a target of its own has no precedence, or touched the others")
		}
		if n := g.series(t); n["tenants/bpm/a"] != 0 || n["own"] == 0 {
			t.Errorf("unexpected series: %v", n)
		}
		// A changed rule: no second step within the interval, and none is lost.
		changed := strings.Replace(tenantsTarget, "query:", "rule: {max_replicas: 9}, query:", 1)
		if err := g.Apply(parse(t, changed)); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		if got := g.deployments.replicas()["b"]; g.loops.count("b") != 2 || got != before["b"] {
			t.Errorf("%d replicas, want %d right after a reload", got, before["b"])
		}
		time.Sleep(2 * time.Minute)
		if got := g.deployments.replicas(); got["b"] != 9 || got["a"] != 9 {
			t.Errorf("got %v, want 9 of both", got)
		}
		if err := g.Apply(parse(t, "{name: own, workload: {namespace: bpm, name: a}}")); err != nil {
			t.Fatal(err)
		}
		if n := g.series(t); n["tenants/bpm/b"] != 0 || g.deployments.watches() != "a" {
			t.Errorf("the group has gone, but not its members: %v, watched: %s", n, g.deployments.watches())
		}
		g.stop()
	})
}

func TestOnceForAGroup(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGroupFixture(t, tenantsTarget, map[string]float64{"a": 500, "b": 30})
		g.stop()
		if err := g.Once(t.Context()); err != nil {
			t.Error(err)
		}
		if got := g.deployments.replicas(); got["a"] != 2 || got["b"] != 1 {
			t.Errorf("got %v", got)
		}
		g.prom.err = errors.New("down")
		if err := g.Once(t.Context()); err == nil {
			t.Error("no error although nobody knows the workloads")
		}
	})
}

// A thousand workloads cost one query and a goroutine each, and no time that
// grows with their square.
func TestThousandMembers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		load := map[string]float64{}
		for i := range 1000 {
			load[fmt.Sprint("tenant-", i)] = 500
		}
		before := runtime.NumGoroutine()
		g := newGroupFixture(t, tenantsTarget, load)
		time.Sleep(2 * time.Minute)
		synctest.Wait()
		if n := runtime.NumGoroutine() - before; n > 1000+5 {
			t.Errorf("%d goroutines", n)
		}
		for name, replicas := range g.deployments.replicas() {
			if replicas != 4 {
				t.Errorf("%s: %d replicas, want 4", name, replicas)
			}
		}
		if g.prom.queries > 120 {
			t.Errorf("%d queries in two minutes", g.prom.queries)
		}
		g.stop()
	})
}
