package metrics

import (
	"context"
	"time"

	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/gate"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/kubeapi"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/loop"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/promapi"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/sample"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/workload"
)

// QueryTook observes how long Prometheus took for a query.
func (m *Metrics) QueryTook(d time.Duration) { m.query.Observe(d.Seconds()) }

// QueryQueued observes how long a query waited for its turn.
func (m *Metrics) QueryQueued(d time.Duration) { m.queued.Observe(d.Seconds()) }

// RequestTook observes how long the API server took for a request.
func (m *Metrics) RequestTook(o gate.Operation, d time.Duration) {
	m.request.WithLabelValues(string(o)).Observe(d.Seconds())
}

// RequestQueued observes how long a request to it waited for its turn.
func (m *Metrics) RequestQueued(d time.Duration) { m.requestQueued.Observe(d.Seconds()) }

// Sources returns sources that count the queries that fail.
func (t *Target) Sources(from loop.Sources) loop.Sources {
	var counted loop.Sources
	for _, r := range from.Triggers {
		counted.Triggers = append(counted.Triggers, reader{r, t})
	}
	if from.Max != nil {
		counted.Max = evaluator{from.Max, t}
	}
	if from.Pods != nil {
		counted.Pods = pods{from.Pods, t}
	}
	return counted
}

// pods counts what fails of them.
type pods struct {
	loop.Pods
	target *Target
}

func (p pods) Busy(ctx context.Context) (map[string]float64, error) {
	busy, err := p.Pods.Busy(ctx)
	if err != nil && ctx.Err() == nil {
		p.target.failed(Query, string(promapi.CauseOf(err)))
	}
	return busy, err
}

func (p pods) List(ctx context.Context) ([]kubeapi.Pod, error) {
	all, err := p.Pods.List(ctx)
	if err != nil && ctx.Err() == nil {
		p.target.failed(Read, string(workload.CauseOf(err)))
	}
	return all, err
}

func (p pods) SetDeletionCosts(ctx context.Context, costs map[kubeapi.Pod]int32) error {
	err := p.Pods.SetDeletionCosts(ctx, costs)
	if err != nil {
		p.target.failed(Write, string(workload.CauseOf(err)))
	}
	return err
}

type reader struct {
	loop.Reader
	target *Target
}

func (r reader) Read(ctx context.Context) sample.Result {
	return r.target.queried(ctx, r.Reader.Read(ctx))
}

type evaluator struct {
	loop.Evaluator
	target *Target
}

func (e evaluator) Now(ctx context.Context) sample.Result {
	return e.target.queried(ctx, e.Evaluator.Now(ctx))
}

func (t *Target) queried(ctx context.Context, res sample.Result) sample.Result {
	if res.Outcome == sample.Failed && ctx.Err() == nil {
		t.failed(Query, string(promapi.CauseOf(res.Err)))
	}
	return res
}

// Scaler returns a scaler that counts the reads and writes that fail.
func (t *Target) Scaler(s loop.Scaler) loop.Scaler { return scaler{s, t} }

type scaler struct {
	loop.Scaler
	target *Target
}

func (s scaler) Get(ctx context.Context) (workload.Scale, error) {
	scale, err := s.Scaler.Get(ctx)
	if err != nil && ctx.Err() == nil {
		s.target.failed(Read, string(workload.CauseOf(err)))
	}
	return scale, err
}

func (s scaler) Set(ctx context.Context, read workload.Scale, replicas int32) error {
	err := s.Scaler.Set(ctx, read, replicas)
	if err != nil {
		s.target.failed(Write, string(workload.CauseOf(err)))
	}
	return err
}

func (t *Target) failed(during Operation, cause string) {
	t.totals.failed(during, cause)
}
