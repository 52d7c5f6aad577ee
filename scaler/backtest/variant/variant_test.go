package variant

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/config"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/decide"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/query"
)

func TestVary(t *testing.T) {
	path := filepath.Join(t.TempDir(), "scaler.yml")
	text := `
interval: 10s
targets:
  - {}
  - name: two
    workload: {name: two}
    scale_down_delay: 1m
    triggers:
      - {name: a.b, query: x, rule: {scale_up_at: 50}}
      - {name: c, query: y, rule: {type: target, value_per_replica: 10}}
    rule: {max_replicas: 5, allow_flapping: true}
`
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	d, err := Read(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		index    int
		settings string
		got      func(config.Target) any
		want     any
		err      string
	}{
		{0, "scale_up_at=40, scale_down_at=10,max_replicas=6", func(t config.Target) any { return fmt.Sprint(t.Policy.Triggers[0].Rule, t.Policy.Limits.Max) }, "{step 40 10 false 0} 6", ""},
		{0, "rule.step_up=2", func(t config.Target) any { return t.Policy.StepUp }, int32(2), ""},
		{0, "value_per_replica=30", func(t config.Target) any { return t.Policy.Triggers[0].Rule }, decide.Rule{Kind: decide.Target, ValuePerReplica: 30}, ""},
		{0, "interval=30s,max_sample_age=2m", func(t config.Target) any { return fmt.Sprint(t.Interval, t.Policy.MaxSampleAge) }, "30s 2m0s", ""},
		{1, "scale_down_delay=5m,wait_for_ready=true", func(t config.Target) any { return fmt.Sprint(t.Policy.ScaleDownDelay, t.Policy.WaitForReady) }, "5m0s true", ""},
		{1, "triggers.a.b.scale_up_at=60", func(t config.Target) any { return t.Policy.Triggers[0].Rule.ScaleUpAt }, 60.0, ""},
		{1, "triggers.c.scale_up_at=60", func(t config.Target) any { return t.Policy.Triggers[1].Rule }, decide.Rule{Kind: decide.Step, ScaleUpAt: 60, ScaleDownAt: 20}, ""},
		{1, "triggers.c.optional=true", func(t config.Target) any { return t.Policy.Triggers[1].Optional }, true, ""},
		{1, "triggers.d.optional=true", nil, nil, `--rule=triggers.d.optional=true: no trigger "d"`},
		{0, "triggers.d.optional=true", nil, nil, "the target has no triggers"},
		{0, "scale_up_at", nil, nil, `--rule=scale_up_at: "scale_up_at": want KEY=VALUE`},
		{0, "scale_up=40", nil, nil, "or of the rule: type, value_per_replica, scale_up_at"},
		{0, "scale_up_at=10", nil, nil, "10 is not above scale_down_at, 20"},
		{0, "scale_down_at=45", nil, nil, "makes the target flap"},
	} {
		t.Run(c.settings, func(t *testing.T) {
			got, err := d.Vary(c.index, c.settings)
			switch {
			case c.err != "" && (err == nil || !strings.Contains(err.Error(), c.err)):
				t.Errorf("got %v, want %s", err, c.err)
			case c.err == "" && err != nil:
				t.Error(err)
			case c.err == "" && c.got(got) != c.want:
				t.Errorf("got %v, want %v", c.got(got), c.want)
			}
		})
	}
}

func TestChoose(t *testing.T) {
	c, err := config.Parse("x", []byte(`
targets:
  - {name: a, workload: {name: a}}
  - {name: g, workloads: {namespace_label: namespace, name_label: deployment}, query: x}
`))
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"a": "", "": "name one by --target: a, g", "x": `no target "x": want one of a, g`,
		"g": "is a group: want one of its workloads, as --target=g/NAMESPACE/NAME",
	} {
		if _, _, _, err := Choose(c, name); (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %s", name, err, want)
		}
	}
	got, key, index, err := Choose(c, "g/bpm/web")
	if err != nil || got.Name != "g/bpm/web" || got.Workload.Name != "web" || key != (query.Key{Namespace: "bpm", Name: "web"}) || index != 1 {
		t.Errorf("got %+v, %v, %d, %v", got, key, index, err)
	}
}
