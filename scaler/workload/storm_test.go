package workload

import (
	"context"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/gate"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/workload/fake"
)

// A thousand of two thousand act at once, and the API server lets 500 requests
// a second through and refuses the rest. The worst off are done first, all
// within an interval, and few are refused.
func TestStorm(t *testing.T) {
	s := fake.New()
	refs := names(s, "bpm", 2000)
	simulate(t, s, func(t *testing.T, f *fixture) {
		f.Watch(refs)
		all := f.of(refs)
		getAll(t, all)
		var mu sync.Mutex
		var second time.Time
		sent, refused := 0, 0
		s.Hook(func(_ context.Context, _ fake.Request) *fake.Failure {
			mu.Lock()
			defer mu.Unlock()
			if time.Since(second) >= time.Second {
				second, sent = time.Now(), 0
			}
			if sent++; sent > 500 {
				refused++
				f.gate.Throttled(time.Second) // as the transport does, see TestOneRequestEach
				return &fake.Failure{Code: 429, Reason: "TooManyRequests"}
			}
			mu.Unlock()
			time.Sleep(10 * time.Millisecond)
			mu.Lock()
			return nil
		})
		var storm sync.WaitGroup
		done := make([]time.Duration, 1000)
		throttled := 0
		started := time.Now()
		for i := range done {
			storm.Go(func() {
				err := all[i].Set(gate.WithUrgency(t.Context(), float64(i)), mustGet(t, all[i]), 2)
				mu.Lock()
				defer mu.Unlock()
				switch done[i] = time.Since(started); {
				case CauseOf(err) == CauseThrottled && err != nil:
					throttled++
				case err != nil:
					t.Error(err)
				}
			})
		}
		storm.Wait()
		took := slices.Max(done)
		t.Logf("%d writes in %s, %d refused", len(done), took, refused)
		if took > 10*time.Second || refused > 3*16 || throttled != refused {
			t.Errorf("took %s, %d refused, %d throttled", took, refused, throttled)
		}
		urgent, other := median(done[800:]), median(done[:200])
		if urgent >= other {
			t.Errorf("the worst off were done after %s, the best off after %s", urgent, other)
		}
	})
}

func median(d []time.Duration) time.Duration { return slices.Sorted(slices.Values(d))[len(d)/2] }
