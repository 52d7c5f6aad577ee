package pods

import (
	"encoding/json"
	"maps"
	"strings"
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
	got, err := new(Runner).Environment(t.Context(), &pod, pod.Spec.Containers[0])
	if err != nil {
		t.Fatal(err)
	}
	if want := map[string]string{"NAME": "kafka-2", "INDEX": "2", "HOST": "kafka-2.svc"}; !maps.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

// What is not known here is an error, not an empty variable.
func TestUnknownVariables(t *testing.T) {
	for _, from := range []string{`{"fieldRef": {"fieldPath": "spec.nodeName"}}`, `{"fieldRef": {"fieldPath": "status.podIP"}}`, `{"configMapKeyRef": {"name": "a", "key": "b"}}`} {
		t.Run(from, func(t *testing.T) {
			var c Container
			if err := json.Unmarshal([]byte(`{"env": [{"name": "NAME", "valueFrom": `+from+`}]}`), &c); err != nil {
				t.Fatal(err)
			}
			if env, err := new(Runner).Environment(t.Context(), new(Pod), c); err == nil || !strings.Contains(err.Error(), "NAME") {
				t.Errorf("got %v, %v; want an error that names the variable", env, err)
			}
		})
	}
}
