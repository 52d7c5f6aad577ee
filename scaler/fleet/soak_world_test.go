package fleet

import (
	"context"
	"errors"
	"fmt"
	"math"
	"regexp"
	"sync"
	"testing"
	"time"

	v1 "github.com/prometheus/client_golang/api/prometheus/v1"
	"github.com/prometheus/common/model"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/lease"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/workload"
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

	api      fault
	takes    time.Duration // a request to the API server
	replicas int32
	version  int
	uid      int
	paused   bool
	held     bool // by the file, which is in force everywhere
	ready    int32
	writer   workload.Writer
	hpa      string
	most     int32 // max_replicas

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

// hand is a plant as one of the scalers reaches it.
type hand struct {
	*plant
	scaler *soakScaler
	bound  func(context.Context) (context.Context, context.CancelFunc, error) // by the Lease
}

func (h hand) ScaledByHPA(context.Context) (string, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.api == refuse {
		return "", errors.New("refused")
	}
	return h.hpa, nil
}

func (h hand) Get(ctx context.Context) (workload.Scale, error) {
	if err := h.pass(ctx); err != nil {
		return workload.Scale{}, err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	ready := h.ready
	return workload.Scale{
		Replicas: h.replicas, ResourceVersion: fmt.Sprint(h.version), Generation: int64(h.version), UID: fmt.Sprint(h.uid),
		Ready: &ready, Paused: h.paused, Writer: h.writer, Asked: true,
	}, nil
}

// pass takes the time that a request takes.
func (h hand) pass(ctx context.Context) error {
	h.mu.Lock()
	takes, fails := h.takes, h.api == refuse
	h.mu.Unlock()
	if takes > 0 {
		select {
		case <-time.After(takes):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	if fails {
		return errors.New("connection refused")
	}
	return ctx.Err()
}

func (h hand) Set(ctx context.Context, read workload.Scale, replicas int32) error {
	ctx, cancel, err := h.bound(ctx)
	if err != nil {
		return err
	}
	defer cancel()
	h.mu.Lock()
	h.check(h.scaler, read, replicas)
	h.writing++
	if h.writing > 1 {
		h.t.Errorf("%s: two write at once", h.name)
	}
	h.mu.Unlock()
	err = h.pass(ctx)
	h.mu.Lock()
	defer h.mu.Unlock()
	h.writing--
	switch {
	case err != nil:
		return err
	case read.ResourceVersion != fmt.Sprint(h.version):
		return apierrors.NewConflict(schema.GroupResource{Resource: "deployments"}, h.name, errors.New("changed"))
	case h.paused:
		h.t.Errorf("%s: written although it is paused", h.name)
	}
	h.change(replicas, workload.Writer{Manager: workload.FieldManager, Subresource: "scale"})
	if h.api == lost {
		return errors.New("EOF")
	}
	return nil
}

func (p *plant) change(replicas int32, by workload.Writer) {
	p.replicas, p.writer = replicas, by
	p.version++
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
	if read.Paused || p.held {
		wrong("it is paused")
	}
	if read.Writer.Autoscaler() && p.hpa != "" {
		wrong("an HPA has it")
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
	if waited := now.Sub(latest(p.lastUp, by.started())); to > from && !floor && p.waits && *read.Ready < from && waited < 10*time.Minute {
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
