package inspect

import (
	"bytes"
	"context"
	"flag"
	"os"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	v1 "github.com/prometheus/client_golang/api/prometheus/v1"
	"github.com/prometheus/common/model"

	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/config"
)

var update = flag.Bool("update", false, "write testdata")

// prometheus scraped each series every minute, last 20 s ago.
type prometheus struct{ v1.API }

const now = 1_700_000_020

func sampleOf(part, deployment string, v float64) *model.Sample {
	m := model.Metric{"__camunda_scaler__": model.LabelValue(part)}
	if deployment != "" {
		m["namespace"], m["deployment"] = "bpm", model.LabelValue(deployment)
	}
	return &model.Sample{Metric: m, Value: model.SampleValue(v), Timestamp: model.TimeFromUnix(now)}
}

func (prometheus) Query(_ context.Context, q string, _ time.Time, _ ...v1.Option) (model.Value, v1.Warnings, v1.Infos, error) {
	answer := model.Vector{sampleOf("now", "", 0)}
	add := func(deployment string, value, at float64) {
		answer = append(answer, sampleOf("value", deployment, value), sampleOf("time", deployment, at))
	}
	switch {
	case strings.Contains(q, "broken"):
		return nil, nil, nil, &v1.Error{Type: v1.ErrServer, Msg: "server error: 503"}
	case strings.Contains(q, "nothing"):
	case strings.Contains(q, "ageless"):
		add("", 7, now)
	case strings.Contains(q, "tenants"):
		add("a", 500, now-20)
		add("b", 119, now-20)
	default:
		add("", 119, now-20)
	}
	return answer, nil, nil, nil
}

func (prometheus) QueryRange(_ context.Context, _ string, r v1.Range, _ ...v1.Option) (model.Value, v1.Warnings, v1.Infos, error) {
	series := &model.SampleStream{Metric: model.Metric{"namespace": "bpm", "deployment": "a"}}
	for at := r.Start; !at.After(r.End); at = at.Add(r.Step) {
		scraped := at.Add(-20 * time.Second).Truncate(time.Minute).Add(20 * time.Second).Unix()
		series.Values = append(series.Values, model.SamplePair{Timestamp: model.TimeFromUnixNano(at.UnixNano()), Value: model.SampleValue(scraped)})
	}
	return model.Matrix{series}, nil, nil, nil
}

func TestWrite(t *testing.T) {
	c, err := config.Parse("x.yml", []byte(`
targets:
  - {name: plain, workload: {name: a}, query: plain, timestamp_query: timestamp(plain)}
  - {name: old, workload: {name: b}, query: old, timestamp_query: timestamp(old), rule: {type: target, value_per_replica: 10, max_replicas: 20}}
  - {name: nothing, workload: {name: c}, query: nothing, timestamp_query: timestamp(nothing)}
  - {name: idle, workload: {name: d}, query: nothing, timestamp_query: timestamp(nothing), on_no_data: zero}
  - {name: broken, workload: {name: e}, query: broken, timestamp_query: timestamp(broken)}
  - {name: ageless, workload: {name: f}, query: sum(ageless), timestamp_query: time(), rule: {per: total, scale_up_at: 9, scale_down_at: 3}}
  - {name: tenants, workloads: {namespace_label: namespace, name_label: deployment}, query: tenants, timestamp_query: timestamp(tenants)}
  - name: several
    workload: {name: g}
    triggers:
      - {name: lag, query: plain, timestamp_query: timestamp(plain), rule: {type: target, value_per_replica: 40}}
      - {name: depth, query: nothing, timestamp_query: timestamp(nothing)}
`))
	if err != nil {
		t.Fatal(err)
	}
	c.Targets[1].Policy.MaxSampleAge = 30 * time.Second // of samples a minute apart
	var out bytes.Buffer
	if missing := Write(t.Context(), func(config.Target) v1.API { return prometheus{} }, c, &out); missing != 2 {
		t.Errorf("%d targets without a sample, want 2", missing)
	}
	for line := range strings.Lines(out.String()) {
		if n := utf8.RuneCountInString(strings.TrimSpace(line)); n > 80 {
			t.Errorf("%d columns: %s", n, line)
		}
	}
	const golden = "testdata/inspect.txt"
	if *update {
		if err := os.WriteFile(golden, out.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if out.String() != string(want) {
		t.Errorf("got\n%s\nwant\n%s", out.String(), want)
	}
}
