package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/camunda-autoscaler/camunda-autoscaler/testbed/build"
	"github.com/camunda-autoscaler/camunda-autoscaler/testbed/prometheus"
)

// The alerts fire when they should, and each has a runbook.
func TestAlerts(t *testing.T) {
	promtool, err := prometheus.Promtool(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	output(t, filepath.Join("helm", "kafka", "files"), promtool, "test", "rules", "alerts_test.yml")
	text, err := os.ReadFile(filepath.Join("helm", "kafka", "files", "alerts.yml"))
	if err != nil {
		t.Fatal(err)
	}
	alerts := strings.Count(string(text), "- alert: ")
	runbooks := regexp.MustCompile(`examples/kafka/(runbooks/.*\.md)`).FindAllStringSubmatch(string(text), -1)
	if alerts == 0 || len(runbooks) != alerts {
		t.Errorf("%d alerts have %d runbooks", alerts, len(runbooks))
	}
	for _, r := range runbooks {
		if _, err := os.Stat(r[1]); err != nil {
			t.Error(err)
		}
	}
}

// The example of receivers is one that Alertmanager takes, and a critical alert
// goes to the pager.
func TestAlertmanagerExample(t *testing.T) {
	amtool, err := build.Tool(t.Context(), "amtool")
	if err != nil {
		t.Fatal(err)
	}
	output(t, ".", amtool, "check-config", "alertmanager.yml")
	for labels, want := range map[string]string{
		"severity=critical": "pagerduty", "severity=warning": "opsgenie", "severity=info": "slack",
	} {
		if got := output(t, ".", amtool, "config", "routes", "test", "--config.file=alertmanager.yml", labels); strings.TrimSpace(got) != want {
			t.Errorf("%s goes to %s, want %s", labels, got, want)
		}
	}
}

// The charts render for each way to install them, and what cannot work says so.
func TestCharts(t *testing.T) {
	helm, err := build.Tool(t.Context(), "helm")
	if err != nil {
		t.Fatal(err)
	}
	copied := filepath.Join(t.TempDir(), "examples", "kafka", "helm")
	if err := os.CopyFS(copied, os.DirFS("helm")); err != nil {
		t.Fatal(err)
	}
	if err := os.CopyFS(filepath.Join(copied, "..", "..", "..", "charts", "camunda-autoscaler"), os.DirFS("../../charts/camunda-autoscaler")); err != nil {
		t.Fatal(err)
	}
	posts := filepath.Join(copied, "posts")
	output(t, posts, helm, "dependency", "build", ".")
	const monitoring = "--api-versions=monitoring.coreos.com/v1"
	for name, c := range map[string]struct {
		args []string
		has  []string
		not  []string
	}{
		"as it is": {nil, []string{
			"maxUnavailable: 1", "preferredDuringScheduling", "replicas: 3", "image: \"apache/kafka:4.2.0\"", "containerPort: 9308", "port: 9308", "kind: PodDisruptionBudget",
			"runAsNonRoot: true", "wait-for-broker", "min.insync.replicas: \"2\"", "storage: 20Gi", "strategy: {type: Recreate}",
		}, []string{"kind: ServiceMonitor", "camunda-scaler", "kind: PrometheusRule"}},
		"with the Prometheus operator": {[]string{monitoring}, []string{"kind: ServiceMonitor", "kind: PrometheusRule", "{{ $labels.topic }}"}, nil},
		"without metrics":              {[]string{monitoring, "--set=kafka.metrics.enabled=false"}, nil, []string{"9308", "ServiceMonitor", "PrometheusRule"}},
		"upgrade":                      {[]string{"-f", "upgrade.yaml"}, []string{"apache/kafka:4.3.1", "metadata_version: 30", "- name: \"update\""}, []string{"4.2.0\""}},
		"production":                   {[]string{"--set=kafka.antiAffinity=required"}, []string{"requiredDuringScheduling"}, nil},
		"dashboard":                    {[]string{"--set=kafka.dashboard.enabled=true"}, []string{"grafana_dashboard: \"1\"", "kafka_consumergroup_lag_sum"}, nil},
		"autoscaler": {
			[]string{"--set=camunda-autoscaler.enabled=true", "--set=camunda-autoscaler.scaler.config.prometheus.url=http://prometheus:9090"},
			[]string{`max_replicas_query: max(kafka_topic_partitions{topic="posts"})`, "camunda-scaler:"},
			nil,
		},
		"another cluster": {[]string{"--set=kafka.enabled=false", "--set=bootstrapServers=broker:9092"}, []string{"broker:9092"}, []string{"StatefulSet"}},
	} {
		t.Run(name, func(t *testing.T) {
			text := output(t, posts, helm, append([]string{"template", "posts", ".", "-n", "kafka"}, c.args...)...)
			for _, has := range c.has {
				if !strings.Contains(text, has) {
					t.Errorf("%q is missing", has)
				}
			}
			for _, not := range c.not {
				if strings.Contains(text, not) {
					t.Errorf("%q is there", not)
				}
			}
		})
	}
	out, err := exec.Command(helm, "template", "posts", posts, "--set=kafka.enabled=false").CombinedOutput()
	if err == nil || !strings.Contains(string(out), "bootstrapServers: name the brokers, or set kafka.enabled") {
		t.Errorf("without brokers: %v: %s", err, out)
	}
}

func output(t *testing.T, dir, program string, args ...string) string {
	t.Helper()
	c := exec.Command(program, args...)
	c.Dir = dir
	out, err := c.CombinedOutput()
	if err != nil {
		t.Fatalf("%s %v: %v: %s", filepath.Base(program), args, err, out)
	}
	return string(out)
}
