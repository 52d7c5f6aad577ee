// Package queue is what the services of the example agree on: the queue of jobs,
// the stream of results, and what their messages look like.
package queue

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	amqp "github.com/rabbitmq/amqp091-go"
)

// Job is one scan of one commit.
type Job struct {
	ID         string  `json:"id"`
	Repository string  `json:"repository"`
	Commit     string  `json:"commit"`
	Seconds    float64 `json:"seconds"` // how long the scan takes
}

// Result is what a worker found out.
type Result struct {
	Job        Job    `json:"job"`
	Worker     string `json:"worker"`     // the Pod
	Deliveries int64  `json:"deliveries"` // more than 1: workers before this one did not finish the job
	Findings   int    `json:"findings"`
}

// MaxDeliveries is how many workers get a job that none finishes, before it goes
// to the queue of failed jobs. A worker that is removed and gives its job back
// counts as well; where busy workers are removed, one job met three of them within
// a minute.
const MaxDeliveries = 20

// Names are the queues of one installation.
type Names struct{ Jobs, Failed, Results string }

// NewNames returns the names that go with a queue of jobs.
func NewNames(jobs string) Names {
	return Names{Jobs: jobs, Failed: jobs + "-failed", Results: jobs + "-results"}
}

// Declare creates what is missing: quorum queues of jobs and of failed jobs, and
// the stream of results. They are durable; declaring them again changes nothing.
func (n Names) Declare(c *amqp.Channel) error {
	for _, q := range []struct {
		name string
		args amqp.Table
	}{
		{n.Failed, amqp.Table{"x-queue-type": "quorum"}},
		{n.Jobs, amqp.Table{
			"x-queue-type": "quorum", "x-delivery-limit": int32(MaxDeliveries - 1),
			"x-dead-letter-exchange": "", "x-dead-letter-routing-key": n.Failed,
		}},
		{n.Results, amqp.Table{"x-queue-type": "stream", "x-max-length-bytes": int64(1 << 30)}},
	} {
		if _, err := c.QueueDeclare(q.name, true, false, false, false, q.args); err != nil {
			return fmt.Errorf("declare the queue %s: %w", q.name, err)
		}
	}
	return nil
}

// Publisher sends messages and waits until the broker has stored them.
type Publisher struct{ channel *amqp.Channel }

// NewPublisher makes a channel one for sending.
func NewPublisher(c *amqp.Channel) (*Publisher, error) {
	if err := c.Confirm(false); err != nil {
		return nil, fmt.Errorf("ask for confirmations: %w", err)
	}
	return &Publisher{c}, nil
}

// Publish sends a value as JSON to a queue. Without an error the broker has it.
func (p *Publisher) Publish(ctx context.Context, queue, id string, value any) error {
	body, err := json.Marshal(value)
	if err != nil {
		return err
	}
	confirmation, err := p.channel.PublishWithDeferredConfirmWithContext(ctx, "", queue, true, false, amqp.Publishing{
		ContentType: "application/json", DeliveryMode: amqp.Persistent, MessageId: id, Body: body,
	})
	if err != nil {
		return fmt.Errorf("publish to %s: %w", queue, err)
	}
	stored, err := confirmation.WaitContext(ctx)
	if err == nil && !stored {
		err = errors.New("the broker refused the message")
	}
	if err != nil {
		return fmt.Errorf("publish to %s: %w", queue, err)
	}
	return nil
}

// Deliveries returns how often a message has been delivered, this time included.
func Deliveries(d amqp.Delivery) int64 {
	before, _ := d.Headers["x-delivery-count"].(int64)
	return before + 1
}

// Read calls each with every result in the stream, from the first on, until
// ctx ends or the connection does.
func (n Names) Read(ctx context.Context, c *amqp.Channel, each func(Result)) error {
	if err := c.Qos(100, 0, false); err != nil { // a stream takes no consumer without
		return err
	}
	deliveries, err := c.ConsumeWithContext(ctx, n.Results, "", false, false, false, false, amqp.Table{"x-stream-offset": "first"})
	if err != nil {
		return fmt.Errorf("read the stream %s: %w", n.Results, err)
	}
	for d := range deliveries {
		var r Result
		if err := json.Unmarshal(d.Body, &r); err != nil {
			return fmt.Errorf("read the stream %s: %w", n.Results, err)
		}
		each(r)
		if err := d.Ack(false); err != nil {
			return fmt.Errorf("read the stream %s: %w", n.Results, err)
		}
	}
	return ctx.Err()
}
