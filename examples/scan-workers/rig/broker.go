package rig

import (
	"context"
	"errors"
	"fmt"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/camunda-autoscaler/camunda-autoscaler/examples/scan-workers/queue"
)

// Channel calls use with a channel of a connection of its own.
func (r *Rig) Channel(ctx context.Context, use func(*amqp.Channel) error) error {
	connection, err := amqp.Dial(r.RabbitMQ.URL)
	if err != nil {
		return fmt.Errorf("connect to the broker: %w", err)
	}
	defer connection.Close()
	defer context.AfterFunc(ctx, func() { connection.Close() })()
	channel, err := connection.Channel()
	if err != nil {
		return fmt.Errorf("open a channel: %w", err)
	}
	return use(channel)
}

// Submit sends jobs to the queue of a pool.
func (r *Rig) Submit(ctx context.Context, pool string, jobs ...queue.Job) error {
	return r.Channel(ctx, func(c *amqp.Channel) error {
		p, err := queue.NewPublisher(c)
		if err != nil {
			return err
		}
		for _, job := range jobs {
			if err := p.Publish(ctx, pool, job.ID, job); err != nil {
				return err
			}
		}
		return nil
	})
}

// Results reads n results of a pool, from the first on. Without all of them, the
// error says how many jobs were given up.
func (r *Rig) Results(ctx context.Context, pool string, n int) (all []queue.Result, err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	err = r.Channel(ctx, func(c *amqp.Channel) error {
		return queue.NewNames(pool).Read(ctx, c, func(result queue.Result) {
			if all = append(all, result); len(all) == n {
				cancel()
			}
		})
	})
	if len(all) >= n {
		return all, nil
	}
	err = fmt.Errorf("%d of %d results of %s: %w", len(all), n, pool, errors.Join(err, ctx.Err()))
	bounded, end := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer end()
	failed, unknown := r.messages(bounded, queue.NewNames(pool).Failed)
	if unknown != nil {
		return all, errors.Join(err, unknown)
	}
	return all, fmt.Errorf("%d jobs were given up: %w", failed, err)
}

// messages returns how many messages wait in a queue.
func (r *Rig) messages(ctx context.Context, name string) (n int, err error) {
	err = r.Channel(ctx, func(c *amqp.Channel) error {
		q, err := c.QueueDeclarePassive(name, true, false, false, false, nil)
		if err != nil {
			return fmt.Errorf("count the messages of the queue %s: %w", name, err)
		}
		n = q.Messages
		return nil
	})
	return n, err
}
