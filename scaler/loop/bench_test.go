package loop

import (
	"context"
	"testing"
	"time"

	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/config"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/decide"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/sample"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/workload"
)

type steady struct{ ts time.Time }

func (s *steady) Read(context.Context) sample.Result {
	s.ts = s.ts.Add(10 * time.Second)
	return sample.Result{Outcome: sample.Value, Value: 30, Timestamp: s.ts, Now: s.ts.Add(time.Millisecond)}
}

type idle struct{ Scaler }

func (idle) Get(context.Context) (workload.Scale, error) { return workload.Scale{Replicas: 1}, nil }

func (idle) ScaledByHPA(context.Context) (string, error) { return "", nil }

type none struct{}

func (none) Observe(Decision) {}

// BenchmarkCycle is one cycle that decides, without network and without
// observers.
func BenchmarkCycle(b *testing.B) {
	target := config.Target{Name: "camunda", Policy: decide.DefaultPolicy(), Interval: 10 * time.Second}
	l := New(&target, Sources{Triggers: []Reader{&steady{time.Now()}}}, idle{}, none{})
	b.ReportAllocs()
	for b.Loop() {
		l.cycle(b.Context())
	}
}
