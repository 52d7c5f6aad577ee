package pods

import (
	"encoding/json"
	"maps"
	"testing"
)

func TestImage(t *testing.T) {
	for image, want := range map[string][2]string{
		"apache/kafka:4.2.0":             {"apache/kafka", "4.2.0"},
		"registry.example:5000/posts":    {"registry.example:5000/posts", ""},
		"registry.example:5000/posts:v1": {"registry.example:5000/posts", "v1"},
	} {
		t.Run(image, func(t *testing.T) {
			c := Container{Image: image}
			if c.Repository() != want[0] || c.Tag() != want[1] {
				t.Errorf("got %q and %q, want %q", c.Repository(), c.Tag(), want)
			}
		})
	}
}

// A container gets values, fields of its Pod, and references to variables before.
func TestEnvironment(t *testing.T) {
	var pod Pod
	err := json.Unmarshal([]byte(`{
		"metadata": {"name": "kafka-2", "namespace": "kafka", "labels": {"apps.kubernetes.io/pod-index": "2"}},
		"spec": {"containers": [{"env": [
			{"name": "NAME", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
			{"name": "INDEX", "valueFrom": {"fieldRef": {"fieldPath": "metadata.labels['apps.kubernetes.io/pod-index']"}}},
			{"name": "HOST", "value": "$(NAME).svc"}
		]}]}}`), &pod)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{"NAME": "kafka-2", "INDEX": "2", "HOST": "kafka-2.svc"}
	if got := pod.Environment(pod.Spec.Containers[0]); !maps.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}
