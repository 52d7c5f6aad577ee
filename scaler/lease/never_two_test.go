package lease

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/camunda-autoscaler/camunda-autoscaler/service/sleep"
)

// For two simulated hours, with connections that fail, hang, lose answers and
// deliver writes late, candidates that die and are replaced, and a Lease that is
// deleted and overwritten, no two candidates are allowed to write at once, and
// work that is bounded by the Lease ends before another's starts.
func TestNeverTwo(t *testing.T) {
	for seed := range uint64(5) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { neverTwo(t, rand.New(rand.NewPCG(seed, 0))) })
		})
	}
}

func neverTwo(t *testing.T, random *rand.Rand) {
	s := newStore()
	var mu sync.Mutex
	writing, writes, count := 0, 0, 0
	add := func() *candidate {
		count++
		var c *candidate
		ready := make(chan struct{})
		c = start(t.Context(), s, fmt.Sprint("c", count), func(ctx context.Context) {
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
					_ = sleep.For(bounded, 5*time.Second) // a slow write, which its context may cut off
					mu.Lock()
					writing--
					mu.Unlock()
					cancel()
				}
				_ = sleep.For(ctx, 100*time.Millisecond)
			}
		})
		close(ready)
		return c
	}
	running := []*candidate{add(), add(), add()}
	var gone []*candidate
	change := func() {
		switch random.IntN(4) {
		case 0:
			s.delete()
		case 1:
			s.overwrite(Record{}) // kubectl replace with the chart's manifest
		case 2:
			r := s.get()
			r.Holder = "" // kubectl edit
			s.overwrite(r)
		case 3:
			s.overwrite(s.get()) // kubectl label
		}
	}
	pause := func(most time.Duration) { time.Sleep(time.Duration(random.Int64N(int64(most)))) }
	for end := time.Now().Add(2 * time.Hour); time.Now().Before(end); {
		pause(20 * time.Second)
		i := random.IntN(len(running))
		l := running[i].link
		switch random.IntN(10) {
		case 0:
			running[i].cancel()
			gone, running[i] = append(gone, running[i]), add()
		case 1:
			l.set(func() { l.down = true })
		case 2:
			l.set(func() { l.mute = true })
		case 3:
			l.set(func() { l.takes = time.Duration(random.Int64N(int64(4 * time.Second))) })
		case 4:
			l.set(func() { l.late = time.Duration(random.Int64N(int64(20 * time.Second))) })
		case 5:
			change()
		case 6: // again and again, faster than candidates read it
			for range random.IntN(100) {
				pause(time.Second)
				change()
			}
		default:
			l.set(func() { l.down, l.mute, l.late, l.takes = false, false, 0, time.Millisecond })
		}
	}
	for _, c := range append(running, gone...) {
		c.kill()
		<-c.ended
	}
	if t.Log(writes, "writes"); writes < 100 {
		t.Errorf("only %d writes", writes)
	}
}
