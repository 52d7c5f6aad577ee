package metrics

import (
	"bytes"
	"errors"
	"flag"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	v1 "github.com/prometheus/client_golang/api/prometheus/v1"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/prometheus/common/expfmt"

	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/config"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/decide"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/gate"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/loop"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/promapi"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/sample"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/workload"
)

var update = flag.Bool("update", false, "write testdata")

func newTarget(name string, triggers ...decide.Trigger) config.Target {
	t := config.Target{
		Name: name, Policy: decide.DefaultPolicy(), Interval: 10 * time.Second,
		Workload: workload.Ref{APIVersion: "apps/v1", Kind: "Deployment", Namespace: "bpm", Name: name + "-deployment"},
	}
	if len(triggers) > 0 {
		t.Policy.Triggers = triggers
	}
	return t
}

// decided is a decision on these values, which were sampled a second ago.
func decided(target config.Target, replicas int32, values ...float64) loop.Decision {
	now := time.Now()
	var samples []sample.Result
	for _, v := range values {
		samples = append(samples, sample.Result{Outcome: sample.Value, Value: v, Timestamp: now.Add(-time.Second), Now: now, Spacing: 10 * time.Second})
	}
	d, _ := target.Policy.Decide(decide.Input{Now: now, Samples: samples, Replicas: replicas, Limits: decide.DefaultLimits()}, decide.State{})
	return loop.Decision{Decision: d, Target: &target, Scale: &workload.Scale{Replicas: replicas}, Lag: 250 * time.Millisecond}
}

// shadowed is a dry run's decision, with another on the shadow's replicas.
func shadowed(target config.Target, replicas, shadow int32, values ...float64) loop.Decision {
	d := decided(target, replicas, values...)
	s := decided(target, shadow, values...)
	d.Shadow = &loop.Shadow{Action: s.Action, From: s.From, To: s.To, Reason: s.Reason}
	return d
}

// One target of which all is known, one dry run, a merged group, and one target of which
// nothing is known: it has what its configuration says.
func TestGolden(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := New()
		m.MergeGroups = true
		camunda := newTarget("camunda")
		known, ready := m.Target("camunda"), int32(1)
		known.Configure(camunda)
		known.Start()
		d := decided(camunda, 2, 120)
		known.Observe(d)
		d.Action, d.To, d.Reason = decide.None, d.From, decide.Paused
		d.Scale.Ready, d.Scale.Pause, d.Change = &ready, workload.Pause{Up: true, Down: true}, loop.Change{Kind: loop.Foreign, From: 1, To: 2}
		known.Observe(d)
		m.query.Observe(0.003)
		m.RequestTook(gate.Write, time.Minute)
		known.failed(Query, string(promapi.CauseTimeout))
		known.failed(Write, string(workload.CauseConflict))
		m.SetLeader(func() bool { return true })
		m.Loaded(10 * time.Second)
		m.Refused()
		trial := newTarget("trial")
		trial.DryRun = true
		m.Target("trial").Configure(trial)
		m.Target("trial").Start()
		m.Target("trial").Observe(shadowed(trial, 2, 1, 120))
		m.Target("gone").Configure(newTarget("gone"))
		m.Target("gone").Observe(decided(newTarget("gone"), 2, 120))
		m.Remove("gone")
		m.Target("unknown").Configure(newTarget("unknown"))
		m.Member("all", "all/bpm/a").Configure(newTarget("all/bpm/a"))
		m.Member("all", "all/bpm/a").Observe(decided(newTarget("all/bpm/a"), 2, 60))
		time.Sleep(1500 * time.Millisecond) // the age rises by itself
		compare(t, m, "testdata/metrics.txt")
	})
}

// gatherer gathers all that there is, and checks it.
func gatherer(m *Metrics) prometheus.Gatherer {
	registry := prometheus.NewPedanticRegistry()
	registry.MustRegister(m)
	return prometheus.Gatherers{registry, m}
}

func compare(t *testing.T, m *Metrics, golden string) {
	t.Helper()
	families, err := gatherer(m).Gather()
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
		if err := os.WriteFile(golden, got.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if got.String() != string(want) {
		t.Errorf("got\n%s\nwant\n%s", got.String(), want)
	}
}

func TestLint(t *testing.T) {
	m := New()
	target := m.Target("camunda")
	target.Configure(newTarget("camunda"))
	target.Observe(decided(newTarget("camunda"), 2, 120))
	target.failed(Read, "timeout")
	problems, err := testutil.GatherAndLint(gatherer(m))
	if err != nil || len(problems) > 0 {
		t.Errorf("%v %v", problems, err)
	}
}

// expect compares the series of some metrics.
func expect(t *testing.T, m *Metrics, want string, names ...string) {
	t.Helper()
	families, err := gatherer(m).Gather()
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, f := range families {
		for _, name := range names {
			if f.GetName() != "camunda_scaler_"+name {
				continue
			}
			var text bytes.Buffer
			if _, err := expfmt.MetricFamilyToText(&text, f); err != nil {
				t.Fatal(err)
			}
			for line := range strings.Lines(text.String()) {
				if !strings.HasPrefix(line, "#") {
					got = append(got, strings.TrimPrefix(strings.TrimSpace(line), "camunda_scaler_"))
				}
			}
		}
	}
	if all := strings.Join(got, "\n"); all != strings.TrimSpace(want) {
		t.Errorf("got\n%s\nwant\n%s", all, strings.TrimSpace(want))
	}
}

// What was known and is not any more disappears: no number is left behind that
// nobody vouches for. Only the age of the last sample goes on rising.
func TestWhatBecomesUnknownDisappears(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, camunda := New(), newTarget("camunda")
		target := m.Target("camunda")
		target.Configure(camunda)
		target.Observe(decided(camunda, 2, 60))
		names := []string{"sample_value", "replicas", "desired_replicas", "holding", "last_decision_timestamp_seconds", "sample_age_seconds"}
		expect(t, m, `
desired_replicas{target="camunda"} 2
last_decision_timestamp_seconds{action="none",reason="within_bounds",target="camunda"} 9.466848e+08
replicas{target="camunda"} 2
sample_age_seconds{target="camunda",trigger=""} 1
sample_value{target="camunda",trigger=""} 60`, names...)
		time.Sleep(time.Minute)
		lost := decided(camunda, 2)
		lost.Decision = camunda.Policy.Missing(decide.Input{Now: time.Now(), Samples: []sample.Result{{Outcome: sample.NoData}}})
		lost.Scale = nil
		target.Observe(lost)
		expect(t, m, `
holding{reason="no_data",target="camunda"} 1
last_decision_timestamp_seconds{action="none",reason="no_data",target="camunda"} 9.4668486e+08
sample_age_seconds{target="camunda",trigger=""} 61`, names...)
	})
}

// A step whose write failed is a hold: the replicas are what they were.
func TestAFailedWriteIsAHold(t *testing.T) {
	m, camunda := New(), newTarget("camunda")
	target := m.Target("camunda")
	target.Configure(camunda)
	d := decided(camunda, 2, 120)
	d.Err, d.Cause = errors.New("refused"), "forbidden"
	target.Observe(d)
	expect(t, m, `
decisions_total{action="none",reason="write_failed"} 1
desired_replicas{target="camunda"} 3
holding{reason="write_failed",target="camunda"} 1
replicas{target="camunda"} 2`, "decisions_total", "steps_total", "desired_replicas", "holding", "replicas")
}

// After a step the replicas are those that were written; a dry run writes none.
func TestReplicasAfterAStep(t *testing.T) {
	for _, dry := range []bool{false, true} {
		m, camunda := New(), newTarget("camunda")
		camunda.DryRun = dry
		target := m.Target("camunda")
		target.Configure(camunda)
		target.Observe(decided(camunda, 2, 120))
		want := "replicas{target=\"camunda\"} 3\nsteps_total{action=\"up\",reason=\"load_high\",target=\"camunda\"} 1"
		if dry {
			want = "replicas{target=\"camunda\"} 2"
		}
		expect(t, m, want, "replicas", "steps_total")
	}
}

// Series of a trigger that a reload removed disappear.
func TestSeriesOfARemovedTriggerDisappear(t *testing.T) {
	m := New()
	lag := decide.Trigger{Name: "lag", Rule: decide.Rule{Kind: decide.Target, ValuePerReplica: 40}}
	depth := decide.Trigger{Name: "depth", Rule: decide.DefaultRule()}
	one, both := newTarget("camunda", lag), newTarget("camunda", lag, depth)
	target := m.Target("camunda")
	target.Configure(one)
	target.Observe(decided(one, 2, 60))
	want := series(t, m)

	target.Configure(both)
	target.Observe(decided(both, 2, 60, 60))
	if got := series(t, m); got != want+5 { // value, age, spacing and two bounds
		t.Errorf("%d series, want five more than %d", got, want)
	}
	target.Configure(one)
	target.Observe(decided(one, 2, 60))
	if got := series(t, m); got != want {
		t.Errorf("%d series, want %d", got, want)
	}
}

// series counts the series of targets.
func series(t *testing.T, m *Metrics, names ...string) int {
	t.Helper()
	n, err := testutil.GatherAndCount(m, names...)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// A dashboard can tell from the labels what to multiply by the replicas.
func TestRuleSaysWhatItCompares(t *testing.T) {
	m := New()
	m.Target("camunda").Configure(newTarget("camunda",
		decide.Trigger{Name: "lag", Rule: decide.Rule{Kind: decide.Target, ValuePerReplica: 1000}},
		decide.Trigger{Name: "depth", Rule: decide.Rule{Kind: decide.Step, ScaleUpAt: 9, ScaleDownAt: 3, Absolute: true}},
	))
	expect(t, m, `
rule{parameter="scale_down_at",per="total",target="camunda",trigger="depth"} 3
rule{parameter="scale_up_at",per="total",target="camunda",trigger="depth"} 9
rule{parameter="value_per_replica",per="replica",target="camunda",trigger="lag"} 1000`, "rule")
}

// A scaler that stands by exports what is configured, and nothing that it does
// not observe.
func TestForget(t *testing.T) {
	m, camunda := New(), newTarget("camunda")
	target := m.Target("camunda")
	target.Configure(camunda)
	want := series(t, m)
	target.Start()
	target.Observe(decided(camunda, 2, 60))
	target.Forget()
	if got := series(t, m); got != want {
		t.Errorf("%d series, want %d", got, want)
	}
}

// What a target costs: nothing for what never happened, and a member of a group
// nothing for what the group shares.
func TestSeriesOfATarget(t *testing.T) {
	ready := int32(2)
	observe := func(target *Target, config config.Target, values ...float64) {
		for _, v := range values {
			d := decided(config, 2, v)
			d.Scale.Ready = &ready
			target.Observe(d)
		}
	}
	for _, c := range []struct {
		name   string
		values []float64 // that were decided on
		want   int
	}{
		{"at rest", []float64{60}, 10},
		{"after a step up and a step down", []float64{120, 20, 60}, 12},
	} {
		t.Run("a member of a group "+c.name, func(t *testing.T) {
			m := New()
			all := []string{"all/bpm/a", "all/bpm/b", "all/bpm/c"}
			for _, name := range all {
				target := m.Member("all", name)
				target.Configure(newTarget(name))
				target.Start()
				observe(target, newTarget(name), c.values...)
			}
			// The group has two bounds.
			if n := series(t, m); n != len(all)*c.want+2 {
				t.Errorf("%d series for %d members and their group, want %d for each and 2", n, len(all), c.want)
			}
		})
		t.Run("a target "+c.name, func(t *testing.T) {
			m := New()
			target := m.Target("camunda")
			target.Configure(newTarget("camunda"))
			target.Start()
			observe(target, newTarget("camunda"), c.values...)
			if n := series(t, m); n != c.want+2 {
				t.Errorf("%d series, want %d", n, c.want+2)
			}
		})
	}
}

// The members of a group share its rule, also while a reload
// reaches one after the other, and with the last one they are gone.
func TestWhatAGroupSharesIsExportedOnce(t *testing.T) {
	m := New()
	for _, name := range []string{"all/bpm/a", "all/bpm/b"} {
		m.Member("all", name).Configure(newTarget(name))
	}
	m.Member("all", "all/bpm/new") // not configured yet
	m.Target("camunda").Configure(newTarget("camunda"))
	expect(t, m, `
rule{parameter="scale_down_at",per="replica",target="all",trigger=""} 20
rule{parameter="scale_down_at",per="replica",target="camunda",trigger=""} 20
rule{parameter="scale_up_at",per="replica",target="all",trigger=""} 50
rule{parameter="scale_up_at",per="replica",target="camunda",trigger=""} 50
target_info{dry_run="false",group="all",target="all/bpm/a",workload_kind="Deployment",workload_name="all/bpm/a-deployment",workload_namespace="bpm"} 1
target_info{dry_run="false",group="all",target="all/bpm/b",workload_kind="Deployment",workload_name="all/bpm/b-deployment",workload_namespace="bpm"} 1
target_info{dry_run="false",group="camunda",target="camunda",workload_kind="Deployment",workload_name="camunda-deployment",workload_namespace="bpm"} 1`,
		"rule", "target_info")
	for _, name := range []string{"all/bpm/a", "all/bpm/b", "all/bpm/new"} {
		m.Remove(name)
	}
	if n := series(t, m, "camunda_scaler_rule"); n != 2 {
		t.Errorf("%d series of rules, want those of camunda alone", n)
	}
}

// A query or request that fails because its caller gave up is no failure.
func TestFailuresAreCounted(t *testing.T) {
	m := New()
	target := m.Target("camunda")
	ctx := t.Context()
	failed := sample.Result{Outcome: sample.Failed, Err: &v1.Error{Type: v1.ErrServer}}
	target.queried(ctx, failed)
	target.queried(ctx, sample.Result{Outcome: sample.NoData})
	expect(t, m, `errors_total{cause="server",operation="query",target="camunda"} 1`, "errors_total")
}

// A pause of one direction is half a pause, whoever set it; one that has ended is
// none.
func TestPausedPart(t *testing.T) {
	up, down := workload.Pause{Up: true}, workload.Pause{Down: true}
	for _, c := range []struct {
		a, b workload.Pause
		want float64
	}{
		{up, up, 0.5}, {up, workload.Pause{}, 0.5}, {workload.Pause{}, down, 0.5}, {up, down, 1}, {workload.Pause{}, workload.Pause{}, 0},
	} {
		if got := pausedPart(c.a, c.b); got != c.want {
			t.Errorf("%+v and %+v: %v, want %v", c.a, c.b, got, c.want)
		}
	}
}
