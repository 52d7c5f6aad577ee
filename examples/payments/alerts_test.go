package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/camunda-autoscaler/camunda-autoscaler/testbed/prometheus"
)

// The alerts fire when they should, and each has its runbook.
func TestAlerts(t *testing.T) {
	promtool, err := prometheus.Promtool(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var rule struct{ Spec any }
	if err := yaml.Unmarshal(read(t, "kubernetes/monitoring/alerts.yaml"), &rule); err != nil {
		t.Fatal(err)
	}
	text, err := yaml.Marshal(rule.Spec)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for name, text := range map[string][]byte{"alerts.yml": text, "alerts_test.yml": read(t, "alerts_test.yml")} {
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if out, err := exec.Command(promtool, "test", "rules", filepath.Join(dir, "alerts_test.yml")).CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
	alerts := regexp.MustCompile(`alert: (\w+)`).FindAllSubmatch(text, -1)
	runbooks := regexp.MustCompile(`runbook: examples/payments/runbooks/(\w+)\.md`).FindAllSubmatch(text, -1)
	if len(alerts) == 0 || len(alerts) != len(runbooks) {
		t.Fatalf("%d alerts have %d runbooks", len(alerts), len(runbooks))
	}
	for _, a := range alerts {
		read(t, "runbooks/"+string(a[1])+".md")
	}
}

func read(t *testing.T, name string) []byte {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return text
}
