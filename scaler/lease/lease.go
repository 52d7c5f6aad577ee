// Package lease elects a leader among several scalers: the one that holds a
// Lease. The Lease's fields mean what they mean to client-go's leader election,
// which is not used because it links in the types of every API (39 MB instead
// of 19) and can have two leaders when the Lease is deleted.
package lease

import (
	"cmp"
	"context"
	"errors"
	"time"

	"github.com/camunda-autoscaler/camunda-autoscaler/service/sleep"
)

// Timing sets how fast leadership changes hands.
type Timing struct {
	Duration time.Duration // for which a candidate waits after the last change of the Lease that it saw; whole seconds
	Margin   time.Duration // by which the holder stops earlier, for clocks that do not run at the same rate
	Renew    time.Duration // between two renewals
	Retry    time.Duration // between two reads of another's Lease, and after a failed renewal
}

// DefaultTiming hands over within 15 s of a leader's sudden death: candidates
// see a renewal at most Retry after it was made, and wait for Duration; the
// rest is for slow requests.
func DefaultTiming() Timing {
	return Timing{Duration: 12 * time.Second, Margin: 2 * time.Second, Renew: 2 * time.Second, Retry: time.Second}
}

// requestTimeout bounds one request, so that a holder can try several times
// before its term ends.
const requestTimeout = 3 * time.Second

// Record is the content of the Lease.
type Record struct {
	Holder      string        // "" if the Lease names none
	Duration    time.Duration // whole seconds; 0 if it is not set
	Acquired    time.Time
	Renewed     time.Time
	Transitions int64
	Version     string // that an Update is bound to; "" if there is no Lease
}

// releasedDuration marks, with an empty Holder, a Lease that its holder gave
// back. client-go writes the same.
const releasedDuration = time.Second

// released reports whether the last holder gave the Lease back. Any other Lease
// without a holder is new or was overwritten: its leader may be at work still.
func (r Record) released() bool { return r.Holder == "" && r.Duration == releasedDuration }

// Store reads and writes the Lease.
type Store interface {
	// Get returns a Record without a Version if there is no Lease.
	Get(ctx context.Context) (Record, error)
	// Put creates the Lease if r has no Version, else updates that Version, and
	// returns what is stored. It returns ErrChanged if that is no longer the
	// Lease's Version.
	Put(ctx context.Context, r Record) (Record, error)
}

// ErrChanged is returned by Store.Put if the Lease changed after it was read.
var ErrChanged = errors.New("the lease was changed by another")

// Events are called when leadership changes. Each may be nil.
type Events struct {
	Leads   func(holder string)           // another leads; "" if the Lease names no holder, so that one may
	Started func()                        // this candidate leads
	Stopped func(reason string)           // this candidate no longer leads
	Failed  func(doing string, err error) // a request failed; not called again for the next failure of the same kind
}

// Elector is one candidate.
type Elector struct {
	id     string
	store  Store
	timing Timing
	events Events

	term term

	// The Lease as last read. It is waited for from seenAt on, when that
	// Version was read first, so that a write bound to the Version proves that
	// no holder renewed it meanwhile.
	seen   Record
	seenAt time.Time
	held   time.Duration // the Duration of the last holder that was seen

	mayHold bool   // a write of this candidate was sent, so it may be the holder
	leader  string // as last reported
	failed  string // the kind of request as last reported
}

// New returns a candidate. Its id must be unique among all there ever are.
func New(id string, s Store, t Timing, e Events) *Elector {
	return &Elector{id: id, store: s, timing: t, events: e, leader: id}
}

// Run stands for election until ctx ends. While the candidate holds the Lease,
// lead runs; it has to return soon after its context ends. When ctx ends and
// lead has returned, the Lease is released.
func (e *Elector) Run(ctx context.Context, lead func(context.Context)) {
	for ctx.Err() == nil {
		sent := time.Now()
		wait := e.timing.Retry
		switch taken, err := e.acquire(ctx); {
		case ctx.Err() != nil:
		case err != nil:
			e.fail("acquire the lease", err)
			e.term.candidate(err)
		case taken:
			e.failed = ""
			e.lead(ctx, sent, lead)
			continue
		default:
			e.failed = ""
			e.term.candidate(nil)
			// Wake up when it can be taken over, so that this costs no time.
			if left := time.Until(e.expires()); left > 0 {
				wait = min(wait, left)
			}
		}
		_ = sleep.For(ctx, wait)
	}
	if e.mayHold {
		e.release(context.WithoutCancel(ctx))
	}
}

// expires is when the Lease that was last read can be taken over.
func (e *Elector) expires() time.Time {
	switch {
	case e.seen.released() || e.seen.Holder == e.id:
		return time.Time{}
	case e.seen.Holder == "":
		return e.seenAt.Add(max(e.timing.Duration, e.held))
	default:
		return e.seenAt.Add(cmp.Or(e.seen.Duration, e.timing.Duration))
	}
}

// acquire takes the Lease if nobody can be leading.
func (e *Elector) acquire(ctx context.Context) (taken bool, err error) {
	read, err := e.get(ctx)
	if err != nil {
		return false, err
	}
	if read.Version == "" {
		// A Lease that names no holder, and that a leader that lost its Lease
		// overwrites. Without it, nothing would show whether one did.
		if read, err = e.put(ctx, Record{}); err != nil {
			return false, ignoreChanged(err)
		}
	}
	e.observe(read)
	if time.Now().Before(e.expires()) {
		e.reportLeader(read.Holder)
		return false, nil
	}
	e.mayHold = true
	now := time.Now()
	// A stop does not cut the request off: it might still be done, after the
	// release.
	stored, err := e.put(context.WithoutCancel(ctx), Record{
		Holder: e.id, Duration: e.timing.Duration, Acquired: now, Renewed: now, Transitions: read.Transitions + 1, Version: read.Version,
	})
	if err != nil {
		return false, ignoreChanged(err)
	}
	e.observe(stored)
	return true, nil
}

// observe notes what was read. Time counts from the answer, while the holder
// counts from its request, which was before. The times in the Lease are by a
// clock that may differ.
func (e *Elector) observe(r Record) {
	if r.Version != e.seen.Version {
		e.seenAt = time.Now()
	}
	if r.Holder != "" {
		e.held = r.Duration
	}
	e.seen = r
}

// lead runs a term: work until the Lease cannot be renewed or ctx ends.
func (e *Elector) lead(ctx context.Context, sent time.Time, work func(context.Context)) {
	e.term.extend(sent.Add(e.timing.Duration - e.timing.Margin))
	e.reportLeader(e.id)
	if e.events.Started != nil {
		e.events.Started()
	}
	working, stop := context.WithCancel(ctx)
	ended := make(chan struct{})
	go func() { defer close(ended); work(working) }()

	reason := e.hold(ctx)
	stop()
	<-ended // the work is done before another candidate can start
	e.term.end()
	if e.events.Stopped != nil {
		e.events.Stopped(reason)
	}
}

// hold renews the Lease until that fails for too long or ctx ends, and returns
// the reason.
func (e *Elector) hold(ctx context.Context) (reason string) {
	every := e.timing.Renew
	for {
		_ = sleep.For(ctx, min(every, e.term.left()))
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
			return "the lease was taken by another"
		case err != nil && ctx.Err() == nil:
			e.fail("renew the lease", err)
			every = e.timing.Retry
		default:
			e.failed, every = "", e.timing.Renew
		}
	}
}

// renew renews the Lease and extends the term; ctx ends with it. It returns
// ErrChanged if another holds the Lease, or did.
func (e *Elector) renew(ctx context.Context) error {
	sent := time.Now()
	mine := e.seen
	mine.Renewed = sent
	stored, err := e.put(ctx, mine)
	// Again if it changes in between, as when a candidate recreates a deleted Lease.
	for errors.Is(err, ErrChanged) {
		if mine.Version, err = e.regain(ctx); err != nil {
			return err
		}
		stored, err = e.put(ctx, mine)
	}
	if err != nil {
		return err
	}
	e.observe(stored)
	e.term.extend(sent.Add(e.timing.Duration - e.timing.Margin))
	return nil
}

// regain returns the Version of a Lease that changed during the own term, by
// an own renewal whose answer was lost or by a label, or that was deleted or
// overwritten: then it names no holder, and every other candidate waits for
// longer than this term lasts. It returns ErrChanged if another holds the
// Lease, or did.
func (e *Elector) regain(ctx context.Context) (version string, err error) {
	read, err := e.get(ctx)
	if err == nil && (read.Holder != e.id && read.Holder != "" || read.released()) {
		err = ErrChanged
	}
	return read.Version, err
}

// release gives the Lease back, so that others need not wait for its end. It
// reads the Lease first: the stop may have cut off a renewal that was done all
// the same.
func (e *Elector) release(ctx context.Context) {
	for range 3 {
		mine, err := e.get(ctx)
		if err == nil && mine.Holder == e.id {
			mine.Holder, mine.Duration, mine.Renewed = "", releasedDuration, time.Now()
			_, err = e.put(ctx, mine)
		}
		if !errors.Is(err, ErrChanged) {
			if err != nil {
				e.fail("release the lease", err)
			}
			return
		}
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

func (e *Elector) reportLeader(holder string) {
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

func ignoreChanged(err error) error {
	if errors.Is(err, ErrChanged) {
		return nil
	}
	return err
}
