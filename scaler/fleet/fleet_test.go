package fleet

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-kit/log"
	v1 "github.com/prometheus/client_golang/api/prometheus/v1"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/config"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/loop"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/metrics"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/workload"
)

// down is a Prometheus that never answers.
type down struct{ v1.API }

func (down) Query(ctx context.Context, _ string, _ time.Time, _ ...v1.Option) (model.Value, v1.Warnings, v1.Infos, error) {
	<-ctx.Done()
	return nil, nil, nil, ctx.Err()
}

// made counts how often each workload was made: once for each member.
type made struct {
	mu sync.Mutex
	of map[string]int
}

func (m *made) count(name string) int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.of[name]
}

func (m *made) new(next func(workload.Ref) loop.Scaler) func(workload.Ref) loop.Scaler {
	m.of = map[string]int{}
	return func(ref workload.Ref) loop.Scaler {
		m.mu.Lock()
		m.of[ref.Name]++
		m.mu.Unlock()
		return next(ref)
	}
}

// lead runs the fleet, and returns how to end that.
func lead(t *testing.T, f *Fleet) (stop func()) {
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { defer close(ended); f.Run(ctx) }()
	synctest.Wait()
	return func() { cancel(); <-ended }
}

func targetSeries(t *testing.T, m *metrics.Metrics) string {
	t.Helper()
	families, err := m.Gather()
	if err != nil {
		t.Fatal(err)
	}
	var text strings.Builder
	for _, f := range families {
		if _, err := expfmt.MetricFamilyToText(&text, f); err != nil {
			t.Fatal(err)
		}
	}
	return text.String()
}

const (
	targetA = "{name: a, workload: {name: a}}"
	targetB = "{name: b, workload: {name: b}}"
)

// A reload leaves the loops of unchanged targets alone, and series of removed
// targets disappear. If it fails, nothing changes.
func TestApply(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, loops, fails := metrics.New(), &made{}, false
		f := New(Options{
			Connect: func(config.Prometheus) (v1.API, error) {
				if fails {
					return nil, errors.New("no such file")
				}
				return down{}, nil
			},
			Workloads: loops.new((&deployments{of: map[workload.Ref]*deployment{}}).new),
			Metrics:   m,
			Logger:    log.NewNopLogger(),
		})
		apply := func(targets string) {
			t.Helper()
			if err := f.Apply(parse(t, targets)); err != nil {
				t.Fatal(err)
			}
		}
		want := func(a, b int) {
			t.Helper()
			if loops.count("a") != a || loops.count("b") != b {
				t.Errorf("%d loops for a and %d for b so far, want %d and %d", loops.count("a"), loops.count("b"), a, b)
			}
		}
		apply(targetA + "," + targetB)
		want(0, 0) // it stands by
		if got := targetSeries(t, m); !strings.Contains(got, `camunda_scaler_target_info{dry_run="false",group="b",target="b"`) {
			t.Errorf("standing by, it does not tell of its targets:\n%s", got)
		}
		stop := lead(t, f)
		want(1, 1)
		apply(targetA + ",{name: b, workload: {name: b}, rule: {max_replicas: 9}}")
		want(1, 2)
		broken := parse(t, targetA)
		broken.Prometheus.HTTP.FollowRedirects = false
		fails = true
		if err := f.Apply(broken); err == nil || len(f.Config().Targets) != 2 {
			t.Errorf("got %v and %d targets; the previous configuration has to stay in force", err, len(f.Config().Targets))
		}
		fails = false
		want(1, 2)
		apply(targetA)
		want(1, 2)
		if got := targetSeries(t, m); strings.Contains(got, `target="b"`) {
			t.Errorf("series of a removed target:\n%s", got)
		}
		if err := f.Apply(broken); err != nil {
			t.Fatal(err)
		}
		want(2, 2) // another Prometheus is another loop
		apply("{name: other, workload: {name: a}}")
		if got := targetSeries(t, m); strings.Contains(got, `target="a"`) || !strings.Contains(got, `timestamp_seconds{action="",reason="",target="other"}`) {
			t.Errorf("series after a change of the name:\n%s", got)
		}
		stop()
		if got := targetSeries(t, m); strings.Contains(got, "timestamp_seconds{") || !strings.Contains(got, `rule{parameter="scale_up_at",per="replica",target="other"`) {
			t.Errorf("series of a scaler that has stopped leading:\n%s", got)
		}
		apply(targetB)
		if got := targetSeries(t, m); strings.Contains(got, `target="other"`) || !strings.Contains(got, `target="b"`) {
			t.Errorf("series after a reload while standing by:\n%s", got)
		}
		stop = lead(t, f)
		defer stop()
		if loops.count("b") != 3 {
			t.Error("leading again, it does not run the configuration in force")
		}
	})
}

// hanging is a workload whose writes take as long as they may.
type hanging struct{ *deployment }

func (h hanging) Set(ctx context.Context, read workload.Scale, replicas int32) error {
	time.Sleep(workload.Timeout)
	return h.deployment.Set(ctx, read, replicas)
}

// While a reload waits for a write that hangs, health and configuration are
// answered at once: a liveness probe must not find the scaler dead.
func TestNothingWaitsForAReload(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &deployment{replicas: 1}
		f := New(Options{
			Connect:   func(config.Prometheus) (v1.API, error) { return &tenants{load: map[string]float64{"": 500}}, nil },
			Workloads: func(workload.Ref) loop.Scaler { return hanging{d} },
			Metrics:   metrics.New(),
			Logger:    log.NewNopLogger(),
		})
		if err := f.Apply(parse(t, "{name: a, workload: {name: a}, query: load, timestamp_query: timestamp(load)}")); err != nil {
			t.Fatal(err)
		}
		stop := lead(t, f)
		defer stop()
		time.Sleep(11 * time.Second) // the write of the first step is under way
		reloaded := make(chan time.Time, 1)
		asked := time.Now()
		go func() {
			if err := f.Apply(parse(t, targetB)); err != nil {
				t.Error(err)
			}
			reloaded <- time.Now()
		}()
		synctest.Wait()
		_, _, _ = f.Worked(), f.Alive(), f.Config()
		if passed := time.Since(asked); passed > 0 {
			t.Errorf("health and configuration waited for %s", passed)
		}
		if waited := (<-reloaded).Sub(asked); waited == 0 || waited > workload.Timeout {
			t.Errorf("the reload took %s, want as long as the write under way", waited)
		}
		if d.replicas != 2 {
			t.Errorf("%d replicas: the write under way was not finished", d.replicas)
		}
	})
}

// A reload that meets the end of a term returns, too.
func TestApplyWhileLeadershipEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := New(Options{
			Connect:   func(config.Prometheus) (v1.API, error) { return down{}, nil },
			Workloads: (&deployments{of: map[workload.Ref]*deployment{}}).new,
			Metrics:   metrics.New(),
			Logger:    log.NewNopLogger(),
		})
		if err := f.Apply(parse(t, targetA)); err != nil {
			t.Fatal(err)
		}
		for range 50 {
			stop := lead(t, f)
			var both sync.WaitGroup
			both.Go(func() {
				for _, targets := range []string{targetB, targetA} {
					if err := f.Apply(parse(t, targets)); err != nil {
						t.Error(err)
					}
				}
			})
			both.Go(stop)
			both.Wait()
		}
		if got := f.Config().Targets[0].Name; got != "a" {
			t.Errorf("target %s is in force, want a", got)
		}
	})
}
