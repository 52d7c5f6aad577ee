package collector_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/camunda-autoscaler/camunda-autoscaler/exporter/collector"
)

// However many callers there are, the engine gets at most one request a second
// on average.
func TestSharedCostsOneRequestASecond(t *testing.T) {
	for _, cost := range []int{1, 3} {
		synctest.Test(t, func(t *testing.T) {
			var requests atomic.Int64
			s := collector.NewShared(time.Second, func(context.Context) (int64, int) {
				time.Sleep(3 * time.Millisecond)
				return requests.Add(int64(cost)), cost
			})
			const seconds = 9
			var all sync.WaitGroup
			for i := range 200 {
				all.Go(func() {
					time.Sleep(time.Duration(i) * time.Millisecond)
					for begin := time.Now(); time.Since(begin) < seconds*time.Second-time.Millisecond*250; {
						if _, err := s.Get(t.Context()); err != nil {
							t.Error(err)
						}
						time.Sleep(50 * time.Millisecond)
					}
				})
			}
			all.Wait()
			if n := requests.Load(); n > seconds || n < seconds-int64(cost) {
				t.Errorf("%d requests in %d seconds, at %d a refresh", n, seconds, cost)
			}
		})
	}
}

func TestSharedGivesAllTheSameRefresh(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		refreshes := 0
		s := collector.NewShared(time.Minute, func(context.Context) (int, int) {
			refreshes++
			time.Sleep(5 * time.Second) // longer than its cost
			return refreshes, 1
		})
		var all sync.WaitGroup
		for range 50 {
			all.Go(func() {
				if v, err := s.Get(t.Context()); v != 1 || err != nil {
					t.Errorf("got %d, %v", v, err)
				}
			})
		}
		all.Wait()
	})
}

// A caller with little time is not answered late, and one that leaves does not
// take the others' answer along.
func TestSharedOneLeaves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := collector.NewShared(time.Minute, func(ctx context.Context) (string, int) {
			select {
			case <-time.After(2 * time.Second):
				return "complete", 1
			case <-ctx.Done():
				return "broken", 1
			}
		})
		var all sync.WaitGroup
		all.Go(func() {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			begin := time.Now()
			if _, err := s.Get(ctx); !errors.Is(err, context.DeadlineExceeded) || time.Since(begin) != time.Second {
				t.Errorf("after %v: %v", time.Since(begin), err)
			}
		})
		all.Go(func() {
			if v, err := s.Get(t.Context()); v != "complete" || err != nil {
				t.Errorf("got %q, %v", v, err)
			}
		})
		all.Wait()
	})
}

// When no caller waits any more, the refresh is canceled, with the reason. Its
// requests count, but its value is not used.
func TestSharedAllLeave(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var causes []error
		s := collector.NewShared(time.Minute, func(ctx context.Context) (string, int) {
			select {
			case <-time.After(2 * time.Second):
				return "complete", 4
			case <-ctx.Done():
				causes = append(causes, context.Cause(ctx))
				time.Sleep(time.Second) // it takes a while to notice
				return "broken", 4
			}
		})
		begin := time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := s.Get(ctx); err == nil {
			t.Error("got an answer")
		}
		if v, err := s.Get(t.Context()); v != "complete" || err != nil {
			t.Errorf("got %q, %v", v, err)
		}
		if took := time.Since(begin); took != 6*time.Second {
			t.Errorf("second refresh was done after %v, want it to start 4 s after the first", took)
		}
		gone, leave := context.WithCancel(t.Context())
		time.AfterFunc(5*time.Second, leave)
		s.Get(gone) // cached
		time.Sleep(4 * time.Second)
		s.Get(gone) // canceled after a second
		synctest.Wait()
		if len(causes) != 2 || !errors.Is(causes[0], context.DeadlineExceeded) || !errors.Is(causes[1], context.Canceled) {
			t.Errorf("canceled because of %v", causes)
		}
		time.Sleep(time.Minute)
	})
}

// A refresh that hangs times out, even if more and more callers wait for it.
func TestSharedTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := collector.NewShared(10*time.Second, func(ctx context.Context) (string, int) {
			<-ctx.Done()
			return context.Cause(ctx).Error(), 1
		})
		var all sync.WaitGroup
		for i := range 4 {
			all.Go(func() {
				time.Sleep(time.Duration(i) * 3 * time.Second)
				got, err := s.Get(t.Context())
				if err != nil || got != context.DeadlineExceeded.Error() {
					t.Errorf("got %q, %v", got, err)
				}
			})
		}
		begin := time.Now()
		all.Wait()
		if took := time.Since(begin); took != 10*time.Second {
			t.Errorf("took %v", took)
		}
	})
}

// A refresh that made no request is not kept.
func TestSharedWithoutCost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := 0
		s := collector.NewShared(time.Second, func(context.Context) (int, int) { n++; return n, 0 })
		for i := range 3 {
			if v, err := s.Get(t.Context()); v != i+1 || err != nil {
				t.Errorf("got %d, %v", v, err)
			}
		}
	})
}
