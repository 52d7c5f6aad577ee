package worker

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/go-kit/log"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/camunda-autoscaler/camunda-autoscaler/examples/scan-workers/queue"
	"github.com/camunda-autoscaler/camunda-autoscaler/examples/scan-workers/rabbitmq"
)

// world is a broker with queues of a test's own.
type world struct {
	*testing.T
	broker  *rabbitmq.Server
	names   queue.Names
	channel *amqp.Channel
}

func (w world) worker(giveBack time.Duration) (*Worker, func()) {
	w.Helper()
	one := &Worker{URL: w.broker.URL, Names: w.names, Name: "worker", Log: log.NewLogfmtLogger(log.NewSyncWriter(w.Output())), Started: time.Now(), GiveBack: giveBack}
	one.Register(prometheus.NewRegistry())
	ctx, cancel := context.WithCancel(w.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		one.Run(ctx)
	}()
	return one, func() { cancel(); <-ended }
}

func (w world) submit(id string, seconds float64) {
	w.Helper()
	p, err := queue.NewPublisher(w.open())
	if err == nil {
		err = p.Publish(w.Context(), w.names.Jobs, id, queue.Job{ID: id, Repository: "r", Commit: "c", Seconds: seconds})
	}
	if err != nil {
		w.Fatal(err)
	}
}

func (w world) open() *amqp.Channel {
	w.Helper()
	connection, err := amqp.Dial(w.broker.URL)
	if err != nil {
		w.Fatal(err)
	}
	w.Cleanup(func() { connection.Close() })
	channel, err := connection.Channel()
	if err != nil {
		w.Fatal(err)
	}
	return channel
}

// results waits for n results. After a crash of the broker it takes a while until
// the stream is there again.
func (w world) results(n int) []queue.Result {
	w.Helper()
	ctx, cancel := context.WithTimeout(w.Context(), 30*time.Second)
	defer cancel()
	for {
		all, err := w.read(ctx, n)
		if len(all) == n {
			return all
		}
		if ctx.Err() != nil {
			w.Fatalf("%d of %d results: %v", len(all), n, err)
		}
		time.Sleep(100 * time.Millisecond)
	}
}

func (w world) read(ctx context.Context, n int) (all []queue.Result, err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	connection, err := amqp.Dial(w.broker.URL)
	if err != nil {
		return nil, err
	}
	defer connection.Close()
	context.AfterFunc(ctx, func() { connection.Close() })
	channel, err := connection.Channel()
	if err != nil {
		return nil, err
	}
	err = w.names.Read(ctx, channel, func(r queue.Result) {
		if all = append(all, r); len(all) == n {
			cancel()
		}
	})
	return all, err
}

func (w world) await(what string, enough func() bool) {
	w.Helper()
	for deadline := time.Now().Add(30 * time.Second); !enough(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			w.Fatalf("waited 30 s for %s", what)
		}
	}
}

// messages returns how many messages wait in a queue.
func (w world) messages(name string) int {
	q, err := w.channel.QueueDeclarePassive(name, true, false, false, false, nil)
	if err != nil {
		w.Fatal(err)
	}
	return q.Messages
}

func busy(w *Worker) func() bool {
	return func() bool { return testutil.ToFloat64(w.inProgress) == 1 }
}

func TestWorker(t *testing.T) {
	if missing := rabbitmq.Missing(); missing != "" {
		t.Skip(missing)
	}
	broker, err := rabbitmq.Start(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer broker.Stop()
	n := 0
	for _, test := range []struct {
		name string
		run  func(world)
	}{
		{"does one job after the other, the oldest first", func(w world) {
			one, stop := w.worker(0)
			defer stop()
			for i := range 3 {
				w.submit(fmt.Sprint(i), 0.1)
			}
			for i, r := range w.results(3) {
				if r.Job.ID != fmt.Sprint(i) || r.Deliveries != 1 || r.Worker != "worker" {
					w.Errorf("result %d is %+v", i, r)
				}
			}
			w.await("the count of jobs", func() bool { return testutil.ToFloat64(one.jobs.WithLabelValues(done)) == 3 })
		}},
		{"finishes its job when it is ended", func(w world) {
			one, stop := w.worker(0)
			w.submit("a", 1)
			w.await("the start", busy(one))
			stop()
			if r := w.results(1)[0]; r.Deliveries != 1 {
				w.Errorf("the result is %+v", r)
			}
			if n := w.messages(w.names.Jobs); n != 0 {
				w.Errorf("%d jobs are left", n)
			}
		}},
		{"gives a job back that it has just started", func(w world) {
			one, stop := w.worker(time.Minute)
			w.submit("a", 60)
			w.await("the start", busy(one))
			start := time.Now()
			stop()
			if took := time.Since(start); took > 10*time.Second {
				w.Errorf("the worker took %s to end", took)
			}
			w.await("the job in the queue", func() bool { return w.messages(w.names.Jobs) == 1 })
			if n := testutil.ToFloat64(one.jobs.WithLabelValues(returned)); n != 1 {
				w.Errorf("%v jobs are counted as returned", n)
			}
		}},
		{"takes no job when it is ended", func(w world) {
			one, stop := w.worker(0)
			w.await("the worker", one.Ready)
			stop()
			w.submit("a", 0)
			if n := w.messages(w.names.Jobs); n != 1 {
				w.Errorf("%d jobs wait", n)
			}
		}},
		{"a message that is no job goes to the failed ones", func(w world) {
			one, stop := w.worker(0)
			defer stop()
			p, err := queue.NewPublisher(w.open())
			if err == nil {
				err = p.Publish(w.Context(), w.names.Jobs, "x", "no job")
			}
			if err != nil {
				w.Fatal(err)
			}
			w.await("the failed message", func() bool { return w.messages(w.names.Failed) == 1 })
			if n := testutil.ToFloat64(one.jobs.WithLabelValues(refused)); n != 1 {
				w.Errorf("%v messages are counted as refused", n)
			}
		}},
		{"a job that no worker finishes goes to the failed ones", func(w world) {
			w.submit("a", 60)
			for n := range queue.MaxDeliveries {
				if w.messages(w.names.Failed) != 0 {
					w.Fatalf("the job was given up after %d workers had it", n)
				}
				one, stop := w.worker(time.Minute)
				w.await("the start", busy(one))
				stop()
			}
			w.await("the failed job", func() bool { return w.messages(w.names.Failed) == 1 })
		}},
		{"works again after the broker was restarted, and nothing is lost", func(w world) {
			one, stop := w.worker(0)
			defer stop()
			w.submit("a", 2)
			w.submit("b", 0)
			w.await("the start", busy(one))
			broker.Stop()
			if err := broker.Start(t.Context()); err != nil {
				w.Fatal(err)
			}
			done := map[string]bool{}
			for _, r := range w.results(2) {
				done[r.Job.ID] = true
			}
			if !done["a"] || !done["b"] {
				w.Errorf("done are %v", done)
			}
		}},
	} {
		n++
		t.Run(test.name, func(t *testing.T) {
			w := world{T: t, broker: broker, names: queue.NewNames(fmt.Sprintf("jobs%d", n))}
			w.channel = w.open()
			if err := w.names.Declare(w.channel); err != nil {
				t.Fatal(err)
			}
			test.run(w)
		})
	}
}
