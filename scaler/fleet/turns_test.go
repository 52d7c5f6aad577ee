package fleet

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/loop"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/workload"
)

// slowly is a workload that takes four seconds to be read.
type slowly struct{ loop.Scaler }

func (s slowly) Get(ctx context.Context) (workload.Scale, error) {
	select {
	case <-time.After(4 * time.Second):
	case <-ctx.Done():
		return workload.Scale{}, ctx.Err()
	}
	return s.Scaler.Get(ctx)
}

// However few members read their samples at a time, those that then wait for the
// API server keep no other from its turn.
func TestSlowWorkloadsDelayNoOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		load := map[string]float64{}
		for i := range 4 * groupTurns {
			load[fmt.Sprintf("slow-%02d", i)] = 30
			load[fmt.Sprintf("fast-%02d", i)] = 30
		}
		g := newGroupFixture(t, tenantsTarget, load, func(o *Options) {
			of := o.Workloads
			o.Workloads = func(ref workload.Ref) loop.Scaler {
				if strings.HasPrefix(ref.Name, "slow") {
					return slowly{of(ref)}
				}
				return of(ref)
			}
		})
		defer func() { g.stop() }()
		time.Sleep(5 * time.Minute)
		families, err := g.Metrics.Gather()
		if err != nil {
			t.Fatal(err)
		}
		lags := map[bool]int{}
		for _, f := range families {
			if f.GetName() != "camunda_scaler_loop_lag_seconds" {
				continue
			}
			for _, m := range f.GetMetric() {
				slow := strings.Contains(m.GetLabel()[0].GetValue(), "slow")
				lags[slow]++
				if lag := m.GetGauge().GetValue(); !slow && lag > 1 || slow && lag > 6 {
					t.Errorf("%s: decided %v s after its sample", m.GetLabel()[0].GetValue(), lag)
				}
			}
		}
		if lags[true] != len(load)/2 {
			t.Errorf("%d slow workloads were decided on, want %d", lags[true], len(load)/2)
		}
	})
}
