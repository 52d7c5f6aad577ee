// Package lease lets one of several scalers work at a time: the one that holds
// a Lease. The fields mean what they mean to client-go's own leader election,
// which is not used because it links in every API's types: 39 MB instead of 19.
package lease

import (
	"context"
	"errors"
	"time"
)

// Timing says how fast leadership changes hands.
type Timing struct {
	Duration time.Duration // how long the others wait after the last renewal that they saw; whole seconds
	Margin   time.Duration // how much earlier the holder stops, for clocks that do not run alike
	Renew    time.Duration // between two renewals
	Retry    time.Duration // between two looks at somebody else's lease
}

// DefaultTiming hands over within 15 s of a leader's sudden death: its lease
// was seen to be renewed at most Retry after it was, and is waited for as long
// as Duration; the rest is for slow requests.
func DefaultTiming() Timing {
	return Timing{Duration: 12 * time.Second, Margin: 2 * time.Second, Renew: 2 * time.Second, Retry: time.Second}
}

// requestTimeout bounds one request, so that a holder can try several times
// before its lease ends.
const requestTimeout = 3 * time.Second

// Record is what the Lease says.
type Record struct {
	Holder      string        // "" if it was given back
	Duration    time.Duration // whole seconds
	Acquired    time.Time
	Renewed     time.Time
	Transitions int64
	Version     string // that an Update is bound to; "" if there is no Lease yet
}

// Store reads and writes the Lease.
type Store interface {
	// Get returns a Record without a Version if there is no Lease.
	Get(ctx context.Context) (Record, error)
	// Put creates the Lease or updates the Version that was read, and returns
	// what is stored now. It returns ErrChanged if somebody else was faster.
	Put(ctx context.Context, r Record) (Record, error)
}

// ErrChanged is returned by Store.Put if the Lease is not the one that was
// read.
var ErrChanged = errors.New("the lease was changed by somebody else")

// Events are told of what happens to leadership; a nil one is not told.
type Events struct {
	Leads   func(holder string)           // another holder of the lease was seen
	Started func()                        // this one leads
	Stopped func(reason string)           // this one leads no more
	Failed  func(doing string, err error) // a request failed; the same is told once
}

// Elector is one candidate.
type Elector struct {
	id     string
	store  Store
	timing Timing
	events Events

	term   term
	seen   Record    // the lease as last read
	seenAt time.Time // when it was first seen so
	leader string    // who was last reported to lead
	failed string    // what was last reported to have failed
}

// New returns a candidate. Its id must be unique among all there ever are.
func New(id string, s Store, t Timing, e Events) *Elector {
	return &Elector{id: id, store: s, timing: t, events: e}
}

// Run stands for election until ctx ends. While it holds the lease, lead runs;
// it has to return soon after its context ends. When ctx ends the lease is
// given back, after lead has returned.
func (e *Elector) Run(ctx context.Context, lead func(context.Context)) {
	for ctx.Err() == nil {
		sent := time.Now()
		wait := e.timing.Retry
		switch taken, err := e.acquire(ctx); {
		case ctx.Err() != nil:
			if taken {
				e.release(ctx)
			}
		case err != nil:
			e.fail("get the lease", err)
			e.term.candidate(err)
		case taken:
			e.failed = ""
			e.lead(ctx, sent, lead)
			continue
		default:
			e.failed = ""
			e.term.candidate(nil)
			// Wake when it can be taken over, so that this costs no time.
			if left := time.Until(e.expires()); left > 0 {
				wait = min(wait, left)
			}
		}
		sleep(ctx, wait)
	}
}

// expires is when the lease last seen can be taken over.
func (e *Elector) expires() time.Time { return e.seenAt.Add(e.seen.Duration) }

// acquire takes the lease if it is free.
func (e *Elector) acquire(ctx context.Context) (taken bool, err error) {
	read, err := e.get(ctx)
	if err != nil {
		return false, err
	}
	if read.Holder != e.seen.Holder || !read.Renewed.Equal(e.seen.Renewed) || e.seenAt.IsZero() {
		// Counted from the answer: the holder counts from its request, which
		// was before. The times in the lease are by a clock that may differ.
		e.seenAt = time.Now()
	}
	e.seen = read
	if read.Holder != "" && read.Holder != e.id && time.Now().Before(e.expires()) {
		e.sees(read.Holder)
		return false, nil
	}
	now := time.Now()
	mine := Record{Holder: e.id, Duration: e.timing.Duration, Acquired: now, Renewed: now, Transitions: read.Transitions, Version: read.Version}
	if read.Version != "" {
		mine.Transitions++
	}
	switch stored, err := e.put(ctx, mine); {
	case errors.Is(err, ErrChanged):
		return false, nil // somebody else was faster
	case err != nil:
		return false, err
	default:
		e.seen = stored
		return true, nil
	}
}

// lead runs a term: work until the lease cannot be renewed or ctx ends.
func (e *Elector) lead(ctx context.Context, sent time.Time, work func(context.Context)) {
	e.term.extend(sent.Add(e.timing.Duration - e.timing.Margin))
	e.sees(e.id)
	tell(e.events.Started)
	working, stop := context.WithCancel(ctx)
	ended := make(chan struct{})
	go func() { defer close(ended); work(working) }()

	reason := e.hold(ctx)
	stop()
	<-ended // what works is done before anybody else may begin
	e.term.end()
	if ctx.Err() != nil {
		e.release(ctx)
	}
	if e.events.Stopped != nil {
		e.events.Stopped(reason)
	}
}

// hold renews the lease until that fails for too long or ctx ends, and returns
// why.
func (e *Elector) hold(ctx context.Context) (reason string) {
	every := e.timing.Renew
	for {
		sleep(ctx, min(every, e.term.left()))
		switch {
		case ctx.Err() != nil:
			return "stopping"
		case e.term.left() <= 0:
			return "the lease could not be renewed in time"
		}
		bounded, cancel := context.WithDeadline(ctx, e.term.deadline())
		err := e.renew(bounded)
		cancel()
		switch {
		case errors.Is(err, ErrChanged):
			return "the lease is no longer its own"
		case err != nil && ctx.Err() == nil:
			e.fail("renew the lease", err)
			every = e.timing.Retry
		default:
			e.failed, every = "", e.timing.Renew
		}
	}
}

func (e *Elector) renew(ctx context.Context) error {
	sent := time.Now()
	mine := e.seen
	mine.Renewed = sent
	stored, err := e.put(ctx, mine)
	if errors.Is(err, ErrChanged) {
		// Perhaps by an own renewal whose answer got lost, or somebody put a
		// label on it.
		if mine, err = e.get(ctx); err != nil {
			return err
		}
		if mine.Holder != e.id {
			return ErrChanged
		}
		mine.Renewed = sent
		stored, err = e.put(ctx, mine)
	}
	if err != nil {
		return err
	}
	e.seen = stored
	e.term.extend(sent.Add(e.timing.Duration - e.timing.Margin))
	return nil
}

// release gives the lease back, so that nobody has to wait for its end. If it
// fails, they wait.
func (e *Elector) release(ctx context.Context) {
	free := e.seen
	free.Holder, free.Duration, free.Renewed = "", time.Second, time.Now()
	if _, err := e.put(context.WithoutCancel(ctx), free); err != nil {
		e.fail("give the lease back", err)
	}
}

func (e *Elector) get(ctx context.Context) (Record, error) {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	return e.store.Get(ctx)
}

func (e *Elector) put(ctx context.Context, r Record) (Record, error) {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	return e.store.Put(ctx, r)
}

func (e *Elector) sees(holder string) {
	if e.leader != holder && holder != e.id && e.events.Leads != nil {
		e.events.Leads(holder)
	}
	e.leader = holder
}

func (e *Elector) fail(doing string, err error) {
	if e.failed != doing && e.events.Failed != nil {
		e.events.Failed(doing, err)
	}
	e.failed = doing
}

func tell(event func()) {
	if event != nil {
		event()
	}
}

func sleep(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}
