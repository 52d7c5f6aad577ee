package fleet

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/journal"
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
			o.Journal = journal.New(1 << 20)
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
		synctest.Wait()
		lags := map[bool]int{}
		for name := range load {
			slow := strings.HasPrefix(name, "slow")
			for e := range g.Journal.Target("tenants/bpm/" + name).Backward(time.Now().Add(time.Second)) {
				if e.Lag == 0 {
					continue // no new sample
				}
				lags[slow]++
				if !slow && e.Lag > time.Second || slow && e.Lag > 6*time.Second {
					t.Errorf("%s: decided %s after its sample", name, e.Lag)
				}
				break
			}
		}
		if lags[true] != len(load)/2 {
			t.Errorf("%d slow workloads were decided on, want %d", lags[true], len(load)/2)
		}
	})
}
