package story

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/camunda-autoscaler/camunda-autoscaler/examples/kafka/system"
	"github.com/camunda-autoscaler/camunda-autoscaler/testbed/kube"
)

func (s *Story) installed(ctx context.Context) error {
	if err := s.handled(ctx); err != nil {
		return err
	}
	for i := range 3 {
		if err := s.evict(ctx, i); err != nil {
			return fmt.Errorf("node %d: with all nodes ready an eviction is refused: %w", i, err)
		}
	}
	var found struct {
		Items []struct{ Spec struct{ NodeName string } }
	}
	if err := s.Get(ctx, "/api/v1/namespaces/kafka/pods?labelSelector=app.kubernetes.io/component=node", &found); err != nil {
		return err
	}
	machines := map[string]bool{}
	for _, p := range found.Items {
		machines[p.Spec.NodeName] = true
	}
	if len(machines) != 3 {
		return fmt.Errorf("the nodes are on the machines %v", machines)
	}
	for query, want := range map[string]float64{
		`kafka_topic_partitions{topic="posts"}`: 3, `sum(kafka_topic_partition_in_sync_replica{topic="posts"})`: 9,
		`kafka_topic_min_in_sync_replicas{topic="posts"}`: 2, "kafka_quorum_voters": 3, "kafka_brokers": 3,
	} {
		if err := s.awaitValue(ctx, query, want); err != nil {
			return err
		}
	}
	return nil
}

// evict asks for an eviction without doing it.
func (s *Story) evict(ctx context.Context, node int) error {
	pod := fmt.Sprintf("%s-%d", system.Cluster, node)
	return s.Cluster.Request(ctx, http.MethodPost, "/api/v1/namespaces/kafka/pods/"+pod+"/eviction?dryRun=All", map[string]any{
		"apiVersion": "policy/v1", "kind": "Eviction", "metadata": map[string]any{"name": pod, "namespace": system.Namespace},
	}, nil)
}

func refused(err error) bool {
	var status *kube.StatusError
	return errors.As(err, &status) && status.Code == http.StatusTooManyRequests
}

func (s *Story) messagesArrive(ctx context.Context) error {
	if err := exec.CommandContext(ctx, "python3", "-c", "import sys; sys.exit(sys.version_info >= (3, 12))").Run(); err != nil {
		s.say("before: left out, as kafka-python 2.0.2 does not run on Python 3.12 and newer")
	} else if err := s.withoutFlush(ctx); err != nil {
		return err
	}
	if err := s.send(ctx, 20); err != nil {
		return err
	}
	stored, err := s.Stored(ctx, "posts")
	if err == nil && stored != s.sent+s.foreign {
		err = fmt.Errorf("the topic has %d messages, want %d", stored, s.sent+s.foreign)
	}
	s.say("after, with flush: 20 sent, 20 arrived")
	return err
}

// withoutFlush shows that messages are lost. Which of them the sender's thread gets
// out before the end of the program is a race.
func (s *Story) withoutFlush(ctx context.Context) error {
	for range 5 {
		printed, err := s.RunBefore(ctx, "producer.py", "MESSAGES=20")
		if err != nil || strings.Count(printed, "sent") != 20 {
			return fmt.Errorf("the producer as it was printed %q: %w", printed, err)
		}
		stored, err := s.settled(ctx)
		if err != nil {
			return err
		}
		arrived := stored - s.sent - s.foreign
		s.foreign += arrived
		s.say("before, without flush: 20 times \"sent\", %d arrived", arrived)
		if arrived < 20 {
			return nil
		}
	}
	return errors.New("without flush all messages arrived in five runs")
}

// settled returns how many messages the topic has when no more have come for two
// seconds: a broker may still be busy with what a program sent that has ended.
func (s *Story) settled(ctx context.Context) (int, error) {
	stored, since := -1, time.Now()
	err := await(ctx, "an end of the messages", time.Minute, func(ctx context.Context) error {
		now, err := s.Stored(ctx, "posts")
		if err != nil {
			return err
		}
		if now != stored {
			stored, since = now, time.Now()
		}
		if time.Since(since) < 2*time.Second {
			return errors.New("they still come")
		}
		return nil
	})
	return stored, err
}

func (s *Story) lagIsKnown(ctx context.Context) error {
	limited, cancel := context.WithTimeout(ctx, 4*time.Second)
	defer cancel()
	printed, _ := s.RunBefore(limited, "consumer.py") // it never ends
	admin, err := s.Admin()
	if err != nil {
		return err
	}
	defer admin.Close()
	groups, err := admin.ListGroups(ctx)
	if err != nil {
		return err
	}
	if names := groups.Groups(); fmt.Sprint(names) != "[posts]" {
		return fmt.Errorf("the groups are %v: want that of the chart's consumer alone", names)
	}
	s.say("before, without group: it read %d messages, and there is no lag of it", strings.Count(printed, "\n"))
	if err := s.awaitValue(ctx, `sum(kafka_consumergroup_lag{consumergroup="posts",topic="posts"})`, 0); err != nil {
		return err
	}
	s.say("after, with group: the lag of the group posts is 0")
	return nil
}

// burst is work for nine consumers by the rule alone: 500 messages each.
const burst = 4500

func (s *Story) consumersFollowTheLag(ctx context.Context) error {
	// By night the rule lets the last one go when there is nothing to do.
	if err := s.awaitConsumers(ctx, 0); err != nil {
		return err
	}
	observed := s.observe(ctx)
	if err := s.send(ctx, burst); err != nil {
		return err
	}
	s.say("%d posts sent: 500 for each consumer would be %d consumers", burst, burst/500)
	for _, want := range []int{3, 0} {
		if err := s.awaitConsumers(ctx, want); err != nil {
			return err
		}
	}
	if steps := observed(); !upAndDown(steps) {
		return fmt.Errorf("the consumers were %v, want from 0 up to 3 and then down one by one", steps)
	}
	return s.handled(ctx)
}

func (s *Story) awaitConsumers(ctx context.Context, want int) error {
	return await(ctx, fmt.Sprintf("%d consumers", want), 2*time.Minute, func(ctx context.Context) error {
		desired, ready, err := s.Replicas(ctx, "deployments", system.Consumer)
		if err == nil && (desired != want || ready != want) {
			err = fmt.Errorf("%d desired, %d ready", desired, ready)
		}
		return err
	})
}

// upAndDown returns whether the replicas went from 0 up to the 3 partitions, never
// above, and then down to 0 one by one.
func upAndDown(steps []int) bool {
	top := slices.Index(steps, 3)
	if top < 1 {
		return false
	}
	up := steps[0] == 0 && slices.IsSorted(steps[:top+1])
	return up && slices.Equal(steps[top:], []int{3, 2, 1, 0})
}

// observe records the desired consumers until its result is called.
func (s *Story) observe(ctx context.Context) func() []int {
	began := time.Now()
	var seen []int
	read := func() {
		desired, _, err := s.Replicas(ctx, "deployments", system.Consumer)
		if err == nil && (len(seen) == 0 || seen[len(seen)-1] != desired) {
			seen = append(seen, desired)
			lag, _, _ := s.Prometheus.Query(ctx, `sum(kafka_consumergroup_lag_sum{topic="posts"})`)
			s.say("%3.0f s: %d consumers, lag %.0f", time.Since(began).Seconds(), desired, lag)
		}
	}
	read()
	stop := make(chan struct{})
	var watching sync.WaitGroup
	watching.Go(func() {
		for {
			select {
			case <-time.After(300 * time.Millisecond):
				read()
			case <-stop:
				read() // what a caller has seen is seen here
				return
			case <-ctx.Done():
				return
			}
		}
	})
	return func() []int {
		close(stop)
		watching.Wait()
		return seen
	}
}
