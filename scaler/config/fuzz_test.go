package config

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	commoncfg "github.com/prometheus/common/config"

	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/decide"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/workload"
)

// FuzzParse: no text makes it panic, and what it accepts is free of
// contradictions, can be explained, and is the same after it was written as
// YAML.
func FuzzParse(f *testing.F) {
	files, err := filepath.Glob("testdata/*.yml")
	if err != nil {
		f.Fatal(err)
	}
	for _, path := range files {
		text, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	f.Add([]byte("a: &a [*a]"))
	f.Add([]byte("targets: &t [*t]"))
	f.Add([]byte("targets: [{calendar: [{times: &t [*t]}]}]"))
	f.Fuzz(func(t *testing.T, text []byte) {
		c, err := Parse("fuzz.yml", text)
		if err != nil {
			for line := range strings.SplitSeq(err.Error(), "\n") {
				if line == "" {
					t.Errorf("an empty line in %q", err)
				}
			}
			return
		}
		if c.Prometheus.URL == nil || c.Prometheus.URL.Host == "" || len(c.Targets) == 0 {
			t.Fatalf("incomplete: %+v", c)
		}
		names, workloads := map[string]bool{}, map[workload.Ref]bool{}
		for _, target := range c.Targets {
			checkAccepted(t, target)
			if names[target.Name] || target.Group == nil && workloads[target.Workload] {
				t.Errorf("accepted a duplicate: %+v", target)
			}
			names[target.Name], workloads[target.Workload] = true, true
		}
		if c.Explain() == "" {
			t.Error("no explanation")
		}
		if c.Prometheus.URL.User == nil && reflect.DeepEqual(c.Prometheus.HTTP, commoncfg.DefaultHTTPClientConfig) { // no secrets
			checkRoundTrip(t, c)
		}
	})
}

// checkAccepted wants what is promised of every target that was accepted.
func checkAccepted(t *testing.T, target Target) {
	t.Helper()
	p := target.Policy
	limits := target.limits()
	step := false
	for i, trigger := range p.Triggers {
		if r := trigger.Rule; r.Kind == decide.Target && r.ValuePerReplica <= 0 || r.Kind == decide.Step && r.ScaleUpAt <= r.ScaleDownAt {
			t.Errorf("accepted the rule %+v", r)
		}
		step = step || trigger.Rule.Kind == decide.Step
		if target.Queries[i].PromQL == "" || (trigger.OnNoData == decide.FallbackOnNoData) != (trigger.FallbackReplicas > 0) ||
			target.Queries[i].Zero != (trigger.OnNoData == decide.ZeroOnNoData) || (trigger.Name == "") != !target.listed() {
			t.Errorf("accepted the trigger %+v with %+v", trigger, target.Queries[i])
		}
	}
	for _, l := range append(limits, p.Limits) {
		if l.Min < 0 || l.Min == 0 && !p.FromZero() || l.Max < 1 || l.Min > l.Max {
			t.Errorf("accepted the limits %+v", l)
		}
	}
	if _, _, flaps := target.flaps(); flaps && !target.AllowFlapping {
		t.Errorf("accepted a rule that flaps: %+v", target)
	}
	if len(p.Triggers) == 0 || len(p.Triggers) != len(target.Queries) || target.Name == "" || (target.Workload.Name == "") != (target.Group != nil) ||
		target.Interval < minInterval || p.MaxSampleAge != 0 && p.MaxSampleAge < target.Interval || step && (p.StepUp < 1 || p.StepDown < 1) ||
		p.ScaleUpDelay < 0 || p.ScaleDownDelay < 0 || p.ScaleDownCoverage < 0 || p.HoldAfterStart < 0 {
		t.Errorf("accepted %+v", target)
	}
	if g := target.Group; g != nil && (g.NameLabel == "" || (g.NamespaceLabel == "") == (target.Workload.Namespace == "")) {
		t.Errorf("accepted the group %+v in %q", g, target.Workload.Namespace)
	}
	for _, w := range target.Calendar {
		if w.Name == "" || w.Location == nil || len(w.Times) == 0 || w.Min == nil && w.Max == nil {
			t.Errorf("accepted the window %+v", w)
		}
	}
}

// masked is a server as YAML shows it.
func masked(p Prometheus) Prometheus {
	query := p.URL.Query()
	for _, values := range query {
		for i := range values {
			values[i] = "<secret>"
		}
	}
	address := *p.URL
	address.RawQuery = query.Encode()
	p.URL = &address
	return p
}

// checkRoundTrip wants the same configuration from what it is written as.
func checkRoundTrip(t *testing.T, c Config) {
	t.Helper()
	text, err := c.YAML()
	if err != nil {
		t.Fatal(err)
	}
	again, err := Parse("again.yml", text)
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	c.Prometheus = masked(c.Prometheus)
	for i, target := range c.Targets {
		if target.Prometheus != nil {
			own := masked(*target.Prometheus)
			c.Targets[i].Prometheus = &own
		}
	}
	if !reflect.DeepEqual(c, again) {
		t.Errorf("got %+v\nwant %+v\n%s", again, c, text)
	}
}
