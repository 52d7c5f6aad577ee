package metrics

import (
	"bytes"
	"flag"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/prometheus/common/expfmt"

	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/decide"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/query"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/workload"
)

var update = flag.Bool("update", false, "write testdata/metrics.txt")

// One target of which all is known, and one of which nothing is: for that one
// there are counters, but no gauge.
func TestGolden(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := New()
		known, per, replicas, ready, wanted := m.Target("camunda"), 60.0, int32(2), int32(1), int32(3)
		known.SetInfo(Info{Workload: workload.Ref{APIVersion: "apps/v1", Kind: "Deployment", Namespace: "bpm", Name: "camunda-deployment"}, Interval: 10 * time.Second})
		known.Started()
		known.SetTriggers(decide.DefaultPolicy().Triggers)
		known.SetLimits(decide.DefaultLimits())
		known.SetSampled("", time.Now())
		known.SetState(State{
			Samples: []Sample{{Value: 120, PerInstance: &per}}, Replicas: &replicas, ReadyReplicas: &ready, DesiredReplicas: &wanted, Holding: decide.Paused,
		})
		known.ForeignChange()
		known.SetPaused(true)
		known.SetLag(250 * time.Millisecond)
		m.QueryTook(3 * time.Millisecond)
		known.Took(Write, time.Minute)
		m.SetLeader(func() bool { return true })
		m.Reloaded(true)
		m.Reloaded(false)
		m.Target("gone").Decided(decide.None, decide.NoData)
		m.Target("gone").ForeignChange()
		m.Remove("gone")
		known.Decided(decide.Up, decide.LoadHigh)
		known.Decided(decide.None, decide.NoData)
		known.QueryFailed(query.CauseTimeout)
		known.WorkloadFailed(Write, workload.CauseConflict)
		m.Target("unknown")
		time.Sleep(1500 * time.Millisecond) // the age grows by itself
		compare(t, m)
	})
}

func compare(t *testing.T, m *Metrics) {
	t.Helper()
	registry := prometheus.NewPedanticRegistry()
	registry.MustRegister(m)
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	var got bytes.Buffer
	for _, f := range families {
		if _, err := expfmt.MetricFamilyToText(&got, f); err != nil {
			t.Fatal(err)
		}
	}
	if *update {
		if err := os.WriteFile("testdata/metrics.txt", got.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile("testdata/metrics.txt")
	if err != nil {
		t.Fatal(err)
	}
	if got.String() != string(want) {
		t.Errorf("got\n%s\nwant\n%s", got.String(), want)
	}
}

func TestLint(t *testing.T) {
	m := New()
	m.Target("camunda").SetSampled("", time.Now())
	problems, err := testutil.CollectAndLint(m)
	if err != nil || len(problems) > 0 {
		t.Errorf("%v %v", problems, err)
	}
}

func TestWhatBecomesUnknownDisappears(t *testing.T) {
	m := New()
	target := m.Target("camunda")
	target.SetState(State{Samples: []Sample{{Value: 120}}})
	target.SetSampled("", time.Now())
	target.SetLimits(decide.DefaultLimits())
	before := testutil.CollectAndCount(m)
	target.SetState(State{})
	target.SetSampled("", time.Time{})
	target.SetLimits(decide.Limits{Min: 1, Max: 4, MaxUnknown: true})
	if after := testutil.CollectAndCount(m); after != before-3 {
		t.Errorf("%d series, want three fewer than %d", after, before)
	}
}

// Nobody needs to restart the scaler to be rid of what a reload took away.
func TestTriggerThatGoesLeavesNothing(t *testing.T) {
	m := New()
	target := m.Target("camunda")
	lag := decide.Trigger{Name: "lag", Rule: decide.Rule{Kind: decide.Target, ValuePerReplica: 1000}}
	depth := decide.Trigger{Name: "depth", Rule: decide.DefaultRule()}
	target.SetTriggers([]decide.Trigger{lag})
	target.SetState(State{Samples: []Sample{{Trigger: "lag", Value: 1}}})
	target.SetSampled("lag", time.Now())
	want := testutil.CollectAndCount(m)

	target.SetTriggers([]decide.Trigger{lag, depth})
	target.SetState(State{Samples: []Sample{{Trigger: "lag", Value: 1}, {Trigger: "depth", Value: 2}}})
	target.SetSampled("depth", time.Now())
	if got := testutil.CollectAndCount(m); got != want+4 { // its value, its age and two bounds
		t.Errorf("%d series, want four more than %d", got, want)
	}
	target.SetTriggers([]decide.Trigger{lag})
	if got := testutil.CollectAndCount(m); got != want {
		t.Errorf("%d series, want %d", got, want)
	}
}

// A dashboard can tell from the labels what to multiply with the replicas.
func TestRuleSaysWhatItComparesWith(t *testing.T) {
	m := New()
	m.Target("camunda").SetTriggers([]decide.Trigger{
		{Name: "lag", Rule: decide.Rule{Kind: decide.Target, ValuePerReplica: 1000}},
		{Name: "depth", Rule: decide.Rule{Kind: decide.Step, ScaleUpAt: 9, ScaleDownAt: 3, Absolute: true}},
	})
	want := `
# HELP camunda_scaler_rule The numbers that the rule compares with, per replica or with the total.
# TYPE camunda_scaler_rule gauge
camunda_scaler_rule{parameter="scale_down_at",per="total",target="camunda",trigger="depth"} 3
camunda_scaler_rule{parameter="scale_up_at",per="total",target="camunda",trigger="depth"} 9
camunda_scaler_rule{parameter="value_per_replica",per="replica",target="camunda",trigger="lag"} 1000
`
	if err := testutil.CollectAndCompare(m, strings.NewReader(want), "camunda_scaler_rule"); err != nil {
		t.Error(err)
	}
}

// A scaler that stands by says what is configured, and nothing that it does
// not look at.
func TestForget(t *testing.T) {
	m := New()
	target := m.Target("camunda")
	target.SetTriggers(decide.DefaultPolicy().Triggers)
	want := testutil.CollectAndCount(m)
	target.SetLimits(decide.DefaultLimits())
	target.SetSampled("", time.Now())
	target.SetLag(time.Second)
	target.SetState(State{Samples: []Sample{{Value: 1}}, Replicas: new(int32), Holding: decide.NoData})
	target.Forget()
	if got := testutil.CollectAndCount(m); got != want {
		t.Errorf("%d series, want %d", got, want)
	}
}
