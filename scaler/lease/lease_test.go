package lease

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// fakeStore is a lease with optimistic locking.
type fakeStore struct {
	mu      sync.Mutex
	record  Record
	version int
}

func (s *fakeStore) put(r Record) (Record, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if r.Version != s.record.Version {
		return Record{}, ErrChanged
	}
	s.version++
	r.Version = fmt.Sprint(s.version)
	s.record = r
	return r, nil
}

// link is one candidate's way to the store.
type link struct {
	*fakeStore
	mu    sync.Mutex
	takes time.Duration // each way
	down  bool          // requests get no answer, and do not arrive
	mute  bool          // requests arrive, but get no answer
	puts  int
}

func (l *link) set(change func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	change()
}

func (l *link) pass(ctx context.Context, on func(*link) bool) error {
	l.mu.Lock()
	takes, broken := l.takes, on(l)
	l.mu.Unlock()
	if broken {
		<-ctx.Done()
		return ctx.Err()
	}
	sleep(ctx, takes)
	return ctx.Err()
}

func (l *link) Get(ctx context.Context) (Record, error) {
	if err := l.pass(ctx, func(l *link) bool { return l.down }); err != nil {
		return Record{}, err
	}
	l.fakeStore.mu.Lock()
	r := l.record
	l.fakeStore.mu.Unlock()
	return r, l.pass(ctx, func(l *link) bool { return l.mute })
}

func (l *link) Put(ctx context.Context, r Record) (Record, error) {
	if err := l.pass(ctx, func(l *link) bool { return l.down }); err != nil {
		return Record{}, err
	}
	l.puts++
	stored, err := l.put(r)
	if lost := l.pass(ctx, func(l *link) bool { return l.mute }); lost != nil {
		return Record{}, lost
	}
	return stored, err
}

// candidate is one that runs, and what it did.
type candidate struct {
	*Elector
	link    *link
	cancel  context.CancelFunc
	ended   chan struct{}
	started []time.Time
	stopped []string
}

func start(ctx context.Context, s *fakeStore, id string, work func(context.Context)) *candidate {
	c := &candidate{link: &link{fakeStore: s, takes: 5 * time.Millisecond}, ended: make(chan struct{})}
	c.Elector = New(id, c.link, DefaultTiming(), Events{
		Started: func() { c.started = append(c.started, time.Now()) },
		Stopped: func(reason string) { c.stopped = append(c.stopped, reason) },
	})
	if work == nil {
		work = func(ctx context.Context) { <-ctx.Done() }
	}
	ctx, c.cancel = context.WithCancel(ctx)
	go func() { defer close(c.ended); c.Run(ctx, work) }()
	return c
}

// kill is a kill -9 as the others see it.
func (c *candidate) kill() {
	c.link.set(func() { c.link.down = true })
	c.cancel()
}

func TestOneLeads(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &fakeStore{}
		a, b := start(t.Context(), s, "a", nil), start(t.Context(), s, "b", nil)
		for range 1000 {
			time.Sleep(97 * time.Millisecond)
			if a.Leads() == b.Leads() {
				t.Fatalf("a leads: %v, b leads: %v", a.Leads(), b.Leads())
			}
			if a.Worked() != nil || b.Worked() != nil {
				t.Fatalf("a: %v, b: %v", a.Worked(), b.Worked())
			}
		}
		synctest.Wait()
		if n := len(a.started) + len(b.started); n != 1 {
			t.Errorf("%d terms, want 1", n)
		}
		for _, c := range []*candidate{a, b} {
			_, cancel, err := c.Bound(t.Context())
			if (err == nil) != c.Leads() || err != nil && !errors.Is(err, ErrNotHeld) {
				t.Errorf("leads: %v, but %v", c.Leads(), err)
			}
			if cancel != nil {
				cancel()
			}
			c.cancel()
			<-c.ended
		}
	})
}

// At whatever moment the leader dies, the other leads within 15 s, and not
// before the dead one's lease was over.
func TestHandOverAfterDeath(t *testing.T) {
	var worst time.Duration
	for offset := time.Duration(0); offset < 4*time.Second; offset += 37 * time.Millisecond {
		synctest.Test(t, func(t *testing.T) {
			s := &fakeStore{}
			a := start(t.Context(), s, "a", nil)
			time.Sleep(time.Duration(offset.Nanoseconds() % 1013))
			time.Sleep(300 * time.Millisecond)
			b := start(t.Context(), s, "b", nil)
			time.Sleep(20*time.Second + offset)
			died := time.Now()
			a.kill()
			<-a.ended
			time.Sleep(15*time.Second - 3*time.Second) // a.ended took its release's timeout
			synctest.Wait()
			if len(b.started) != 1 {
				t.Errorf("killed after %s: b does not lead after %s", offset, time.Since(died))
				b.started = append(b.started, time.Now())
			}
			worst = max(worst, b.started[0].Sub(died))
			b.cancel()
			<-b.ended
		})
	}
	t.Log("worst hand-over:", worst)
}

func TestHandOverOnAStop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &fakeStore{}
		var finished time.Time
		a := start(t.Context(), s, "a", func(ctx context.Context) {
			<-ctx.Done()
			time.Sleep(3 * time.Second) // a write under way
			finished = time.Now()
		})
		time.Sleep(time.Second)
		b := start(t.Context(), s, "b", nil)
		time.Sleep(10 * time.Second)
		a.cancel()
		<-a.ended
		s.mu.Lock()
		holder := s.record.Holder
		s.mu.Unlock()
		if holder != "" {
			t.Fatalf("%s holds the lease after the stop", holder)
		}
		time.Sleep(1100 * time.Millisecond)
		synctest.Wait()
		if len(b.started) != 1 || b.started[0].Before(finished) {
			t.Errorf("b led from %v, a had finished at %v", b.started, finished)
		}
		b.cancel()
		<-b.ended
	})
}

// The API server is away: the leader stops before its lease is over, stands
// again and leads again, without an end of the process.
func TestLosesAndTakesUp(t *testing.T) {
	for _, mute := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			s := &fakeStore{}
			a := start(t.Context(), s, "a", nil)
			time.Sleep(10 * time.Second)
			a.link.set(func() { a.link.down, a.link.mute = !mute, mute })
			time.Sleep(13 * time.Second)
			if a.Leads() {
				t.Error("leads although it cannot renew the lease")
			}
			if a.Worked() == nil {
				t.Error("ready although it cannot see the lease")
			}
			a.link.set(func() { a.link.down, a.link.mute = false, false })
			time.Sleep(5 * time.Second)
			synctest.Wait()
			if !a.Leads() || a.Worked() != nil || len(a.stopped) != 1 {
				t.Errorf("leads: %v, %v, stopped %v", a.Leads(), a.Worked(), a.stopped)
			}
			a.cancel()
			<-a.ended
		})
	}
}

// A renewal whose answer is lost is no loss.
func TestLostAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := start(t.Context(), &fakeStore{}, "a", nil)
		time.Sleep(9 * time.Second)
		a.link.set(func() { a.link.mute = true })
		time.Sleep(4 * time.Second)
		a.link.set(func() { a.link.mute = false })
		time.Sleep(30 * time.Second)
		synctest.Wait()
		if !a.Leads() || len(a.stopped) > 0 {
			t.Errorf("leads: %v, stopped %v", a.Leads(), a.stopped)
		}
		a.cancel()
		<-a.ended
	})
}

func TestTakenAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &fakeStore{}
		a := start(t.Context(), s, "a", nil)
		time.Sleep(9 * time.Second)
		s.mu.Lock()
		stolen := s.record
		s.mu.Unlock()
		stolen.Holder, stolen.Renewed = "by hand", time.Now()
		if _, err := s.put(stolen); err != nil {
			t.Fatal(err)
		}
		time.Sleep(3 * time.Second)
		synctest.Wait()
		if a.Leads() || len(a.stopped) != 1 {
			t.Errorf("leads: %v, stopped %v", a.Leads(), a.stopped)
		}
		time.Sleep(12 * time.Second) // nobody renews it
		if !a.Leads() {
			t.Error("does not lead after the thief is gone")
		}
		a.cancel()
		<-a.ended
	})
}

// TestNeverTwo: for two simulated hours, with links that fail, hang and lose
// answers at random and candidates that die and are replaced, no two are ever
// allowed to write at once, and work that is bounded by the lease ends before
// another's begins.
func TestNeverTwo(t *testing.T) {
	for seed := range uint64(5) {
		synctest.Test(t, func(t *testing.T) {
			random := rand.New(rand.NewPCG(seed, 0))
			s := &fakeStore{}
			var mu sync.Mutex
			writing, writes := 0, 0
			var all, gone []*candidate
			next := 0
			add := func() *candidate {
				next++
				var c *candidate
				ready := make(chan struct{})
				c = start(t.Context(), s, fmt.Sprint("c", next), func(ctx context.Context) {
					<-ready
					for ctx.Err() == nil {
						bounded, cancel, err := c.Bound(context.WithoutCancel(ctx))
						if err == nil {
							mu.Lock()
							writing++
							writes++
							if writing > 1 {
								t.Error("two write at once")
							}
							mu.Unlock()
							sleep(bounded, 5*time.Second) // a slow write, which its context may cut off
							mu.Lock()
							writing--
							mu.Unlock()
							cancel()
						}
						sleep(ctx, 100*time.Millisecond)
					}
				})
				close(ready)
				return c
			}
			for range 3 {
				all = append(all, add())
			}
			for end := time.Now().Add(2 * time.Hour); time.Now().Before(end); {
				time.Sleep(time.Duration(random.Int64N(int64(20 * time.Second))))
				i := random.IntN(len(all))
				c := all[i]
				switch random.IntN(6) {
				case 0:
					c.cancel()
					gone, all[i] = append(gone, c), add()
				case 1:
					c.link.set(func() { c.link.down = true })
				case 2:
					c.link.set(func() { c.link.mute = true })
				case 3:
					c.link.set(func() { c.link.takes = time.Duration(random.Int64N(int64(4 * time.Second))) })
				default:
					c.link.set(func() { c.link.down, c.link.mute, c.link.takes = false, false, time.Millisecond })
				}
			}
			for _, c := range append(all, gone...) {
				c.kill()
				<-c.ended
			}
			if writes < 100 {
				t.Errorf("only %d writes", writes)
			}
		})
	}
}
