package dashboards

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/config"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/decide"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/loop"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/metrics"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/sample"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/workload"
)

// The members of a merged group are one target on the dashboards: numbers are
// added up, and each reason that a member has is shown.
func TestDashboardsOfAMergedGroup(t *testing.T) {
	t.Parallel()
	const scrape = 10 * time.Second
	boards, err := Load(folder)
	check(t, err)
	own := mergedGroup(map[string]float64{"a": 500, "b": 120, "c": 130, "d": 30})
	to := time.Now().Truncate(scrape)
	server, err := serve(t.Context(), t.TempDir(), scrape, func(w io.Writer) {
		for at := to.Add(-20 * time.Minute); !at.After(to); at = at.Add(scrape) {
			s := series{w, at, fmt.Sprintf(pods, 1, 1)}
			ownMetrics(s, "camunda_scaler_build_info", to.Add(-time.Hour), func() float64 { return 0 })
			s.put("camunda_scaler_leader", "", 1)
			putAll(t, s, own)
		}
	})
	check(t, err)
	t.Cleanup(server.Kill)
	prom, err := API(server.URL)
	check(t, err)

	want := map[string]string{ // by panel and legend: the values, and reasons if there are any
		"Load/load":                   "1.04", // 780, of 50 a replica
		"Next step up at/{{trigger}}": "750",
		"Replicas/set":                "15",
		"Replicas/ready":              "16",
		"Why/":                        "load_high_at_max=1 load_low=1 within_bounds=1",
		"Mode/mode":                   "0",
		"Targets/all":                 "1",
		"Targets/at maximum":          "1",
		"Targets/paused":              "0",
	}
	for _, d := range boards {
		b, err := d.Open(t.Context(), prom, to.Add(-10*time.Minute), to, scrape)
		check(t, err)
		for _, q := range b.Queries() {
			expected, ok := want[q.Panel+"/"+q.Legend]
			if !ok || !q.Instant {
				continue
			}
			matrix, err := b.Evaluate(t.Context(), q)
			check(t, err)
			var got []string
			for _, s := range matrix {
				value := s.Values[len(s.Values)-1].Value.String()
				if reason := s.Metric["reason"]; reason != "" {
					value = string(reason) + "=" + value
				}
				got = append(got, value)
			}
			slices.Sort(got)
			if all := strings.Join(got, " "); all != expected {
				t.Errorf("%s %s is %s, want %s", q.Panel, q.Legend, all, expected)
			}
			delete(want, q.Panel+"/"+q.Legend)
		}
	}
	if len(want) > 0 {
		t.Errorf("found no query for %v: the test covers too little", want)
	}
}

// mergedGroup are the metrics of a group whose members, with four replicas each,
// have these loads.
func mergedGroup(loads map[string]float64) *metrics.Metrics {
	m := metrics.New()
	m.MergeGroups = true
	for name, load := range loads {
		target := config.Target{
			Name: "tenants/shop/" + name, Policy: decide.DefaultPolicy(), Interval: 10 * time.Second,
			Workload: workload.Ref{APIVersion: "apps/v1", Kind: "Deployment", Namespace: "shop", Name: name},
		}
		now, ready := time.Now(), int32(4)
		in := decide.Input{
			Now: now, Replicas: ready, Limits: decide.DefaultLimits(),
			Samples: []sample.Result{{Outcome: sample.Value, Value: load, Timestamp: now, Now: now, Spacing: 10 * time.Second}},
		}
		d, _ := target.Policy.Decide(in, decide.State{})
		one := m.Member("tenants", target.Name)
		one.Configure(target)
		one.Start()
		one.Observe(loop.Decision{Decision: d, Target: &target, Scale: &workload.Scale{Replicas: ready, Ready: &ready}})
	}
	return m
}

// putAll writes what belongs to targets.
func putAll(t *testing.T, s series, m *metrics.Metrics) {
	families, err := m.Gather()
	check(t, err)
	for _, f := range families {
		for _, one := range f.GetMetric() {
			var labels []string
			for _, l := range one.GetLabel() {
				labels = append(labels, fmt.Sprintf("%s=%q", l.GetName(), l.GetValue()))
			}
			s.put(f.GetName(), strings.Join(labels, ","), one.GetGauge().GetValue()+one.GetCounter().GetValue())
		}
	}
}
