package metrics

import (
	"testing"
	"testing/synctest"

	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/loop"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/workload"
)

// Without series of their own, the members of a group are one target, whose
// series are gone with the last of them.
func TestMergedGroup(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := New()
		m.MergeGroups = true
		alone := newTarget("alone")
		m.Target("alone").Configure(alone)
		for name, load := range map[string]float64{"all/bpm/a": 500, "all/bpm/b": 60, "all/bpm/c": 70} {
			target := newTarget(name)
			one := m.Member("all", name)
			one.Configure(target)
			one.Start()
			d := decided(target, 2, load)
			d.Change.Kind = loop.Foreign
			one.Observe(d)
			one.failed(Query, "timeout")
		}
		compare(t, m, "testdata/merged.txt")
		pause := func(names ...string) {
			for _, name := range names {
				d := decided(newTarget(name), 2, 60)
				d.Scale.Pause = workload.Pause{Up: true, Down: true}
				m.Member("all", name).Observe(d)
			}
		}
		pause("all/bpm/a", "all/bpm/b")
		expect(t, m, "", "paused") // c is not
		pause("all/bpm/c")
		expect(t, m, `paused{target="all"} 1`, "paused")
		for _, name := range []string{"all/bpm/a", "all/bpm/b"} {
			m.Remove(name)
		}
		if n := series(t, m, "camunda_scaler_steps_total", "camunda_scaler_errors_total"); n != 2 {
			t.Errorf("%d counters with one member left, want 2", n)
		}
		m.Remove("all/bpm/c")
		if n := series(t, m, "camunda_scaler_steps_total", "camunda_scaler_errors_total", "camunda_scaler_foreign_changes_total"); n != 0 {
			t.Errorf("%d counters without a member", n)
		}
	})
}
