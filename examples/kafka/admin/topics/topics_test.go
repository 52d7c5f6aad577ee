package topics

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/go-kit/log"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

func TestRead(t *testing.T) {
	for name, c := range map[string]struct{ text, want string }{
		"right":                 {"brokers: 3\ntopics:\n- {name: posts, partitions: 3, replication: 3, config: {retention.ms: '1'}}\n", ""},
		"unknown key":           {"brokers: 3\ntopic: []\n", "field topic not found"},
		"no brokers":            {"topics: []\n", "brokers has to be 1 or more"},
		"no name":               {"brokers: 1\ntopics: [{partitions: 1, replication: 1}]\n", "a topic has no name"},
		"twice":                 {"brokers: 1\ntopics: [{name: a, partitions: 1, replication: 1}, {name: a, partitions: 1, replication: 1}]\n", "topic a is there twice"},
		"no partitions":         {"brokers: 1\ntopics: [{name: a, replication: 1}]\n", "topic a: partitions has to be 1 or more"},
		"more than the brokers": {"brokers: 2\ntopics: [{name: a, partitions: 1, replication: 3}]\n", "topic a: replication has to be from 1 to the number of brokers, 2"},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "topics.yaml")
			if err := os.WriteFile(path, []byte(c.text), 0o644); err != nil {
				t.Fatal(err)
			}
			_, err := Read(path)
			if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
}

func fake(t *testing.T, opts ...kfake.Opt) (*kfake.Cluster, *kgo.Client) {
	t.Helper()
	cluster, err := kfake.NewCluster(opts...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cluster.Close)
	client, err := kgo.NewClient(kgo.SeedBrokers(cluster.ListenAddrs()...), kgo.MetadataMinAge(10*time.Millisecond))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	return cluster, client
}

func TestApply(t *testing.T) {
	_, client := fake(t, kfake.NumBrokers(3))
	file := File{Brokers: 3, Topics: []Topic{{Name: "posts", Partitions: 3, Replication: 3, Config: map[string]string{"min.insync.replicas": "2"}}}}
	apply := func(want string) {
		t.Helper()
		err := Apply(t.Context(), client, file, log.NewNopLogger())
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
	apply("")
	apply("") // again
	file.Topics[0].Partitions = 5
	file.Topics[0].Config["min.insync.replicas"] = "1"
	apply("")
	admin := kadm.NewClient(client)
	found, err := admin.ListTopics(t.Context(), "posts")
	if err != nil || len(found["posts"].Partitions) != 5 {
		t.Errorf("posts has %d partitions (%v)", len(found["posts"].Partitions), err)
	}
	config, err := admin.DescribeTopicConfigs(t.Context(), "posts")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range config[0].Configs {
		if c.Key == "min.insync.replicas" && *c.Value != "1" {
			t.Errorf("min.insync.replicas is %s", *c.Value)
		}
	}
	file.Topics[0].Partitions = 2
	apply("topic posts: it has 5 partitions, and Kafka cannot remove any: write 5 in the file, or make another topic")
}

// Apply waits for brokers that are still starting, and sees them at once.
func TestApplyWaits(t *testing.T) {
	cluster, client := fake(t, kfake.NumBrokers(2))
	time.AfterFunc(300*time.Millisecond, func() { _, _, _ = cluster.AddNode(-1, 0) })
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	if err := Apply(ctx, client, File{Brokers: 3}, log.NewNopLogger()); err != nil {
		t.Error(err)
	}
	ctx, cancel = context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if err := Apply(ctx, client, File{Brokers: 4}, log.NewNopLogger()); err == nil || !strings.Contains(err.Error(), "3 of 4 brokers are there") {
		t.Errorf("got %v", err)
	}
}

// Spread ends when the moves have ended, and starts none while others run.
func TestSpreadWaits(t *testing.T) {
	cluster, client := fake(t, kfake.NumBrokers(4), kfake.SeedTopics(6, "posts"))
	var order []string
	cluster.ControlKey(int16(kmsg.AlterPartitionAssignments), func(kmsg.Request) (kmsg.Response, error, bool) {
		order = append(order, "move")
		return nil, nil, false
	})
	cluster.ControlKey(int16(kmsg.ListPartitionReassignments), func(r kmsg.Request) (kmsg.Response, error, bool) {
		cluster.KeepControl()
		if len(r.(*kmsg.ListPartitionReassignmentsRequest).Topics) == 0 {
			t.Error("no partition is named: that is no question about all of them")
		}
		response := r.ResponseKind().(*kmsg.ListPartitionReassignmentsResponse)
		order = append(order, "ask")
		if n := len(order); n == 1 || n == 4 {
			topic := kmsg.NewListPartitionReassignmentsResponseTopic()
			topic.Topic = "posts"
			topic.Partitions = append(topic.Partitions, kmsg.NewListPartitionReassignmentsResponseTopicPartition())
			response.Topics = append(response.Topics, topic)
		}
		return response, nil, true
	})
	if err := Spread(t.Context(), kadm.NewClient(client), []int32{3}, log.NewNopLogger()); err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(order, " "); got != "ask ask move ask ask" {
		t.Errorf("the requests were %q", got)
	}
}

func TestPlan(t *testing.T) {
	partitions := func(replicas ...[]int32) []kadm.PartitionDetail {
		var all []kadm.PartitionDetail
		for i, r := range replicas {
			all = append(all, kadm.PartitionDetail{Topic: "posts", Partition: int32(i), Replicas: r})
		}
		return all
	}
	three := partitions([]int32{0, 1, 2}, []int32{1, 2, 0}, []int32{2, 0, 1}, []int32{0, 1}, []int32{1, 2})
	for name, c := range map[string]struct {
		before []kadm.PartitionDetail
		keep   []int32
		moves  int // replicas
		err    string
	}{
		"nothing to do":      {three, []int32{0, 1, 2}, 0, ""},
		"a fourth broker":    {three, []int32{0, 1, 2, 3}, 3, ""},
		"away with a broker": {partitions([]int32{0, 1}, []int32{1, 3}, []int32{3, 0}), []int32{0, 1, 2}, 2, ""},
		"too few would stay": {three, []int32{0, 1}, 0, "posts/0 has 3 replicas, and 2 brokers are to stay"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := plan(c.before, c.keep)
			if c.err != "" {
				if err == nil || !strings.Contains(err.Error(), c.err) {
					t.Errorf("got %v, want %q", err, c.err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			checkPlan(t, c.before, got, c.keep, c.moves)
		})
	}
}

func checkPlan(t *testing.T, before, moved []kadm.PartitionDetail, keep []int32, moves int) {
	t.Helper()
	after := map[int32][]int32{}
	for _, p := range before {
		after[p.Partition] = p.Replicas
	}
	n := 0
	for _, m := range moved {
		for i, id := range m.Replicas {
			if after[m.Partition][i] != id {
				n++
			}
		}
		after[m.Partition] = m.Replicas
	}
	if n != moves {
		t.Errorf("%d replicas move, want %d: %v", n, moves, moved)
	}
	load := map[int32]int{}
	for partition, replicas := range after {
		seen := map[int32]bool{}
		for _, id := range replicas {
			if seen[id] {
				t.Errorf("partition %d has broker %d twice", partition, id)
			}
			seen[id] = true
			load[id]++
		}
	}
	least, most := 1<<30, 0
	for _, id := range keep {
		least, most = min(least, load[id]), max(most, load[id])
		delete(load, id)
	}
	if most > least+1 || len(load) > 0 {
		t.Errorf("from %d to %d replicas, and %v on brokers that go", least, most, load)
	}
}
