package story

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"

	"github.com/camunda-autoscaler/camunda-autoscaler/examples/kafka/parts"
	"github.com/camunda-autoscaler/camunda-autoscaler/examples/kafka/system"
)

// away is how long a killed broker is down: longer than its session, 9 s, after
// which the controller takes its partitions away.
const away = 15 * time.Second

func (s *Story) brokerIsKilled(ctx context.Context) error {
	return s.underLoad(ctx, 200, func() error {
		killed := time.Now()
		if err := s.Runner.Kill(system.Namespace, system.Cluster+"-1", "kafka", away); err != nil {
			return err
		}
		s.say("kill -9 of node 1 at 200 posts a second")
		for _, status := range []string{"firing", "resolved"} {
			err := await(ctx, "alert "+status, time.Minute, func(context.Context) error {
				for _, alert := range s.Alerts.Since(killed) {
					if alert.Name == "KafkaBrokerGone" && alert.Status == status {
						s.say("%3.0f s: %s is %s", alert.At.Sub(killed).Seconds(), alert.Name, status)
						return nil
					}
				}
				return errors.New("not received")
			})
			if err != nil {
				return err
			}
		}
		return s.nodesReady(ctx, 3)
	})
}

func (s *Story) nodesReady(ctx context.Context, want int) error {
	return await(ctx, "nodes in sync", 2*time.Minute, func(ctx context.Context) error {
		_, ready, err := s.Replicas(ctx, "statefulsets", system.Cluster)
		if err == nil && ready != want {
			err = fmt.Errorf("%d nodes are ready", ready)
		}
		return err
	})
}

func (s *Story) upgrade(ctx context.Context) error {
	if level, err := s.value(ctx, "kafka_metadata_version"); err != nil || level != 29 {
		return fmt.Errorf("metadata.version is %v before the upgrade: %w", level, err)
	}
	return s.underLoad(ctx, 200, func() error {
		if err := s.Helm(ctx, "upgrade", system.Release, "./", "-n", system.Namespace, "-f", "upgrade.yaml"); err != nil {
			return err
		}
		if err := s.rollout(ctx); err != nil {
			return err
		}
		if err := s.brokersRun(parts.After); err != nil {
			return err
		}
		for query, want := range map[string]float64{
			"kafka_metadata_version": 30, "min(kafka_metadata_version_supported)": 30, "kafka_quorum_voters": 3, "kafka_brokers": 3,
			`kafka_topic_partitions{topic="update"}`: 2, `sum(kafka_topic_partition_replicas{topic="update"})`: 4,
			"sum(kafka_topic_partition_under_replicated_partition)": 0, "min(kafka_collector_success)": 1,
		} {
			if err := s.awaitValue(ctx, query, want); err != nil {
				return err
			}
		}
		s.say("all brokers run %s, metadata.version is 30, the topic update is there", parts.After)
		return nil
	})
}

// rollout waits until all nodes are updated. Meanwhile at most one may be away, and
// no other may be evicted.
func (s *Story) rollout(ctx context.Context) error {
	began := time.Now()
	fewest, evictionRefused := 3, false
	err := await(ctx, "all nodes upgraded", 4*time.Minute, func(ctx context.Context) error {
		var set struct {
			Metadata struct{ Generation int }
			Status   struct {
				ObservedGeneration, ReadyReplicas, UpdatedReplicas int
			}
		}
		if err := s.Get(ctx, "/apis/apps/v1/namespaces/kafka/statefulsets/"+system.Cluster, &set); err != nil {
			return err
		}
		if set.Status.ObservedGeneration < set.Metadata.Generation {
			return errors.New("the controller has not seen the upgrade")
		}
		fewest = min(fewest, set.Status.ReadyReplicas)
		if set.Status.ReadyReplicas < 3 && !evictionRefused {
			evictionRefused = refused(s.evict(ctx, 0)) || refused(s.evict(ctx, 2))
		}
		if set.Status.ReadyReplicas != 3 || set.Status.UpdatedReplicas != 3 {
			return fmt.Errorf("%d ready, %d updated", set.Status.ReadyReplicas, set.Status.UpdatedReplicas)
		}
		return nil
	})
	switch {
	case err != nil:
		return err
	case fewest < 2:
		return fmt.Errorf("only %d nodes were ready at a time", fewest)
	case !evictionRefused:
		return errors.New("the PodDisruptionBudget has not refused an eviction while a node was away")
	}
	s.say("%3.0f s: three nodes restarted one after the other, each in sync before the next", time.Since(began).Seconds())
	return nil
}

// brokersRun checks the version that each node has logged at its last start.
func (s *Story) brokersRun(version string) error {
	for i := range 3 {
		log, err := os.ReadFile(s.Runner.Log(fmt.Sprintf("%s-%d", system.Cluster, i), "kafka"))
		if err != nil {
			return err
		}
		const mark = "Kafka version: "
		at := strings.LastIndex(string(log), mark)
		if at < 0 || !strings.HasPrefix(string(log[at+len(mark):]), version) {
			return fmt.Errorf("node %d does not run %s", i, version)
		}
	}
	return nil
}

func (s *Story) fourthNode(ctx context.Context) error {
	err := s.Helm(ctx, "upgrade", system.Release, "./", "-n", system.Namespace, "-f", "upgrade.yaml", "--set", "kafka.nodes=4")
	if err != nil {
		return err
	}
	if err := s.awaitValue(ctx, "kafka_brokers == kafka_brokers_expected", 4); err != nil {
		return err
	}
	if _, err := s.KafkaAdmin(ctx, "spread", "--timeout=60s"); err != nil {
		return err
	}
	admin, err := s.Admin()
	if err != nil {
		return err
	}
	defer admin.Close()
	load := map[int32]int{}
	err = await(ctx, "replicas spread", 20*time.Second, func(ctx context.Context) error {
		state, err := admin.Metadata(ctx)
		if err != nil {
			return err
		}
		clear(load)
		state.Topics.EachPartition(func(p kadm.PartitionDetail) {
			for _, id := range p.Replicas {
				load[id]++
			}
		})
		for id := range int32(4) {
			if n := load[id]; n == 0 || n < load[0]-1 || n > load[0]+1 {
				return fmt.Errorf("the replicas are spread %v", load)
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	s.say("replicas by broker: %v", load)
	// It is a broker only: four controllers would bear no more failures than three.
	if err := s.awaitValue(ctx, "kafka_quorum_voters", 3); err != nil {
		return err
	}
	if err := s.send(ctx, 100); err != nil {
		return err
	}
	if err := s.nodesReady(ctx, 4); err != nil {
		return err
	}
	return s.handled(ctx)
}
