package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/camunda-autoscaler/camunda-autoscaler/examples/scan-workers/rig"
	"github.com/camunda-autoscaler/camunda-autoscaler/testbed/build"
	"github.com/camunda-autoscaler/camunda-autoscaler/testbed/prometheus"
)

const (
	batch   = "charts/batch-jobs-min-nodes"
	workers = "charts/scan-workers"
)

// helms returns the programs of Helm 4 and Helm 3.
func helms(t *testing.T) []string {
	t.Helper()
	var all []string
	for _, name := range []string{"helm", "helm3"} {
		program, err := build.Tool(t.Context(), name)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, program)
	}
	return all
}

func write(t *testing.T, text string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "values.yaml")
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return file
}

func render(t *testing.T, helm, chart, values string) (string, error) {
	t.Helper()
	out, err := exec.Command(helm, "template", "--kube-version=1.36", "release", chart, "--values="+values).CombinedOutput()
	return string(out), err
}

const broker = "amqp: {url: 'amqp://guest:guest@rabbitmq/'}\n"

func TestCharts(t *testing.T) {
	for _, test := range []struct{ name, chart, values string }{
		{"batch/test_values.yaml", batch, "charts/test_values.yaml"},
		{"batch/older form", batch, "packing/testdata/older_values.yaml"},
		{"batch/planned", batch, write(t, "nodeSize: {cpu: 2, memory: 4Gi}\n"+text(t, "charts/test_values.yaml"))},
		{"workers", workers, write(t, broker)},
		{"workers/everything", workers, write(t, broker+"metrics: {podMonitor: true}\nalerts: true\ndashboard: true\nsources: {existingClaim: mirrors}\n")},
	} {
		t.Run(test.name, func(t *testing.T) {
			var rendered []string
			for _, helm := range helms(t) {
				if out, err := exec.Command(helm, "lint", "--strict", "--kube-version=1.36", test.chart, "--values="+test.values).CombinedOutput(); err != nil {
					t.Errorf("%v\n%s", err, out)
				}
				out, err := render(t, helm, test.chart, test.values)
				if err != nil {
					t.Fatalf("%v\n%s", err, out)
				}
				rendered = append(rendered, strings.Join(strings.Fields(out), " "))
			}
			if len(rendered[0]) != len(rendered[1]) { // the order of objects of one kind differs
				t.Errorf("Helm 4 and Helm 3 render different things:\n%s\n%s", rendered[0], rendered[1])
			}
		})
	}
}

func text(t *testing.T, file string) string {
	t.Helper()
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

// The older form means the same as naming the group once.
func TestOlderFormMeansTheSame(t *testing.T) {
	older := text(t, "packing/testdata/older_values.yaml")
	from, to := strings.Index(older, "affinity:"), strings.Index(older, "restartPolicy:")
	once := older[:from] + older[to:]
	for _, helm := range helms(t) {
		a, err := render(t, helm, batch, "packing/testdata/older_values.yaml")
		if err != nil {
			t.Fatalf("%v\n%s", err, a)
		}
		b, err := render(t, helm, batch, write(t, once))
		if err != nil {
			t.Fatalf("%v\n%s", err, b)
		}
		if x, y := decoded(t, a), decoded(t, b); x != y {
			t.Errorf("the older form:\n%s\nthe group named once:\n%s", x, y)
		}
	}
}

// decoded is a rendering as JSON-like text: what it means, not how it is written.
func decoded(t *testing.T, rendered string) string {
	t.Helper()
	var out strings.Builder
	d := yaml.NewDecoder(strings.NewReader(rendered))
	for {
		var o rig.Object
		if d.Decode(&o) != nil {
			return out.String()
		}
		text, err := yaml.Marshal(o)
		if err != nil {
			t.Fatal(err)
		}
		out.Write(text)
	}
}

// Values that cannot be meant are refused, with what is wrong.
func TestChartsRefuse(t *testing.T) {
	const job = "jobsGroup: g\njobs: [{containerName: a, image: {repository: r, tag: t}, resources: {requests: {cpu: 2, memory: 1Gi}}}%s]\n"
	one := strings.Replace(job, "%s", "", 1)
	for _, test := range []struct{ name, chart, values, want string }{
		{"no group", batch, strings.Replace(one, "jobsGroup: g", "jobsGroup: ''", 1), "jobsGroup"},
		{"another group", batch, one + "affinity: {podAffinity: {preferredDuringSchedulingIgnoredDuringExecution: [{weight: 100, podAffinityTerm: {topologyKey: kubernetes.io/hostname, labelSelector: {matchLabels: {jobs-group: h}}}}]}}\n", `affinity names the group "h", but jobsGroup is "g"`},
		{"a name twice", batch, strings.Replace(job, "%s", ", {containerName: a, image: {repository: r, tag: t}}", 1), `two jobs have the containerName "a"`},
		{"larger than a node", batch, one + "nodeSize: {cpu: 1, memory: 4Gi}\n", "jobs[0].resources.requests.cpu is more than nodeSize.cpu"},
		{"half a size", batch, one + "nodeSize: {cpu: 4}\n", "nodeSize.memory is missing"},
		{"no request", batch, strings.Replace(one, "cpu: 2, ", "", 1) + "nodeSize: {cpu: 4, memory: 4Gi}\n", "jobs[0].resources.requests.cpu is missing"},
		{"no quantity", batch, one + "nodeSize: {cpu: much, memory: 4Gi}\n", `nodeSize.cpu: "much" is not a quantity`},
		{"no broker", workers, "{}\n", "amqp.url, or amqp.existingSecret"},
		{"a misspelt key", batch, one + "nodesize: {}\n", "nodesize"},
	} {
		t.Run(test.name, func(t *testing.T) {
			for _, helm := range helms(t) {
				out, err := render(t, helm, test.chart, write(t, test.values))
				if err == nil || !strings.Contains(out, test.want) {
					t.Errorf("%v; want %q in\n%s", err, test.want, out)
				}
			}
		})
	}
}

// The scaler's chart takes the values of the example, and gives the scaler the right to mark Pods.
func TestScalerValues(t *testing.T) {
	for _, helm := range helms(t) {
		out, err := exec.Command(helm, "template", "--kube-version=1.36", "release", "../../charts/camunda-autoscaler",
			"--values=scaler-values.yaml", "--set=scaler.config.prometheus.url=http://prometheus:9090").CombinedOutput()
		if err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		if !regexp.MustCompile(`resources: \[?"?pods`).Match(out) && !regexp.MustCompile(`(?m)- "?pods"?$`).Match(out) {
			t.Errorf("the scaler may not mark Pods:\n%s", out)
		}
	}
}

// The replicas are the scaler's: a chart that sets them resets them at each upgrade.
func TestWorkersHaveNoReplicas(t *testing.T) {
	out, err := render(t, helms(t)[0], workers, write(t, broker+"api: {enabled: false}\n"))
	if err != nil {
		t.Fatal(out)
	}
	if regexp.MustCompile(`(?m)^ +replicas:`).MatchString(out) || !strings.Contains(out, "kind: Deployment") {
		t.Errorf("want a Deployment without replicas:\n%s", out)
	}
}

// The alerts fire when they should, and each has its runbook.
func TestAlerts(t *testing.T) {
	promtool, err := prometheus.Promtool(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command(promtool, "test", "rules", "alerts_test.yml").CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
	found := regexp.MustCompile(`runbook: examples/scan-workers/(\S+)`).FindAllStringSubmatch(text(t, workers+"/files/alerts.yml"), -1)
	if len(found) != strings.Count(text(t, workers+"/files/alerts.yml"), "alert:") {
		t.Error("want a runbook for each alert")
	}
	for _, runbook := range found {
		text(t, runbook[1])
	}
}
