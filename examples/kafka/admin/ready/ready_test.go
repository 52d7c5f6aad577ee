package ready_test

import (
	"testing"

	"github.com/twmb/franz-go/pkg/kadm"

	"github.com/camunda-autoscaler/camunda-autoscaler/examples/kafka/admin/ready"
)

func TestCheck(t *testing.T) {
	partition := func(isr ...int32) kadm.Metadata {
		return kadm.Metadata{
			Brokers: kadm.BrokerDetails{{NodeID: 0}, {NodeID: 1}, {NodeID: 3}},
			Topics: kadm.TopicDetails{"posts": {Topic: "posts", Partitions: kadm.PartitionDetails{
				0: {Topic: "posts", Partition: 0, Replicas: []int32{0, 1, 2}, ISR: isr},
			}}},
		}
	}
	for name, c := range map[string]struct {
		state kadm.Metadata
		node  int32
		want  string
	}{
		"in sync":            {partition(0, 1), 1, ""},
		"without replicas":   {partition(0, 1), 3, ""},
		"catching up":        {partition(0, 2), 1, "node 1 is not in sync on posts/0"},
		"fenced":             {partition(0, 1), 2, "node 2 is not registered, or it is fenced"},
		"another catches up": {partition(0), 0, ""},
	} {
		t.Run(name, func(t *testing.T) {
			got := ""
			if err := ready.Check(c.state, c.node); err != nil {
				got = err.Error()
			}
			if got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}
