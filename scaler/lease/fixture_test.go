package lease

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/camunda-autoscaler/camunda-autoscaler/service/sleep"
)

// fakeStore is a Lease with optimistic locking.
type fakeStore struct {
	mu      sync.Mutex
	record  Record
	version int
}

// newStore returns a Lease that was released, as an earlier scaler leaves it.
func newStore() *fakeStore {
	return &fakeStore{record: Record{Duration: releasedDuration, Version: "1"}, version: 1}
}

func (s *fakeStore) get() Record {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.record
}

func (s *fakeStore) put(r Record) (Record, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if r.Version != s.record.Version {
		return Record{}, ErrChanged
	}
	return s.store(r), nil
}

// overwrite writes r whatever the Lease is.
func (s *fakeStore) overwrite(r Record) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.store(r)
}

func (s *fakeStore) store(r Record) Record {
	s.version++
	r.Version = fmt.Sprint(s.version)
	s.record = r
	return r
}

func (s *fakeStore) delete() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.record = Record{}
}

// link is one candidate's connection to the store.
type link struct {
	*fakeStore
	mu    sync.Mutex
	takes time.Duration // each way
	down  bool          // requests get no answer, and do not arrive
	mute  bool          // requests arrive, but get no answer
	late  time.Duration // writes get no answer, and arrive after so long
	puts  int
	read  func() // what happens once, just after the Lease was read
}

func (l *link) set(change func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	change()
}

func (l *link) pass(ctx context.Context, lost func(*link) bool) error {
	l.mu.Lock()
	takes, broken := l.takes, lost(l)
	l.mu.Unlock()
	if broken {
		<-ctx.Done()
		return ctx.Err()
	}
	_ = sleep.For(ctx, takes)
	return ctx.Err()
}

func (l *link) Get(ctx context.Context) (Record, error) {
	if err := l.pass(ctx, func(l *link) bool { return l.down }); err != nil {
		return Record{}, err
	}
	r := l.get()
	l.mu.Lock()
	read := l.read
	l.read = nil
	l.mu.Unlock()
	if read != nil {
		read()
	}
	return r, l.pass(ctx, func(l *link) bool { return l.mute })
}

// Put sends a write. One whose context ends on its way arrives all the same,
// behind others.
func (l *link) Put(ctx context.Context, r Record) (Record, error) {
	l.mu.Lock()
	takes, down, late := l.takes, l.down, l.late
	l.puts++
	l.mu.Unlock()
	switch {
	case down:
		<-ctx.Done()
		return Record{}, ctx.Err()
	case late > 0:
		time.AfterFunc(late, func() { _, _ = l.put(r) })
		<-ctx.Done()
		return Record{}, ctx.Err()
	}
	var stored Record
	var err error
	arrived := make(chan struct{})
	sent := time.AfterFunc(takes, func() {
		stored, err = l.put(r)
		close(arrived)
	})
	select {
	case <-arrived:
	case <-ctx.Done():
		if sent.Stop() {
			time.AfterFunc(3*takes, func() { _, _ = l.put(r) })
		}
		return Record{}, ctx.Err()
	}
	if lost := l.pass(ctx, func(l *link) bool { return l.mute }); lost != nil {
		return Record{}, lost
	}
	return stored, err
}

// candidate is a running Elector, and what it did.
type candidate struct {
	*Elector
	link    *link
	cancel  context.CancelFunc
	ended   chan struct{}
	started []time.Time
	stopped []string
	leads   []string // other holders that it saw
}

func start(ctx context.Context, s *fakeStore, id string, work func(context.Context)) *candidate {
	c := &candidate{link: &link{fakeStore: s, takes: 5 * time.Millisecond}, ended: make(chan struct{})}
	c.Elector = New(id, c.link, DefaultTiming(), Events{
		Started: func() { c.started = append(c.started, time.Now()) },
		Stopped: func(reason string) { c.stopped = append(c.stopped, reason) },
		Leads:   func(holder string) { c.leads = append(c.leads, holder) },
	})
	if work == nil {
		work = func(ctx context.Context) { <-ctx.Done() }
	}
	ctx, c.cancel = context.WithCancel(ctx)
	go func() { defer close(c.ended); c.Run(ctx, work) }()
	return c
}

// stop ends the candidate and waits for its end.
func (c *candidate) stop() {
	c.cancel()
	<-c.ended
}

// kill is a kill -9 as the others see it.
func (c *candidate) kill() {
	c.link.set(func() { c.link.down = true })
	c.cancel()
}
