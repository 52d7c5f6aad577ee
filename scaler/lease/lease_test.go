package lease

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"
)

func TestOneLeads(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStore()
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
			c.stop()
		}
	})
}

// At whatever moment the leader dies, another leads within 15 s.
func TestHandOverAfterDeath(t *testing.T) {
	var worst time.Duration
	for offset := time.Duration(0); offset < 4*time.Second; offset += 37 * time.Millisecond {
		synctest.Test(t, func(t *testing.T) {
			s := newStore()
			a := start(t.Context(), s, "a", nil)
			time.Sleep(300*time.Millisecond + time.Duration(offset.Nanoseconds()%1013))
			b := start(t.Context(), s, "b", nil)
			time.Sleep(20*time.Second + offset)
			died := time.Now()
			a.kill()
			time.Sleep(15 * time.Second)
			synctest.Wait()
			if len(b.started) != 1 {
				t.Fatalf("killed after %s: b does not lead after %s", offset, time.Since(died))
			}
			worst = max(worst, b.started[0].Sub(died))
			b.stop()
		})
	}
	t.Log("worst hand-over:", worst)
}

func TestHandOverOnAStop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStore()
		var finished time.Time
		a := start(t.Context(), s, "a", func(ctx context.Context) {
			<-ctx.Done()
			time.Sleep(3 * time.Second) // a write under way
			finished = time.Now()
		})
		time.Sleep(time.Second)
		b := start(t.Context(), s, "b", nil)
		time.Sleep(10 * time.Second)
		a.stop()
		if r := s.get(); !r.released() {
			t.Fatalf("%+v was not released", r)
		}
		time.Sleep(1100 * time.Millisecond)
		synctest.Wait()
		if len(b.started) != 1 || b.started[0].Before(finished) {
			t.Errorf("b led from %v, a had finished at %v", b.started, finished)
		}
		b.stop()
	})
}

// While the API server is away, the leader stops before its Lease ends. It
// leads again afterwards, without a restart.
func TestLeadsAgainAfterAnOutage(t *testing.T) {
	for name, fail := range map[string]func(*link){
		"requests are lost": func(l *link) { l.down = true },
		"answers are lost":  func(l *link) { l.mute = true },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a := start(t.Context(), newStore(), "a", nil)
				time.Sleep(10 * time.Second)
				a.link.set(func() { fail(a.link) })
				time.Sleep(13 * time.Second)
				if a.Leads() {
					t.Error("leads although it cannot renew the lease")
				}
				if a.Worked() == nil {
					t.Error("ready although it cannot read the lease")
				}
				a.link.set(func() { a.link.down, a.link.mute = false, false })
				time.Sleep(5 * time.Second)
				synctest.Wait()
				if !a.Leads() || a.Worked() != nil || len(a.stopped) != 1 {
					t.Errorf("leads: %v, %v, stopped %v", a.Leads(), a.Worked(), a.stopped)
				}
				a.stop()
			})
		})
	}
}

// A renewal whose answer is lost does not end the term.
func TestLostAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := start(t.Context(), newStore(), "a", nil)
		time.Sleep(9 * time.Second)
		a.link.set(func() { a.link.mute = true })
		time.Sleep(4 * time.Second)
		a.link.set(func() { a.link.mute = false })
		time.Sleep(30 * time.Second)
		synctest.Wait()
		if !a.Leads() || len(a.stopped) > 0 {
			t.Errorf("leads: %v, stopped %v", a.Leads(), a.stopped)
		}
		a.stop()
	})
}

func TestTakenAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStore()
		a := start(t.Context(), s, "a", nil)
		time.Sleep(9 * time.Second)
		stolen := s.get()
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
		a.stop()
	})
}

// A Lease that names no holder, as the chart makes it, does not tell whether one
// leads. It is taken only after a whole term in which nobody renewed it.
func TestFirstStart(t *testing.T) {
	for name, s := range map[string]*fakeStore{
		"no Lease":             {},
		"Lease without a spec": {record: Record{Version: "1"}, version: 1},
		"holder cleared":       {record: Record{Duration: 12 * time.Second, Renewed: time.Unix(1, 0), Version: "1"}, version: 1},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				began := time.Now()
				a, b := start(t.Context(), s, "a", nil), start(t.Context(), s, "b", nil)
				time.Sleep(15 * time.Second)
				synctest.Wait()
				if len(a.started)+len(b.started) != 1 || a.Leads() == b.Leads() {
					t.Fatalf("a led from %v, b from %v", a.started, b.started)
				}
				first := append(a.started, b.started...)[0].Sub(began)
				if t.Log("first leader after", first); first < 12*time.Second || first > 13*time.Second {
					t.Errorf("the first leader led after %s, want 12 s", first)
				}
				for _, c := range []*candidate{a, b} {
					if c.leads[0] != "" || len(c.leads) > 2 {
						t.Errorf("saw the leaders %q, want none named, then the other", c.leads)
					}
					c.stop()
				}
			})
		})
	}
}

// Whatever becomes of the Lease, a leader that can write it keeps it (unless
// three requests take most of a term), and one that cannot has stopped before
// another leads.
func TestLeaseIsDeletedOrOverwritten(t *testing.T) {
	for name, change := range map[string]func(*fakeStore){
		"deleted":               (*fakeStore).delete,
		"without a spec":        func(s *fakeStore) { s.overwrite(Record{}) },
		"holder cleared":        func(s *fakeStore) { r := s.get(); r.Holder = ""; s.overwrite(r) },
		"labelled":              func(s *fakeStore) { s.overwrite(s.get()) },
		"deleted and made anew": func(s *fakeStore) { s.delete(); s.overwrite(Record{}) },
	} {
		for _, takes := range []time.Duration{5 * time.Millisecond, 500 * time.Millisecond, 1200 * time.Millisecond} {
			for _, broken := range []bool{false, true} {
				t.Run(fmt.Sprintf("%s, requests take %s, broken %t", name, 2*takes, broken), func(t *testing.T) {
					for phase := range 5 {
						synctest.Test(t, func(t *testing.T) {
							s := newStore()
							a := start(t.Context(), s, "a", nil)
							time.Sleep(20*time.Second + time.Duration(phase)*431*time.Millisecond)
							b := start(t.Context(), s, "b", nil)
							a.link.set(func() { a.link.takes = takes })
							time.Sleep(5 * time.Second)
							a.link.set(func() { a.link.down = broken })
							change(s)
							var c *candidate
							for i := range 1250 {
								time.Sleep(20 * time.Millisecond)
								if i == 35 { // one that has not seen what was before
									c = start(t.Context(), s, "c", nil)
								}
								leaders := 0
								for _, candidate := range []*candidate{a, b, c} {
									if candidate != nil && candidate.Leads() {
										leaders++
									}
								}
								if leaders > 1 {
									t.Fatalf("%d lead %d ms after the change", leaders, 20*i)
								}
							}
							if kept := a.Leads() && len(a.stopped) == 0; kept == broken && takes < time.Second {
								t.Errorf("a keeps the lease: %t; stopped %q", kept, a.stopped)
							}
							if !a.Leads() && !b.Leads() && !c.Leads() {
								t.Error("nobody leads after 25 s")
							}
							a.kill()
							b.stop()
							c.stop()
							<-a.ended
						})
					}
				})
			}
		}
	}
}

// A leader that is about to recreate its deleted Lease keeps it when a candidate
// was faster.
func TestLeaseIsCreatedByACandidateDuringRenewal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStore()
		a := start(t.Context(), s, "a", nil)
		time.Sleep(20 * time.Second)
		s.delete()
		a.link.set(func() { a.link.read = func() { s.overwrite(Record{}) } })
		time.Sleep(20 * time.Second)
		if !a.Leads() || len(a.stopped) > 0 || s.get().Holder != "a" {
			t.Errorf("leads: %t, stopped %q, the lease is %+v", a.Leads(), a.stopped, s.get())
		}
		a.stop()
	})
}

// A stop during a renewal releases the Lease as well: the other leads after its
// next read.
func TestStopDuringRenewal(t *testing.T) {
	for _, takes := range []time.Duration{5 * time.Millisecond, 50 * time.Millisecond, 250 * time.Millisecond, 500 * time.Millisecond} {
		var worst time.Duration
		for phase := range 100 {
			synctest.Test(t, func(t *testing.T) {
				s := newStore()
				a := start(t.Context(), s, "a", nil)
				a.link.set(func() { a.link.takes = takes })
				time.Sleep(5 * time.Second)
				b := start(t.Context(), s, "b", nil)
				time.Sleep(20*time.Second + time.Duration(phase)*23*time.Millisecond)
				stopped := time.Now()
				a.stop()
				time.Sleep(1100 * time.Millisecond)
				synctest.Wait()
				if !b.Leads() {
					t.Fatalf("requests take %s: stopped at %d, b does not lead after %s", 2*takes, phase, time.Since(stopped))
				}
				worst = max(worst, b.started[0].Sub(stopped))
				b.stop()
			})
		}
		t.Logf("requests take %s: worst hand-over %s", 2*takes, worst)
	}
}

// A stop while the Lease is being taken leaves nothing that others wait for.
func TestStopDuringAcquisition(t *testing.T) {
	for phase := range 40 {
		synctest.Test(t, func(t *testing.T) {
			s := newStore()
			a := &candidate{link: &link{fakeStore: s, takes: 250 * time.Millisecond}, ended: make(chan struct{})}
			a.Elector = New("a", a.link, DefaultTiming(), Events{})
			ctx, cancel := context.WithCancel(t.Context())
			go func() { defer close(a.ended); a.Run(ctx, func(ctx context.Context) { <-ctx.Done() }) }()
			time.Sleep(time.Duration(phase) * 51 * time.Millisecond)
			cancel()
			<-a.ended
			time.Sleep(5 * time.Second)
			if r := s.get(); !r.released() {
				t.Errorf("stopped after %d ms: left %+v", phase*51, r)
			}
		})
	}
}
