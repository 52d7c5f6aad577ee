package metrics

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/decide"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/loop"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/sample"
)

// dryRunTotals are the series of dry runs, by name and course.
func dryRunTotals(t *testing.T, m *Metrics) map[string]float64 {
	t.Helper()
	families, err := m.Gather()
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]float64{}
	for _, f := range families {
		for _, one := range f.GetMetric() {
			name := f.GetName()[len("camunda_scaler_"):]
			for _, l := range one.GetLabel() {
				if l.GetName() == "course" {
					name += " " + l.GetValue()
				}
			}
			if name == "shadow_replicas" || len(name) > 7 && name[:7] == "dry_run" {
				all[name] = one.GetGauge().GetValue() + one.GetCounter().GetValue()
			}
		}
	}
	return all
}

// The totals of a dry run are those of a workload at one number of replicas next
// to a shadow at another, by the clock, and without the time in which something
// of it was not known.
func TestDryRunTotals(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, trial := New(), newTarget("trial")
		trial.DryRun = true
		of := m.Target("trial")
		of.Configure(trial)
		of.Start()
		want := func(what string, shadow, seconds, same, ofReal, ofShadow, aboveReal, aboveShadow float64) {
			t.Helper()
			got := dryRunTotals(t, m)
			for name, v := range map[string]float64{
				"shadow_replicas": shadow, "dry_run_seconds_total": seconds, "dry_run_same_replicas_seconds_total": same,
				"dry_run_replica_seconds_total real": ofReal, "dry_run_replica_seconds_total shadow": ofShadow,
				"dry_run_above_bound_seconds_total real": aboveReal, "dry_run_above_bound_seconds_total shadow": aboveShadow,
			} {
				if got[name] != v {
					t.Errorf("%s: %s is %v, want %v", what, name, got[name], v)
				}
			}
		}
		if got := dryRunTotals(t, m); len(got) > 0 {
			t.Errorf("before a decision: got %v", got)
		}
		of.Observe(shadowed(trial, 1, 1, 120)) // the shadow goes to 2, where 60 is still above
		time.Sleep(10 * time.Second)
		want("a step of the shadow", 2, 10, 0, 10, 20, 10, 10)
		of.Observe(shadowed(trial, 1, 2, 120)) // to 3
		time.Sleep(10 * time.Second)
		want("another", 3, 20, 0, 20, 50, 20, 10)
		want("the same once more", 3, 20, 0, 20, 50, 20, 10)
		of.Observe(shadowed(trial, 3, 3, 120))
		time.Sleep(10 * time.Second)
		want("as many as the shadow", 3, 30, 10, 50, 80, 20, 10)

		// What is told without a decision leaves the shadow where it is, and is
		// above no bound.
		missing := shadowed(trial, 1, 3, 500)
		missing.Shadow, missing.Samples = nil, []sample.Result{{Outcome: sample.NoData}}
		of.Observe(missing)
		time.Sleep(10 * time.Second)
		want("no data", 3, 40, 10, 60, 110, 20, 10)

		unreadable := loop.Decision{Decision: trial.Policy.Unknown(decide.Input{}), Target: &trial}
		of.Observe(unreadable)
		time.Sleep(time.Hour)
		if got := dryRunTotals(t, m); got["dry_run_seconds_total"] != 40 || got["shadow_replicas"] != 0 {
			t.Errorf("while the workload cannot be read: got %v", got)
		}
		of.Observe(shadowed(trial, 2, 3, 120))
		time.Sleep(10 * time.Second)
		want("readable again", 3, 50, 10, 80, 140, 30, 10)

		of.Forget()
		if got := dryRunTotals(t, m); len(got) > 0 {
			t.Errorf("after the end of its loop: got %v", got)
		}
		of.Observe(shadowed(trial, 2, 3, 120))
		live := trial
		live.DryRun = false
		of.Configure(live)
		of.Observe(decided(live, 2, 120))
		if got := dryRunTotals(t, m); len(got) > 0 {
			t.Errorf("of a target that is no dry run any more: got %v", got)
		}
	})
}
