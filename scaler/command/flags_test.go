package command

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/app"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/config"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/decide"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/workload"
)

func load(t *testing.T, args ...string) (config.Config, error) {
	t.Helper()
	f := NewFlags()
	if err := f.Parse(args); err != nil {
		return config.Config{}, err
	}
	return f.Config()
}

func TestDefaultsAreTheDefaultRule(t *testing.T) {
	c, err := load(t)
	if err != nil {
		t.Fatal(err)
	}
	want := config.Target{
		Name:     "camunda-deployment",
		Workload: workload.Ref{APIVersion: "apps/v1", Kind: "Deployment", Namespace: "default", Name: "camunda-deployment"},
		Queries:  []config.Query{{PromQL: config.DefaultQuery, Timestamp: config.DefaultTimestampQuery}},
		Policy: decide.Policy{
			Triggers: []decide.Trigger{{Rule: decide.Rule{Kind: decide.Step, ScaleUpAt: 50, ScaleDownAt: 20}, OnNoData: decide.HoldOnNoData}},
			Limits:   decide.Limits{Min: 1, Max: 4}, StepUp: 1, StepDown: 1, ScaleToZeroDelay: 5 * time.Minute,
		},
		Interval: 10 * time.Second,
	}
	if len(c.Targets) != 1 || !reflect.DeepEqual(c.Targets[0], want) {
		t.Errorf("got %+v, want %+v", c.Targets, want)
	}
}

func TestEnvironment(t *testing.T) {
	for name, value := range map[string]string{
		"CAMUNDA_SCALER_PROMETHEUS_URL":     "https://mimir:443/x",
		"CAMUNDA_SCALER_TARGET_KIND":        "StatefulSet",
		"CAMUNDA_SCALER_RULE_SCALE_UP_AT":   "7.5",
		"CAMUNDA_SCALER_RULE_SCALE_DOWN_AT": "1",
		"CAMUNDA_SCALER_RULE_MAX_REPLICAS":  "40",
		"CAMUNDA_SCALER_DRY_RUN":            "true",
		"CAMUNDA_SCALER_QUERY":              "depth",
		"KUBECONFIG":                        "a:b",
	} {
		t.Setenv(name, value)
	}
	f := NewFlags()
	if err := f.Parse([]string{"--rule.scale-up-at=8"}); err != nil { // a flag wins
		t.Fatal(err)
	}
	c, err := f.Config()
	if err != nil {
		t.Fatal(err)
	}
	got := c.Targets[0]
	if c.Prometheus.URL.String() != "https://mimir:443/x" || got.Workload.Kind != "StatefulSet" || got.Queries[0].PromQL != "depth" || !got.DryRun ||
		got.Policy.Triggers[0].Rule != (decide.Rule{Kind: decide.Step, ScaleUpAt: 8, ScaleDownAt: 1}) || got.Policy.Limits != (decide.Limits{Min: 1, Max: 40}) || f.Kubeconfig != "a:b" {
		t.Errorf("got %+v, kubeconfig %s", c, f.Kubeconfig)
	}
}

func TestEveryFlagHasAnEnvironmentVariable(t *testing.T) {
	f := NewFlags()
	if err := f.Parse(nil); err != nil { // names the variables
		t.Fatal(err)
	}
	for _, flag := range append(f.all.Model().Flags, f.all.GetCommand("run").Model().Flags...) {
		switch {
		case flag.Name == "kubeconfig" && flag.Envar == "KUBECONFIG":
		case flag.Hidden || strings.HasPrefix(flag.Name, "help") || flag.Name == "version":
		case flag.Envar != "CAMUNDA_SCALER_"+strings.ToUpper(strings.NewReplacer(".", "_", "-", "_").Replace(flag.Name)):
			t.Errorf("--%s has the environment variable %q", flag.Name, flag.Envar)
		}
	}
}

// With a file, flags that describe a target would be ignored.
func TestFileContradictsTargetFlags(t *testing.T) {
	path := filepath.Join(t.TempDir(), "scaler.yml")
	if err := os.WriteFile(path, []byte("targets: [{}]"), 0o644); err != nil {
		t.Fatal(err)
	}
	if c, err := load(t, "--config.file="+path, "--dry-run"); err != nil || !c.Targets[0].DryRun {
		t.Errorf("got %+v, %v", c, err)
	}
	for _, flag := range []string{"--query=x", "--rule.allow-flapping", "--prometheus.url=x"} {
		name, _, _ := strings.Cut(flag, "=")
		if _, err := load(t, "--config.file="+path, flag); err == nil || !strings.Contains(err.Error(), name+" contradicts --config.file") {
			t.Errorf("%s: got %v", flag, err)
		}
	}
	t.Setenv("CAMUNDA_SCALER_TARGET_NAME", "x")
	if _, err := load(t, "--config.file="+path); err == nil || !strings.Contains(err.Error(), "CAMUNDA_SCALER_TARGET_NAME contradicts --config.file") {
		t.Errorf("got %v", err)
	}
}

func TestLeaderElection(t *testing.T) {
	for args, want := range map[string]*app.LeaseID{
		"": nil,
		"--leader-election --leader-election.namespace=bpm":                        {Namespace: "bpm", Name: "camunda-scaler"},
		"--leader-election --leader-election.name=x --leader-election.namespace=y": {Namespace: "y", Name: "x"},
	} {
		f := NewFlags()
		if err := f.Parse(strings.Fields(args)); err != nil {
			t.Fatal(err)
		}
		if got := f.Lease(); (got == nil) != (want == nil) || got != nil && *got != *want {
			t.Errorf("%s: got %v, want %v", args, got, want)
		}
	}
	if err := NewFlags().Parse([]string{"--once", "--leader-election"}); err == nil {
		t.Error("--once with --leader-election was accepted")
	}
}
