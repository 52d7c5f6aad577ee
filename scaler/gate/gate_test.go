package gate

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// traffic makes requests that take a second each, and notes in which order they
// are let through, and how many are in flight at most.
type traffic struct {
	*Gate
	all sync.WaitGroup

	mu             sync.Mutex
	order          []string
	inFlight, most int
}

func (g *traffic) start(ctx context.Context, o Operation, name string) {
	g.all.Go(func() {
		_ = g.Do(ctx, o, func(context.Context) error {
			g.mu.Lock()
			g.order = append(g.order, name)
			g.inFlight++
			g.most = max(g.most, g.inFlight)
			g.mu.Unlock()
			time.Sleep(time.Second)
			g.mu.Lock()
			g.inFlight--
			g.mu.Unlock()
			return nil
		})
	})
	synctest.Wait() // they come one after the other
}

func (g *traffic) sent() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return len(g.order)
}

func TestGateBoundsWhatIsInFlight(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var queued, took []time.Duration
		var mu sync.Mutex
		note := func(to *[]time.Duration) func(time.Duration) {
			return func(d time.Duration) { mu.Lock(); defer mu.Unlock(); *to = append(*to, d) }
		}
		g := &traffic{Gate: New(Load{InFlight: 4, Queued: note(&queued), Took: func(_ Operation, d time.Duration) { note(&took)(d) }})}
		started := time.Now()
		for i := range 12 {
			g.start(t.Context(), Read, fmt.Sprint(i))
		}
		g.all.Wait()
		if lasted := time.Since(started); g.most != 4 || lasted != 3*time.Second {
			t.Errorf("%d in flight, and all took %s; want 4 and 3s", g.most, lasted)
		}
		slices.Sort(queued)
		if len(queued) != 12 || queued[11] != 2*time.Second || queued[0] != 0 || len(took) != 12 || took[0] != time.Second {
			t.Errorf("queued %v, took %v", queued, took)
		}
	})
}

// Writes go before reads, the worst off first. A read still gets its turn, and
// those of the same urgency theirs in the order in which they came.
func TestGateOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := &traffic{Gate: New(Load{InFlight: 1})}
		g.start(t.Context(), Read, "first")
		for _, name := range []string{"r1", "r2"} {
			g.start(t.Context(), Read, name)
		}
		for name, urgency := range map[string]float64{"down": -0.9, "idle": -0.1, "a little": 1.1, "very": 4, "infinitely": math.Inf(1)} {
			g.start(WithUrgency(t.Context(), urgency), Write, name)
		}
		for _, name := range []string{"w1", "w2"} {
			g.start(t.Context(), Write, name)
		}
		g.all.Wait()
		want := "first infinitely very r1 a little w1 w2 r2 idle down"
		if got := strings.Join(g.order, " "); got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	})
}

// What waits for too long is not sent, and neither is what its caller has given
// up; others do not lose their turn by it.
func TestGateSendsNothingLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := New(Load{InFlight: 1})
		leave, err := g.Enter(t.Context(), Read)
		if err != nil {
			t.Fatal(err)
		}
		never := func(context.Context) error { t.Error("sent"); return nil }
		var all sync.WaitGroup
		all.Go(func() {
			if err := g.Do(t.Context(), Write, never); !errors.Is(err, ErrNotSent) || !strings.Contains(err.Error(), "not sent within 10s: 1 requests are in flight, and 1 wait") {
				t.Errorf("got %v", err)
			}
		})
		all.Go(func() {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			if err := g.Do(ctx, Read, never); !errors.Is(err, ErrNotSent) || !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("got %v", err)
			}
		})
		all.Wait()
		leave()
		if err := g.Do(t.Context(), Read, func(context.Context) error { return nil }); err != nil {
			t.Error(err)
		}
		if g.inFlight != 0 || len(g.reads)+len(g.writes) != 0 {
			t.Errorf("%d in flight, %d wait", g.inFlight, len(g.reads)+len(g.writes))
		}
	})
}

// When the API server refuses a request because it has too many, nothing is sent
// for as long as it says, then half as much at a time, then more again.
func TestGateSlowsDownForAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := &traffic{Gate: New(Load{InFlight: 8})}
		for range 3 { // that were sent together
			g.Throttled(4 * time.Second)
		}
		started := time.Now()
		for i := range 40 {
			g.start(t.Context(), Read, fmt.Sprint(i))
		}
		time.Sleep(4*time.Second - time.Millisecond)
		if n := g.sent(); n > 0 {
			t.Errorf("%d were sent while the API server had asked to wait", n)
		}
		time.Sleep(time.Second + 2*time.Millisecond)
		if n := g.sent(); n != 4 {
			t.Errorf("%d were sent after the pause, want half of 8", n)
		}
		g.all.Wait()
		if lasted := time.Since(started); g.most <= 4 || g.most > 8 || lasted > 13*time.Second {
			t.Errorf("%d in flight after a while, and all took %s", g.most, lasted)
		}
		for range 100 { // the API server refuses all that it gets
			g.Throttled(0)
			time.Sleep(2 * time.Second)
		}
		if err := g.Do(t.Context(), Read, func(context.Context) error { return nil }); err != nil {
			t.Errorf("got %v: it never stops to try", err)
		}
	})
}
