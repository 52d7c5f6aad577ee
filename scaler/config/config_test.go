package config

import (
	"flag"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/decide"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/workload"
)

var update = flag.Bool("update", false, "write the .bad.txt files")

// Each .bad.yml has the exact message beside it.
func TestBadFiles(t *testing.T) {
	files, err := filepath.Glob("testdata/*.bad.yml")
	if err != nil || len(files) == 0 {
		t.Fatalf("no files: %v", err)
	}
	for _, path := range files {
		t.Run(filepath.Base(path), func(t *testing.T) {
			_, err := Load(path)
			if err == nil {
				t.Fatal("no error")
			}
			golden := strings.TrimSuffix(path, ".yml") + ".txt"
			if *update {
				if err := os.WriteFile(golden, []byte(err.Error()+"\n"), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, readErr := os.ReadFile(golden)
			if readErr != nil {
				t.Fatal(readErr)
			}
			if got := err.Error() + "\n"; got != string(want) {
				t.Errorf("got\n%swant\n%s", got, want)
			}
		})
	}
}

func TestMinimalFileHasTheDefaults(t *testing.T) {
	c, err := Load("testdata/minimal.yml")
	if err != nil {
		t.Fatal(err)
	}
	want := Target{
		Name:     "camunda-deployment",
		Workload: workload.Ref{APIVersion: "apps/v1", Kind: "Deployment", Namespace: "default", Name: "camunda-deployment"},
		Queries:  []Query{{PromQL: "my_load"}},
		Policy: decide.Policy{
			Triggers: []decide.Trigger{{Rule: decide.Rule{Kind: decide.Step, ScaleUpAt: 50, ScaleDownAt: 20}, OnNoData: decide.HoldOnNoData}},
			Limits:   decide.Limits{Min: 1, Max: 4}, StepUp: 1, StepDown: 1, ScaleToZeroDelay: 5 * time.Minute,
		},
		Interval: 10 * time.Second,
	}
	if len(c.Targets) != 1 || !reflect.DeepEqual(c.Targets[0], want) {
		t.Errorf("got %+v, want %+v", c.Targets, want)
	}
	if got := c.Prometheus.URL.String(); got != "http://prometheus:9090" {
		t.Errorf("got the URL %s", got)
	}
	if !c.Prometheus.HTTP.FollowRedirects || !c.Prometheus.HTTP.EnableHTTP2 {
		t.Error("the HTTP client's own defaults are lost")
	}
}

func TestFullFile(t *testing.T) {
	c, err := Load("testdata/full.yml")
	if err != nil {
		t.Fatal(err)
	}
	policy := decide.DefaultPolicy()
	policy.Triggers[0].Rule = decide.Rule{Kind: decide.Step, ScaleUpAt: 60, ScaleDownAt: 10.5}
	policy.Limits, policy.MaxSampleAge = decide.Limits{Min: 2, Max: 8}, time.Minute
	want := []Target{
		{
			Name:     "camunda",
			Workload: workload.Ref{APIVersion: "apps/v1", Kind: "Deployment", Namespace: "bpm", Name: "camunda-deployment"},
			Queries:  []Query{{PromQL: DefaultQuery, Timestamp: DefaultTimestampQuery}},
			Policy:   policy, Interval: 15 * time.Second,
		},
		{
			Name:     "consumers",
			Workload: workload.Ref{APIVersion: "example.com/v1", Kind: "Engine", Namespace: "kafka", Name: "consumers"},
			Queries:  []Query{{PromQL: "sum(kafka_lag)", Timestamp: "max(timestamp(kafka_lag))"}},
			Policy:   policy, Interval: 15 * time.Second, DryRun: true,
		},
	}
	for i := range want {
		if !reflect.DeepEqual(c.Targets[i], want[i]) {
			t.Errorf("got %+v, want %+v", c.Targets[i], want[i])
		}
	}
	if got, want := c.Prometheus.URL.String(), "https://thanos.example:9090/prefix?dedup=true&tenant=camunda"; got != want {
		t.Errorf("got the URL %s, want %s", got, want)
	}
	// Paths in the file are relative to it.
	if got, want := c.Prometheus.HTTP.Authorization.CredentialsFile, filepath.Join("testdata", "token"); got != want {
		t.Errorf("got the credentials file %s, want %s", got, want)
	}
}

// Without a query the samples are as old as the window that was counted; a
// query of one's own has no such default.
func TestDefaultQueryHasItsTimestampQuery(t *testing.T) {
	for text, want := range map[string]Query{
		"targets: [{}]": {PromQL: DefaultQuery, Timestamp: DefaultTimestampQuery},
		"targets: [{query: '" + DefaultQuery + "'}]": {PromQL: DefaultQuery, Timestamp: DefaultTimestampQuery},
		"targets: [{timestamp_query: time()}]":       {PromQL: DefaultQuery, Timestamp: "time()"},
		"targets: [{query: my_load}]":                {PromQL: "my_load"},
	} {
		c, err := Parse("x.yml", []byte(text))
		if err != nil {
			t.Fatal(err)
		}
		if got := c.Targets[0].Queries[0]; got != want {
			t.Errorf("%s: got %+v, want %+v", text, got, want)
		}
	}
}

// What the user sets is exact; what is left out follows the samples' spacing,
// which only the policy knows how.
func TestMaxSampleAgeIsExactOnlyIfSet(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"targets: [{}]":                      0,
		"max_sample_age: 10s\ntargets: [{}]": 10 * time.Second,
	} {
		c, err := Parse("x.yml", []byte(text))
		if err != nil {
			t.Fatal(err)
		}
		if got := c.Targets[0].Policy.MaxSampleAge; got != want {
			t.Errorf("%q: got %s, want %s", text, got, want)
		}
	}
}

// Limits that no time has are not held against a rule.
func TestWindowsThatAreNeverActiveTogetherDoNotFlap(t *testing.T) {
	if _, err := Load("testdata/calendar_apart.yml"); err != nil {
		t.Error(err)
	}
}

func TestMissingFile(t *testing.T) {
	if _, err := Load("testdata/nothing.yml"); err == nil || !strings.Contains(err.Error(), "testdata/nothing.yml") {
		t.Errorf("got %v", err)
	}
}
