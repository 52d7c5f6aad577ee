package metrics

import (
	"bytes"
	"flag"
	"os"
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
		known, value, per, replicas, wanted := m.Target("camunda"), 120.0, 60.0, int32(2), int32(3)
		known.SetState(State{SampleValue: &value, PerInstance: &per, Replicas: &replicas, WantedReplicas: &wanted})
		known.SetSampled(time.Now())
		known.SetState(State{SampleValue: &value, PerInstance: &per, Replicas: &replicas, WantedReplicas: &wanted, Holding: decide.Paused})
		known.SetPaused(true)
		known.SetLag(250 * time.Millisecond)
		known.Took(Query, 3*time.Millisecond)
		known.Took(Write, time.Minute)
		m.SetLeader(func() bool { return true })
		m.Reloaded(true)
		m.Reloaded(false)
		m.Target("gone").Decided(decide.None, decide.NoData)
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
	m.Target("camunda").SetSampled(time.Now())
	problems, err := testutil.CollectAndLint(m)
	if err != nil || len(problems) > 0 {
		t.Errorf("%v %v", problems, err)
	}
}

func TestWhatBecomesUnknownDisappears(t *testing.T) {
	m := New()
	target, value := m.Target("camunda"), 120.0
	target.SetState(State{SampleValue: &value})
	target.SetSampled(time.Now())
	before := testutil.CollectAndCount(m)
	target.SetState(State{})
	target.SetSampled(time.Time{})
	if after := testutil.CollectAndCount(m); after != before-2 {
		t.Errorf("%d series, want two fewer than %d", after, before)
	}
}
