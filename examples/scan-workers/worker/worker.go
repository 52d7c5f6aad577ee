// Package worker pulls jobs from the queue, scans, and sends what it found to the
// stream. One worker does one job at a time. It knows nothing of Kubernetes.
package worker

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
	"sync/atomic"
	"time"

	"github.com/go-kit/log"
	"github.com/go-kit/log/level"
	"github.com/prometheus/client_golang/prometheus"
	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/camunda-autoscaler/camunda-autoscaler/examples/scan-workers/queue"
)

// Worker is one process that scans.
type Worker struct {
	URL   string // of the broker
	Names queue.Names
	Name  string // of this worker in results: the Pod's
	Log   log.Logger

	Started time.Time // when the process was

	// GiveBack is how long the worker may have worked at a job that it gives back
	// when it is ended; another then starts with it at once. Any other job it finishes.
	GiveBack time.Duration

	ready      atomic.Bool
	inProgress prometheus.Gauge
	jobs       *prometheus.CounterVec
	seconds    prometheus.Histogram
}

// The ways in which a delivery ends.
const (
	done     = "done"     // the result is in the stream
	returned = "returned" // given back to the queue: the worker ended first, or the connection did
	refused  = "refused"  // not a job
)

// Register creates the worker's metrics.
func (w *Worker) Register(r prometheus.Registerer) {
	w.inProgress = prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "scan_jobs_in_progress", Help: "Jobs that the worker is busy with: 1 or 0.",
	})
	w.jobs = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "scan_jobs_total", Help: "Jobs that the worker has taken from the queue, by how they ended: done, returned to the queue, or refused because the message is not a job.",
	}, []string{"result"})
	for _, result := range []string{done, returned, refused} {
		w.jobs.WithLabelValues(result)
	}
	w.seconds = prometheus.NewHistogram(prometheus.HistogramOpts{
		Name: "scan_job_duration_seconds", Help: "Duration of jobs that are done.",
		Buckets: []float64{1, 2.5, 5, 10, 20, 40, 60, 120, 300},
	})
	r.MustRegister(w.inProgress, w.jobs, w.seconds)
}

// Ready reports whether the worker takes jobs.
func (w *Worker) Ready() bool { return w.ready.Load() }

// retry is the pause before the worker connects again.
const retry = time.Second

// Run works until ctx ends, and then finishes the job that it is busy with. It
// connects again when the connection breaks; the broker then gives the job to
// another worker, so this one drops it.
func (w *Worker) Run(ctx context.Context) {
	for ctx.Err() == nil {
		if err := w.connected(ctx); err != nil {
			level.Warn(w.Log).Log("msg", "connection to broker lost", "err", err)
		}
		select {
		case <-time.After(retry):
		case <-ctx.Done():
		}
	}
}

func (w *Worker) connected(ctx context.Context) error {
	connection, err := amqp.DialConfig(w.URL, amqp.Config{Heartbeat: 10 * time.Second, Properties: amqp.Table{"connection_name": w.Name}})
	if err != nil {
		return fmt.Errorf("connect to the broker: %w", err)
	}
	defer connection.Close()
	channel, err := connection.Channel()
	if err != nil {
		return fmt.Errorf("open a channel: %w", err)
	}
	if err := w.Names.Declare(channel); err != nil {
		return err
	}
	publisher, err := queue.NewPublisher(channel)
	if err != nil {
		return err
	}
	// One job at a time: what waits must wait in the queue, where others see it.
	if err := channel.Qos(1, 0, false); err != nil {
		return fmt.Errorf("limit deliveries: %w", err)
	}
	deliveries, err := channel.Consume(w.Names.Jobs, w.Name, false, false, false, false, amqp.Table{"x-priority": w.priority()})
	if err != nil {
		return fmt.Errorf("consume the queue %s: %w", w.Names.Jobs, err)
	}
	w.ready.Store(true)
	defer w.ready.Store(false)
	lost := connection.NotifyClose(make(chan *amqp.Error, 1))
	working, stop := context.WithCancelCause(context.WithoutCancel(ctx))
	defer stop(nil)
	gone := make(chan *amqp.Error, 1)
	go func() {
		err := <-lost
		gone <- err
		stop(fmt.Errorf("the connection broke: %w", err))
	}()
	// Cancelled before a job is given back, as this worker would get it again.
	ended, end := context.WithCancel(context.Background())
	defer end()
	defer context.AfterFunc(ctx, func() {
		defer end()
		if err := channel.Cancel(w.Name, false); err != nil {
			level.Warn(w.Log).Log("msg", "deliveries not cancelled", "err", err)
		}
	})()
	for {
		select {
		case d, ok := <-deliveries:
			switch {
			case !ok && ctx.Err() != nil:
				return nil
			case !ok:
				return fmt.Errorf("the broker ended the delivery: %w", closed(gone))
			case ctx.Err() != nil: // it came at the last moment
				return d.Nack(false, true)
			}
			if err := w.deliver(ended, working, publisher, d); err != nil {
				return err
			}
		case <-ended.Done():
			return nil
		}
	}
}

// priority is lower, the later the worker was started: of idle workers the
// oldest gets the next job. The newest are those that a ReplicaSet ends first.
func (w *Worker) priority() int32 {
	return -int32(w.Started.Sub(epoch) / time.Second)
}

// epoch is before the start of any worker, and less than 68 years ago.
var epoch = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

func closed(gone <-chan *amqp.Error) error {
	select {
	case err := <-gone:
		if err != nil {
			return err
		}
	case <-time.After(time.Second):
	}
	return errors.New("the connection is closed")
}

// errGivenBack ends a job that is given back.
var errGivenBack = errors.New("the worker is ended, and had just started the job")

// deliver does one job, sends its result, and only then takes the job off the
// queue: a job may be done twice, but is never lost. It goes on when the worker is
// ended, unless the job has just been started, and not when working ends.
func (w *Worker) deliver(ended, working context.Context, publisher *queue.Publisher, d amqp.Delivery) error {
	var job queue.Job
	if err := json.Unmarshal(d.Body, &job); err != nil || job.ID == "" || job.Seconds < 0 {
		w.jobs.WithLabelValues(refused).Inc()
		level.Error(w.Log).Log("msg", "message is not a job", "message_id", d.MessageId, "err", err)
		return d.Nack(false, false) // to the queue of failed jobs
	}
	w.inProgress.Set(1)
	defer w.inProgress.Set(0)
	start := time.Now()
	level.Info(w.Log).Log("msg", "job started", "job", job.ID, "repository", job.Repository, "commit", job.Commit)
	scanning, stop := context.WithCancelCause(working)
	defer stop(nil)
	defer context.AfterFunc(ended, func() {
		if time.Since(start) < w.GiveBack {
			stop(errGivenBack)
		}
	})()
	result := queue.Result{Job: job, Worker: w.Name, Deliveries: queue.Deliveries(d)}
	err := scan(scanning, &result)
	took := fmt.Sprintf("%.1f", time.Since(start).Seconds())
	if errors.Is(err, errGivenBack) {
		w.jobs.WithLabelValues(returned).Inc()
		level.Info(w.Log).Log("msg", "job given back", "job", job.ID, "seconds", took)
		return d.Nack(false, true)
	}
	if err == nil {
		err = publisher.Publish(working, w.Names.Results, job.ID, result)
	}
	if err == nil {
		err = d.Ack(false)
	}
	if err != nil {
		w.jobs.WithLabelValues(returned).Inc()
		return fmt.Errorf("job %s: %w", job.ID, err)
	}
	w.jobs.WithLabelValues(done).Inc()
	w.seconds.Observe(time.Since(start).Seconds())
	level.Info(w.Log).Log("msg", "job done", "job", job.ID, "seconds", took)
	return nil
}

// scan stands for the scanner, which this example has none of: it takes the time
// that the job says, and finds a number that depends on the commit alone.
func scan(ctx context.Context, r *queue.Result) error {
	select {
	case <-time.After(time.Duration(r.Job.Seconds * float64(time.Second))):
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	h := fnv.New32()
	h.Write([]byte(r.Job.Repository + r.Job.Commit))
	r.Findings = int(h.Sum32() % 7)
	return nil
}
