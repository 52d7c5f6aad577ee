package fleet

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net/http"
	"regexp"
	"sync"
	"testing"
	"time"

	"github.com/go-kit/log"
	v1 "github.com/prometheus/client_golang/api/prometheus/v1"
	"github.com/prometheus/common/model"
	"k8s.io/client-go/rest"

	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/gate"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/kubeapi"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/lease"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/workload"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/workload/fake"
)

// fault is what is wrong with a plant's query, or its API server.
type fault int

const (
	fine fault = iota
	failed
	stale // the exporter is gone
	missing
	notANumber
	many
	slow
	lost   // of the API server: a write happens, but its answer is lost
	refuse // of the API server: nothing works
)

func latest(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// plant is a workload with a load, as the soak test knows it: it fails the test
// when a write is not right.
type plant struct {
	t *testing.T
	traits

	mu    sync.Mutex
	began time.Time // of the scrapes
	loads []loadLevel
	query fault
	since time.Time // of the query's fault

	server *fake.Server // that has the workload
	api    fault
	takes  time.Duration // a request to the API server
	held   bool          // by the file, which is in force everywhere
	most   int32         // max_replicas

	served  loadLevel // what a query for the value was last told; from is zero if it was told none
	used    time.Time
	last    time.Time // of the last write that was tried
	lastUp  time.Time // of the last that was up
	writes  int
	writing int
	steps   map[string]int
}

// traits are what the file says of a plant.
type traits struct {
	name                string
	scrape              time.Duration
	floor               int32 // kept without data as well
	up, down, afterward time.Duration
	waits               bool
}

type loadLevel struct {
	from  time.Time
	value float64
}

// newest is the time of the newest sample that is scraped.
func (p *plant) newest() time.Time {
	now := time.Now()
	if p.query == stale {
		now = p.since
	}
	return p.began.Add(now.Sub(p.began).Truncate(p.scrape))
}

func (p *plant) load(at time.Time) float64 {
	for i := len(p.loads) - 1; i > 0; i-- {
		if !at.Before(p.loads[i].from) {
			return p.loads[i].value
		}
	}
	return p.loads[0].value
}

// answer is Prometheus's, to the combined query for value, time and clock: as of
// the query's arrival, however long it takes.
func (p *plant) answer(ctx context.Context) (model.Vector, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	v, told, err := p.evaluate()
	if p.query == slow {
		p.mu.Unlock()
		select {
		case <-time.After(3 * time.Second):
		case <-ctx.Done():
			err = ctx.Err()
		}
		p.mu.Lock()
	}
	if err == nil && told != nil {
		p.served = *told
	}
	return v, err
}

// evaluate returns the answer of this moment, and the value that it tells.
func (p *plant) evaluate() (model.Vector, *loadLevel, error) {
	now := model.TimeFromUnixNano(time.Now().UnixNano())
	one := func(part string, v float64) *model.Sample {
		return &model.Sample{Metric: model.Metric{"__camunda_scaler__": model.LabelValue(part)}, Value: model.SampleValue(v), Timestamp: now}
	}
	newest, clock := p.newest(), one("now", 0)
	value, at := one("value", p.load(newest)), one("time", float64(newest.UnixMilli())/1000)
	switch {
	case p.query == failed:
		return nil, nil, errors.New("503")
	case p.query == missing, time.Since(newest) > 5*time.Minute:
		return model.Vector{clock}, nil, nil
	case p.query == many:
		return model.Vector{value, one("value", 2), at, clock}, nil, nil
	case p.query == notANumber:
		value.Value = model.SampleValue(math.NaN())
		return model.Vector{value, at, clock}, nil, nil
	}
	return model.Vector{value, at, clock}, &loadLevel{newest, float64(value.Value)}, nil
}

// soakPrometheus knows the loads of all plants.
type soakPrometheus struct {
	v1.API
	plants map[string]*plant
}

var asked = regexp.MustCompile(`^label_replace\(\n(p[0-9]+)\n`)

func (s soakPrometheus) Query(ctx context.Context, q string, _ time.Time, _ ...v1.Option) (model.Value, v1.Warnings, v1.Infos, error) {
	v, err := s.plants[asked.FindStringSubmatch(q)[1]].answer(ctx)
	if err != nil {
		return nil, nil, nil, err
	}
	return v, nil, nil, nil
}

// hand is a plant as one of the scalers reaches it: through its own watch, and
// with the faults of the plant.
type hand struct {
	*workload.Workload
	plant  *plant
	scaler *soakScaler
	bound  func(context.Context) (context.Context, context.CancelFunc, error) // by the Lease
}

// ScaledByHPA is up to date, where the real one may be a second old: here an
// autoscaler writes as soon as it exists.
func (h hand) ScaledByHPA(context.Context) (string, error) {
	h.plant.mu.Lock()
	defer h.plant.mu.Unlock()
	if h.plant.api == refuse {
		return "", errors.New("refused")
	}
	return h.plant.server.HPA(soakNamespace, h.plant.name), nil
}

func (h hand) Set(ctx context.Context, read workload.Scale, replicas int32) error {
	ctx, cancel, err := h.bound(ctx)
	if err != nil {
		return err
	}
	defer cancel()
	p := h.plant
	p.mu.Lock()
	p.check(h.scaler, read, replicas)
	p.writing++
	if p.writing > 1 {
		p.t.Errorf("%s: two write at once", p.name)
	}
	p.mu.Unlock()
	err = h.Workload.Set(ctx, read, replicas)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.writing--
	return err
}

// soakNamespace is that of all plants.
const soakNamespace = "default"

// change is what another writer does to the workload.
func (p *plant) change(change func(*fake.Object)) { p.server.Change(soakNamespace, p.name, change) }

// scale is what another writer does to the replicas.
func (p *plant) scale(replicas func(now int32) int32, manager, subresource string) {
	p.change(func(o *fake.Object) {
		o.Replicas, o.Manager, o.Subresource = replicas(o.Replicas), manager, subresource
		o.Generation++
	})
}

// soakServer is the API server of all plants, with their faults.
func (s *soak) soakServer() *fake.Server {
	server := fake.New()
	server.Written = func(before fake.Object, hpa string) {
		writer := workload.Writer{Manager: before.Manager, Subresource: before.Subresource}
		switch {
		case before.Paused == "true":
			s.t.Errorf("%s: written although it is paused", before.Name)
		case hpa != "" && writer.Autoscaler():
			s.t.Errorf("%s: written although an HPA has it", before.Name)
		}
	}
	server.Hook(func(ctx context.Context, r fake.Request) *fake.Failure {
		if r.Name == "" {
			if s.named.Load() {
				return fake.Forbidden
			}
			return nil
		}
		p := s.prom.plants[r.Name]
		p.mu.Lock()
		takes, api := p.takes, p.api
		p.mu.Unlock()
		if takes > 0 {
			select {
			case <-time.After(takes):
			case <-ctx.Done():
			}
		}
		switch {
		case api == refuse:
			return fake.Away
		case api == lost && r.Verb == "patch":
			return &fake.Failure{Lost: true}
		}
		return nil
	})
	return server
}

// connect makes a connection of its own to the API server.
func (s *soak) connect() *workload.Cluster {
	client, err := kubeapi.NewREST(&rest.Config{Host: "http://api.test", QPS: -1}, &http.Client{Transport: s.server})
	if err != nil {
		s.t.Fatal(err)
	}
	return workload.New(client, gate.New(gate.Load{}), log.NewNopLogger())
}

// check is what must hold of every attempt to write.
func (p *plant) check(by *soakScaler, read workload.Scale, to int32) {
	now, from := time.Now(), read.Replicas
	wrong := func(format string, args ...any) {
		p.t.Errorf("%s at %s, %d to %d, on %v of %s: %s", p.name, now.Format(time.TimeOnly), from, to, p.served.value, p.served.from.Format(time.TimeOnly), fmt.Sprintf(format, args...))
	}
	p.writes++
	if to != from+1 && to != from-1 {
		wrong("more than one step")
	}
	if read.Pause.Any() || p.held {
		wrong("it is paused")
	}
	if from == 0 {
		wrong("it is switched off")
	}
	if led := now.Sub(by.started()); led < p.afterward {
		wrong("%s after the start, and hold_after_start is %s", led, p.afterward)
	}
	floor := to > from && to <= p.floor
	if !p.last.IsZero() && now.Sub(p.last) < 9*time.Second { // whichever scaler wrote it, and why
		wrong("%s after a step, and the interval is 10s", now.Sub(p.last))
	}
	if waited := now.Sub(latest(p.lastUp, by.started())); to > from && !floor && p.waits && *read.Ready < from && waited < 10*time.Minute-time.Millisecond { // Prometheus's times have no more digits
		wrong("only %d are ready, and it waited for %s", *read.Ready, waited)
	}
	per := p.served.value / float64(from)
	switch sample := p.served.from; {
	case floor:
		p.steps["floor"]++
	case to > from && to > p.most || to < from && to < max(p.floor, 1):
		wrong("out of bounds, 1 to %d", p.most)
	case to > from && !(per >= 50) || to < from && !(per <= 20):
		wrong("the rule does not ask for it")
	case now.Sub(sample) > max(30*time.Second, 3*p.scrape):
		wrong("the sample is too old")
	case !sample.After(p.used):
		wrong("the second step for one sample; the other was for that of %s", p.used.Format(time.TimeOnly))
	case to < from && sample.Sub(p.used) < p.down:
		wrong("%s after a step, and scale_down_delay is %s", sample.Sub(p.used), p.down)
	case to > from && sample.Sub(p.used) < p.up:
		wrong("%s after a step, and scale_up_delay is %s", sample.Sub(p.used), p.up)
	case !sample.After(p.last):
		wrong("the sample is from before the last step, at %s", p.last.Format(time.TimeOnly))
	case to > from:
		p.steps["up"]++
	default:
		p.steps["down"]++
	}
	p.last = now
	if to > from {
		p.lastUp = now
	}
	if !floor || p.query == fine {
		p.used = p.served.from
	}
}

// soakStore is a Lease.
type soakStore struct {
	mu      sync.Mutex
	record  lease.Record
	version int
}

// replace writes the Lease as others do. With a Version it is a new one.
func (s *soakStore) replace(r lease.Record) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if r.Version != "" {
		s.version++
		r.Version = fmt.Sprint(s.version)
	}
	s.record = r
}

// soakLink is one candidate's connection to the Lease.
type soakLink struct {
	*soakStore
	down *bool // guarded by the store's mutex
}

var errLink = errors.New("no route to host")

func (l soakLink) Get(context.Context) (lease.Record, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if *l.down {
		return lease.Record{}, errLink
	}
	return l.record, nil
}

func (l soakLink) Put(_ context.Context, r lease.Record) (lease.Record, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case *l.down:
		return lease.Record{}, errLink
	case r.Version != l.record.Version:
		return lease.Record{}, lease.ErrChanged
	}
	l.version++
	r.Version = fmt.Sprint(l.version)
	l.record = r
	return r, nil
}
