package exporter

import (
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// Only an answer that names a leader gives numbers.
func TestQuorum(t *testing.T) {
	answer := func(leader int32, code int16) *kmsg.DescribeQuorumResponse {
		p := kmsg.NewDescribeQuorumResponseTopicPartition()
		p.ErrorCode, p.LeaderID, p.LeaderEpoch, p.HighWatermark = code, leader, 7, 100
		for id := range int32(3) {
			v := kmsg.NewDescribeQuorumResponseTopicPartitionReplicaState()
			v.ReplicaID, v.LogEndOffset = id, int64(99+id)
			p.CurrentVoters = append(p.CurrentVoters, v)
		}
		p.CurrentVoters[1].LogEndOffset = -1 // unknown
		topic := kmsg.NewDescribeQuorumResponseTopic()
		topic.Topic, topic.Partitions = "__cluster_metadata", append(topic.Partitions, p)
		r := kmsg.NewDescribeQuorumResponse()
		r.Topics = append(r.Topics, topic)
		return &r
	}
	none := kmsg.NewDescribeQuorumResponse()
	for name, c := range map[string]struct {
		response *kmsg.DescribeQuorumResponse
		metrics  int // 0: an error
	}{
		"a leader":  {answer(1, 0), 3 + 2},
		"no leader": {answer(-1, 0), 0},
		"an error":  {answer(1, kerr.NotLeaderForPartition.Code), 0},
		"no answer": {&none, 0},
	} {
		t.Run(name, func(t *testing.T) {
			ch := make(chan prometheus.Metric, 20)
			err := sendQuorum(ch, c.response)
			if len(ch) != c.metrics || (err == nil) != (c.metrics > 0) {
				t.Errorf("%d metrics and %v, want %d", len(ch), err, c.metrics)
			}
		})
	}
}
