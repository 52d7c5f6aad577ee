package main

import (
	"context"
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/go-kit/log"
	"github.com/prometheus/client_golang/prometheus"
	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/camunda-autoscaler/camunda-autoscaler/examples/scan-workers/queue"
	"github.com/camunda-autoscaler/camunda-autoscaler/examples/scan-workers/rabbitmq"
	"github.com/camunda-autoscaler/camunda-autoscaler/examples/scan-workers/worker"
)

// killBroker kills the node of a cluster of three that leads the queues, while
// workers at the other two work, and tells what became of the jobs.
func killBroker(ctx context.Context, dir string, jobs int) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	nodes, err := rabbitmq.StartCluster(ctx, dir, 3)
	if err != nil {
		return err
	}
	fmt.Fprintln(os.Stderr, "three nodes are up")
	names := queue.NewNames("scans")
	// Its leader is the node that it is declared at.
	if err := withChannel(nodes[0].URL, names.Declare); err != nil {
		return err
	}
	var workers sync.WaitGroup
	defer workers.Wait()
	defer cancel()
	for i := range 6 {
		w := &worker.Worker{
			URL: nodes[1+i%2].URL, Names: names, Name: fmt.Sprintf("worker-%d", i+1), Started: time.Now(),
			Log: log.NewNopLogger(),
		}
		w.Register(prometheus.NewRegistry())
		workers.Go(func() { w.Run(ctx) })
	}
	err = withChannel(nodes[2].URL, func(c *amqp.Channel) error {
		p, err := queue.NewPublisher(c)
		for i := 0; i < jobs && err == nil; i++ {
			id := fmt.Sprint(i)
			err = p.Publish(ctx, names.Jobs, id, queue.Job{ID: id, Repository: "r", Commit: id, Seconds: 0.5})
		}
		return err
	})
	if err != nil {
		return err
	}
	killed := time.Now()
	nodes[0].Kill()
	fmt.Fprintln(os.Stderr, "the leader is killed")

	done := map[string]int{}
	var gap time.Duration
	last := time.Now()
	reading, stop := context.WithTimeout(ctx, 3*time.Minute)
	defer stop()
	for reading.Err() == nil && len(done) < jobs {
		clear(done) // the stream is read from its start
		err = withChannel(nodes[1].URL, func(c *amqp.Channel) error {
			defer context.AfterFunc(reading, func() { c.Close() })()
			return names.Read(reading, c, func(r queue.Result) {
				gap, last = max(gap, time.Since(last)), time.Now()
				if done[r.Job.ID]++; len(done) == jobs {
					stop()
				}
			})
		})
		time.Sleep(100 * time.Millisecond)
	}
	if len(done) < jobs {
		return fmt.Errorf("%d of %d jobs have a result: %w", len(done), jobs, err)
	}
	twice := 0
	for _, n := range done {
		twice += n - 1
	}
	fmt.Printf("%d jobs, %d with a result, %d results twice; all were there %.0f s after kill -9 of the leader, the longest pause between two was %.1f s\n",
		jobs, len(done), twice, time.Since(killed).Seconds(), gap.Seconds())
	return nil
}

func withChannel(url string, use func(*amqp.Channel) error) error {
	connection, err := amqp.Dial(url)
	if err != nil {
		return err
	}
	defer connection.Close()
	channel, err := connection.Channel()
	if err != nil {
		return err
	}
	return use(channel)
}
