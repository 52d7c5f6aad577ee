package system

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A bare cluster has the chart's topics and configuration, with this machine's values.
func TestChartValues(t *testing.T) {
	parts := Parts{Example: ".."}
	v, err := chartValues(parts)
	if err != nil {
		t.Fatal(err)
	}
	if v.Heap != "200m" || v.Topics["posts"]["partitions"] != 3 {
		t.Errorf("heap %s, posts %v", v.Heap, v.Topics["posts"])
	}
	folder := t.TempDir()
	if err := writeConfig(folder, parts, v); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(folder, "server.properties"))
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{"min.insync.replicas=2\n", "log.cleaner.dedupe.buffer.size=4194304\n"} {
		if !strings.Contains(string(text), line) {
			t.Errorf("%q is missing", line)
		}
	}
}

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
