package exporter_test

import (
	"strings"
	"testing"
	"time"

	"github.com/go-kit/log"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/camunda-autoscaler/camunda-autoscaler/examples/kafka/admin/exporter"
)

// world is three brokers with the topic posts, 30 messages in it, of which the
// group posts has committed 10 in each partition but the last.
type world struct {
	*kfake.Cluster
	client   *kgo.Client
	registry *prometheus.Registry
}

func newWorld(t *testing.T) *world {
	t.Helper()
	cluster, err := kfake.NewCluster(kfake.NumBrokers(3), kfake.SeedTopics(3, "posts"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cluster.Close)
	client, err := kgo.NewClient(kgo.SeedBrokers(cluster.ListenAddrs()...), kgo.RecordPartitioner(kgo.ManualPartitioner()),
		kgo.RequestRetries(1), kgo.RetryTimeout(time.Second), kgo.MetadataMinAge(10*time.Millisecond))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	w := &world{Cluster: cluster, client: client, registry: prometheus.NewRegistry()}
	w.registry.MustRegister(exporter.New(client, 3, 3*time.Second, log.NewNopLogger()))
	for n := range 30 {
		if err := client.ProduceSync(t.Context(), &kgo.Record{Topic: "posts", Partition: int32(n % 3), Value: []byte("x")}).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
	committed := kadm.Offsets{}
	committed.AddOffset("posts", 0, 10, -1)
	committed.AddOffset("posts", 1, 10, -1)
	committed.AddOffset("posts", 2, 4, -1)
	if err := kadm.NewClient(client).CommitAllOffsets(t.Context(), "posts", committed); err != nil {
		t.Fatal(err)
	}
	return w
}

func (w *world) want(t *testing.T, text string, names ...string) {
	t.Helper()
	if err := testutil.GatherAndCompare(w.registry, strings.NewReader(text), names...); err != nil {
		t.Error(err)
	}
}

func TestLag(t *testing.T) {
	w := newWorld(t)
	w.want(t, `
# HELP kafka_consumergroup_lag Messages that a consumer group has not committed; left out unless it is known for all partitions of the topic.
# TYPE kafka_consumergroup_lag gauge
kafka_consumergroup_lag{consumergroup="posts",partition="0",topic="posts"} 0
kafka_consumergroup_lag{consumergroup="posts",partition="1",topic="posts"} 0
kafka_consumergroup_lag{consumergroup="posts",partition="2",topic="posts"} 6
# HELP kafka_consumergroup_lag_sum Messages of all partitions that a consumer group has not committed; left out unless all are known.
# TYPE kafka_consumergroup_lag_sum gauge
kafka_consumergroup_lag_sum{consumergroup="posts",topic="posts"} 6
# HELP kafka_topic_partitions Partitions of a topic.
# TYPE kafka_topic_partitions gauge
kafka_topic_partitions{topic="posts"} 3
`, "kafka_consumergroup_lag", "kafka_consumergroup_lag_sum", "kafka_topic_partitions")
}

// The lag of two partitions of three would pass for a small lag.
func TestLagOfAnUnknownPartition(t *testing.T) {
	w := newWorld(t)
	w.ControlKey(int16(kmsg.ListOffsets), func(request kmsg.Request) (kmsg.Response, error, bool) {
		w.KeepControl()
		response := request.ResponseKind().(*kmsg.ListOffsetsResponse)
		ours := false
		for _, topic := range request.(*kmsg.ListOffsetsRequest).Topics {
			answer := kmsg.NewListOffsetsResponseTopic()
			answer.Topic = topic.Topic
			for _, p := range topic.Partitions {
				partition := kmsg.NewListOffsetsResponseTopicPartition()
				partition.Partition = p.Partition
				partition.ErrorCode = kerr.KafkaStorageError.Code
				ours = ours || p.Partition == 2
				answer.Partitions = append(answer.Partitions, partition)
			}
			response.Topics = append(response.Topics, answer)
		}
		return response, nil, ours
	})
	w.want(t, "", "kafka_consumergroup_lag", "kafka_consumergroup_lag_sum")
	w.want(t, `
# HELP kafka_collector_success Whether a part of this scrape has all of its numbers; those that it does not know are left out.
# TYPE kafka_collector_success gauge
kafka_collector_success{collector="cluster"} 1
kafka_collector_success{collector="configs"} 1
kafka_collector_success{collector="features"} 1
kafka_collector_success{collector="groups"} 0
kafka_collector_success{collector="offsets"} 0
kafka_collector_success{collector="quorum"} 0
`, "kafka_collector_success")
}

// A broker that has gone is missed by the next scrape, not five minutes later.
func TestBrokerGone(t *testing.T) {
	w := newWorld(t)
	const text = "# HELP kafka_brokers Brokers that are registered and not fenced.\n# TYPE kafka_brokers gauge\nkafka_brokers "
	w.want(t, text+"3\n", "kafka_brokers")
	if err := w.RemoveNode(2); err != nil {
		t.Fatal(err)
	}
	w.want(t, text+"2\n", "kafka_brokers")
}

// Without an answer there is no number that could be taken for one.
func TestNoAnswer(t *testing.T) {
	w := newWorld(t)
	w.Close()
	w.want(t, `
# HELP kafka_up Whether the cluster answered this scrape's first request.
# TYPE kafka_up gauge
kafka_up 0
# HELP kafka_brokers_expected Brokers that the cluster should have.
# TYPE kafka_brokers_expected gauge
kafka_brokers_expected 3
`, "kafka_up", "kafka_brokers_expected", "kafka_brokers", "kafka_consumergroup_lag", "kafka_consumergroup_lag_sum", "kafka_topic_partitions", "kafka_quorum_leader_id", "kafka_metadata_version")
}

func TestLint(t *testing.T) {
	w := newWorld(t)
	problems, err := testutil.GatherAndLint(w.registry)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		if p.Metric != "kafka_consumergroup_lag_sum" { // the name that kafka_exporter has given it
			t.Error(p)
		}
	}
}
