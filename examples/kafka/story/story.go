// Package story takes the running example through what its README promises, one
// part after the other. The test and the live demonstration play the same parts.
package story

import (
	"context"
	"fmt"
	"time"

	"github.com/camunda-autoscaler/camunda-autoscaler/examples/kafka/system"
	"github.com/camunda-autoscaler/camunda-autoscaler/testbed/play"
)

// Installed is how many posts the Job of the chart has sent when the story starts.
const Installed = 200

// Values are the chart's values for the story.
const Values = "producer: {messages: 200, rate: 0}\n"

// Story remembers what was sent to the system so far.
type Story struct {
	*system.System
	say func(format string, args ...any)

	sent    int // acknowledged posts
	foreign int // messages in the topic that are no posts
}

// New returns a story of a system whose release was just installed. say is told what
// happens, a line at a time.
func New(s *system.System, say func(format string, args ...any)) *Story {
	return &Story{System: s, say: say, sent: Installed}
}

// Parts returns the parts in their order; each builds on those before.
func (s *Story) Parts() []play.Part {
	return []play.Part{
		{Name: "installed", Promise: "three nodes on three machines, posts with 3 partitions and 3 replicas, evictions of one node allowed", Play: s.installed},
		{Name: "messages arrive", Promise: "without flush they are lost, with flush they arrive", Play: s.messagesArrive},
		{Name: "lag is known", Promise: "without a group there is no lag, with a group there is", Play: s.lagIsKnown},
		{Name: "consumers follow the lag", Promise: "it is night: none, 3 for a burst, as many as partitions, and none again", Play: s.consumersFollowTheLag},
		{Name: "a broker is killed", Promise: "nothing acknowledged is lost or stored twice, and the alert arrives and ends", Play: s.brokerIsKilled},
		{Name: "rolling upgrade", Promise: "4.2.0 to 4.3.1 under load, one node at a time, metadata.version 29 to 30, and the topic update", Play: s.upgrade},
		{Name: "a fourth node", Promise: "a broker joins, and replicas move to it", Play: s.fourthNode},
	}
}

// await calls check until it returns nil.
func await(ctx context.Context, what string, limit time.Duration, check func(ctx context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	for {
		err := check(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-time.After(500 * time.Millisecond):
		case <-ctx.Done():
			return fmt.Errorf("%s: not within %s: %w", what, limit, err)
		}
	}
}

// handled waits until every acknowledged post is handled, and checks that the topic
// has none of them twice.
func (s *Story) handled(ctx context.Context) error {
	deliveries := 0
	err := await(ctx, "all posts handled", 2*time.Minute, func(ctx context.Context) error {
		distinct, all, err := s.Handled(ctx)
		deliveries = all
		if err == nil && distinct != s.sent {
			err = fmt.Errorf("%d of %d", distinct, s.sent)
		}
		return err
	})
	if err != nil {
		return err
	}
	stored, err := s.Stored(ctx, "posts")
	if err != nil {
		return err
	}
	if stored -= s.foreign; stored != s.sent {
		return fmt.Errorf("the topic has %d posts, but %d were acknowledged", stored, s.sent)
	}
	s.say("%d posts acknowledged, %d in the topic, %d handled, %d delivered again", s.sent, stored, s.sent, deliveries-s.sent)
	return nil
}

// count adds a producer's tally; every message has to be acknowledged.
func (s *Story) count(tally system.Tally, err error) error {
	if err != nil {
		return err
	}
	if tally.Acknowledged != tally.Sent || tally.Sent == 0 {
		return fmt.Errorf("the producer ended with %+v", tally)
	}
	s.sent += tally.Acknowledged
	return nil
}

// send sends posts and waits until all are acknowledged.
func (s *Story) send(ctx context.Context, messages int) error {
	p, err := s.Produce(ctx, messages, 0)
	if err != nil {
		return err
	}
	return s.count(p.Wait(ctx))
}

// underLoad plays a part while posts are sent, and checks that none is lost.
func (s *Story) underLoad(ctx context.Context, rate int, play func() error) error {
	before, err := s.Stored(ctx, "posts")
	if err != nil {
		return err
	}
	load, err := s.Produce(ctx, 0, rate)
	if err != nil {
		return err
	}
	err = await(ctx, "load", time.Minute, func(ctx context.Context) error {
		stored, err := s.Stored(ctx, "posts")
		if err == nil && stored < before+rate {
			err = fmt.Errorf("%d messages", stored-before)
		}
		return err
	})
	if err == nil {
		err = play()
	}
	tally, ended := load.Stop()
	if err != nil {
		return err
	}
	if err := s.count(tally, ended); err != nil {
		return err
	}
	return s.handled(ctx)
}

// value returns a query's value; it has to have one.
func (s *Story) value(ctx context.Context, query string) (float64, error) {
	value, ok, err := s.Prometheus.Query(ctx, query)
	if err == nil && !ok {
		err = fmt.Errorf("%s has no result", query)
	}
	return value, err
}

// awaitValue waits until a query has a value.
func (s *Story) awaitValue(ctx context.Context, query string, want float64) error {
	return await(ctx, query, time.Minute, func(ctx context.Context) error {
		value, err := s.value(ctx, query)
		if err == nil && value != want {
			err = fmt.Errorf("%v, want %v", value, want)
		}
		return err
	})
}
