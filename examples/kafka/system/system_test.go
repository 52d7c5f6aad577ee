package system

import "testing"

func TestRewrite(t *testing.T) {
	s := &System{nodes: []node{{broker: 1, controller: 2}, {broker: 3, controller: 4}, {broker: 5, controller: 6}}}
	for text, want := range map[string]string{
		"0@posts-kafka-0.posts-kafka-nodes.kafka.svc:9093:AAA,1@posts-kafka-1.posts-kafka-nodes.kafka.svc:9093:BBB": "0@127.0.0.1:2:AAA,1@127.0.0.1:4:BBB",
		"posts-kafka.kafka.svc:9092":    "127.0.0.1:1,127.0.0.1:3,127.0.0.1:5",
		"--file=/etc/topics/topics.yml": "--file=/tmp/x/topics.yml",
	} {
		t.Run(text, func(t *testing.T) {
			if got := s.rewrite(text, map[string]string{"/etc/topics": "/tmp/x"}); got != want {
				t.Errorf("got %q, want %q", got, want)
			}
		})
	}
}
