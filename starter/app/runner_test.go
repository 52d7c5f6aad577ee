package app

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-kit/log"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/camunda-autoscaler/camunda-autoscaler/starter/camunda"
	"github.com/camunda-autoscaler/camunda-autoscaler/starter/pace"
)

// fakeEngine answers as told; times are those of the bubble.
type fakeEngine struct {
	mu          sync.Mutex
	latency     time.Duration
	startErr    error
	deployErr   error
	started     []time.Time // when a start was sent
	deployments []time.Time
	under, most int // starts in flight now, and at most
}

func (e *fakeEngine) Deploy(context.Context) (bool, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.deployments = append(e.deployments, time.Now())
	if e.deployErr == nil && camunda.CauseOf(e.startErr) == camunda.NotDeployed {
		e.startErr = nil
	}
	return true, e.deployErr
}

func (e *fakeEngine) Start(ctx context.Context) error {
	e.mu.Lock()
	e.started = append(e.started, time.Now())
	e.under++
	e.most = max(e.most, e.under)
	latency, err := e.latency, e.startErr
	e.mu.Unlock()
	defer func() {
		e.mu.Lock()
		e.under--
		e.mu.Unlock()
	}()
	select {
	case <-time.After(latency):
		return err
	case <-ctx.Done():
		return &camunda.Error{Cause: camunda.Timeout, Err: ctx.Err()}
	}
}

func (e *fakeEngine) set(change func(*fakeEngine)) {
	e.mu.Lock()
	defer e.mu.Unlock()
	change(e)
}

func (e *fakeEngine) count() int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return len(e.started)
}

func (e *fakeEngine) deploys() int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return len(e.deployments)
}

type bench struct {
	*runner
	engine *fakeEngine
	out    bytes.Buffer
	stop   func()
}

// start runs a runner in the calling test's bubble. The engine has the process
// when it returns, and no time has passed.
func start(t *testing.T, e *fakeEngine, starts int) *bench {
	b := &bench{engine: e}
	opts := Options{Rate: pace.Rate{Starts: starts, Interval: 10 * time.Second}, Timeout: 5 * time.Second, MaxConcurrent: 8}
	b.runner = newRunner(e, opts, log.NewLogfmtLogger(log.NewSyncWriter(&b.out)), prometheus.NewRegistry())
	ctx, cancel := context.WithCancel(t.Context())
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		b.Run(ctx)
	}()
	b.stop = sync.OnceFunc(func() { cancel(); <-stopped })
	t.Cleanup(b.stop)
	synctest.Wait()
	return b
}

func (b *bench) value(c prometheus.Collector) int { return int(testutil.ToFloat64(c)) }

func (b *bench) failed(cause camunda.Cause) int {
	return b.value(b.metrics.failed.WithLabelValues(string(cause)))
}

// pass lets time go by.
func pass(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

func TestStartsAreSpreadOverTheInterval(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := start(t, &fakeEngine{latency: 10 * time.Millisecond}, 500)
		pass(10*time.Second + 5*time.Millisecond)
		if n := b.engine.count(); n != 500 {
			t.Errorf("%d starts in the first interval", n)
		}
		for i := 1; i < len(b.engine.started); i++ {
			if gap := b.engine.started[i].Sub(b.engine.started[i-1]); gap != 20*time.Millisecond {
				t.Fatalf("gap of %s", gap)
			}
		}
	})
}

func TestRateChangesAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := start(t, &fakeEngine{}, 1) // the first start would be due in 10 s
		pass(time.Second)
		b.SetRate(pace.Rate{Starts: 100, Interval: 10 * time.Second})
		pass(time.Second)
		if n := b.engine.count(); n < 9 || n > 11 {
			t.Errorf("%d starts within a second of the change to 10 per second", n)
		}
		b.SetRate(pace.Rate{Starts: 0, Interval: 10 * time.Second})
		before := b.engine.count()
		pass(time.Hour)
		if n := b.engine.count(); n != before {
			t.Errorf("%d starts at rate 0", n-before)
		}
	})
}

// An engine that needs 1 s for a start takes 8 a second from 8 requests at a
// time. The rest of 50 a second is skipped and reported; no backlog remains.
func TestOverloadedEngine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := start(t, &fakeEngine{latency: time.Second}, 500)
		pass(60 * time.Second)
		if b.engine.most != 8 {
			t.Errorf("%d starts in flight at most, want 8", b.engine.most)
		}
		requested, started, skipped := b.value(b.metrics.requested), b.value(b.metrics.started), b.value(b.metrics.skipped)
		if started < 460 || started > 480 {
			t.Errorf("%d started in 60 s, want about 8 a second", started)
		}
		if requested != started+skipped+8 {
			t.Errorf("requested %d, but started %d, skipped %d and 8 in flight", requested, started, skipped)
		}
		if late := 3000 - requested; late < 0 || late > 110 {
			t.Errorf("a backlog of %d starts, want at most 2 s of 50 a second", late)
		}
		lines := strings.Count(b.out.String(), "msg=starts ")
		if lines != 6 || !strings.Contains(b.out.String(), "level=warn msg=starts requested=500 started=80 failed=0 skipped=420 mean=1s p95=1s") {
			t.Errorf("want one line each interval with how many were requested, started and skipped:\n%s", b.out.String())
		}

		b.engine.set(func(e *fakeEngine) { e.latency = 0 })
		b.SetRate(pace.Rate{Starts: 10, Interval: 10 * time.Second})
		before := b.engine.count()
		pass(10 * time.Second)
		if n := b.engine.count() - before; n > 11 {
			t.Errorf("%d starts in the 10 s after the change to 1 a second", n)
		}
	})
}

func TestTimeoutIsAFailureAndNoRetry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := start(t, &fakeEngine{latency: time.Minute}, 1)
		pass(19 * time.Second) // one start, due at 10 s, given up at 15 s
		if n := b.engine.count(); n != 1 {
			t.Errorf("%d requests for one start", n)
		}
		if n := b.failed(camunda.Timeout); n != 1 {
			t.Errorf("%d timeouts counted", n)
		}
		pass(2 * time.Second)
		if !strings.Contains(b.out.String(), "failed=1 skipped=0 causes=timeout:1") {
			t.Errorf("the log does not tell the cause:\n%s", b.out.String())
		}
	})
}

// An engine with a database in memory forgets the process when it restarts.
func TestProcessIsDeployedAgainWhenItIsGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := start(t, &fakeEngine{}, 10)
		pass(5500 * time.Millisecond)
		b.engine.set(func(e *fakeEngine) { e.startErr = &camunda.Error{Cause: camunda.NotDeployed, Err: errors.New("gone")} })
		pass(10 * time.Second)
		if n := b.engine.deploys(); n != 2 {
			t.Errorf("%d deployments, want the first and one more", n)
		}
		if n := b.failed(camunda.NotDeployed); n != 1 {
			t.Errorf("%d starts failed, want the one that found it missing", n)
		}
		// Due at 1, 2 … 15 s: gone at 6 s, deployed again at 7 s.
		if n := b.value(b.metrics.started); n < 13 || n > 14 {
			t.Errorf("%d of 15 started, want all but one or two", n)
		}
	})
}

func TestDeployIsRetriedWithBackoff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := start(t, &fakeEngine{deployErr: errors.New("connection refused")}, 10)
		begin := time.Now()
		pass(95 * time.Second)
		var waits []time.Duration
		for _, at := range b.engine.deployments {
			waits = append(waits, at.Sub(begin))
		}
		want := []time.Duration{0, 1, 3, 7, 15, 31, 61, 91}
		if len(waits) != len(want) {
			t.Fatalf("attempts after %v, want %v s", waits, want)
		}
		for i := range want {
			if waits[i] != want[i]*time.Second {
				t.Errorf("attempt %d after %s, want %d s", i, waits[i], want[i])
			}
		}
		if b.Ready() == nil {
			t.Error("ready without the process")
		}
		if n := b.engine.count(); n != 0 {
			t.Errorf("%d starts without the process", n)
		}
		if requested, skipped := b.value(b.metrics.requested), b.value(b.metrics.skipped); requested != 95 || skipped != 95 {
			t.Errorf("requested %d, skipped %d, want 95 each", requested, skipped)
		}
		b.engine.set(func(e *fakeEngine) { e.deployErr = nil })
		pass(35500 * time.Millisecond) // deployed at 121 s, now it is 130.5 s
		if n := b.engine.count(); b.Ready() != nil || n < 9 || n > 10 {
			t.Errorf("after the engine came: %v, %d starts in 9.5 s", b.Ready(), n)
		}
	})
}

// A user without a permission does not send each start in vain, and the log is
// not filled by credentials that wait for a correction.
func TestDeniedStartsPause(t *testing.T) {
	for name, test := range map[string]struct {
		cause    camunda.Cause
		deploys  bool
		most     int // requests in ten minutes
		warnings int // at most
	}{
		"no permission to deploy":       {camunda.Forbidden, false, 12, 14},
		"may deploy but not start":      {camunda.Forbidden, true, 25, 14},
		"credentials that were refused": {camunda.Unauthorized, false, 25, 2}, // the client sends nothing
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := start(t, &fakeEngine{}, 500)
				pass(time.Second)
				denied := &camunda.Error{Cause: test.cause, Err: errors.New("denied")}
				b.engine.set(func(e *fakeEngine) {
					e.startErr = denied
					if !test.deploys {
						e.deployErr = denied
					}
				})
				before := b.engine.count() + b.engine.deploys()
				pass(10 * time.Minute)
				if n := b.engine.count() + b.engine.deploys() - before; n < 5 || n > test.most {
					t.Errorf("%d requests in 10 minutes, want at most %d", n, test.most)
				}
				b.stop()
				warnings := strings.Count(b.out.String(), "msg=\"cannot deploy") + strings.Count(b.out.String(), "msg=\"starts paused")
				warnings -= strings.Count(b.out.String(), "level=debug")
				if warnings > test.warnings {
					t.Errorf("%d warnings, want at most %d:\n%s", warnings, test.warnings, b.out.String())
				}
			})
		})
	}
}

// Starts go on once the engine accepts them again.
func TestStartsGoOnAfterDenial(t *testing.T) {
	for _, cause := range []camunda.Cause{camunda.Forbidden, camunda.Unauthorized} {
		t.Run(string(cause), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := start(t, &fakeEngine{}, 500)
				denied := &camunda.Error{Cause: cause, Err: errors.New("denied")}
				b.engine.set(func(e *fakeEngine) { e.startErr, e.deployErr = denied, denied })
				pass(10 * time.Minute)
				b.engine.set(func(e *fakeEngine) { e.startErr, e.deployErr = nil, nil })
				pass(2 * time.Minute)
				if err := b.Ready(); err != nil {
					t.Error(err)
				}
			})
		})
	}
}

func TestStopLetsStartsFinish(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := start(t, &fakeEngine{latency: 3 * time.Second}, 10)
		pass(2500 * time.Millisecond) // started at 1 s and 2 s
		b.stop()
		if n := b.value(b.metrics.started); n != 2 || b.engine.count() != 2 {
			t.Errorf("%d of %d starts were confirmed", n, b.engine.count())
		}
	})
}
