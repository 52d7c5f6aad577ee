package promapi

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	v1 "github.com/prometheus/client_golang/api/prometheus/v1"
	"github.com/prometheus/common/model"
)

// Timeout bounds one request to Prometheus, so that a hanging server cannot
// keep a new sample unnoticed for longer.
const Timeout = 5 * time.Second

// DefaultInFlight is how many requests are in flight at most: few enough that
// other clients of the Prometheus do not notice, which serves 512 connections
// and evaluates 20 queries at a time by default.
const DefaultInFlight = 16

// maxTogether is how many queries one request has at most: few enough that they
// take Prometheus milliseconds, and that one of them failing costs little.
const maxTogether = 50

// Load bounds and observes what a client asks of Prometheus.
type Load struct {
	InFlight int // requests at most; 0 is DefaultInFlight

	// Queued is told how long each query waited for its turn, Took how long
	// Prometheus then took for each request, also if it failed. They may be nil.
	Queued, Took func(time.Duration)
}

// turns lets a number of requests through at a time. Other queries wait in the
// order in which they came, which is that of their due times. What waits when a
// request ends goes out in one request, so a thousand targets whose samples are
// due at the same time take a few dozen requests, while a few take one each and
// have nothing to do with each other. The time of a request counts from when it
// is let through.
type turns struct {
	v1.API
	load Load

	mu      sync.Mutex
	free    int
	waiting []*request
	apart   map[string]bool // queries that go out alone: they failed or took long
	most    int             // how many queries one request has at most
	usual   time.Duration   // that a request takes
}

// request is one query that waits for its turn, and then for its answer.
type request struct {
	ctx   context.Context
	query string
	at    time.Time
	opts  []v1.Option
	apart bool
	came  time.Time
	turn  bool // it is out of the queue
	done  chan reply

	refusal *refusal // of a request that it was a part of; nil if there was none
}

// refusal is of a request with many queries, which then go out alone.
type refusal struct {
	size, left int
	explained  bool // one of them is refused or warned of alone, too
}

type reply struct {
	value    model.Value
	warnings v1.Warnings
	infos    v1.Infos
	sent     time.Time
	err      error
}

func newTurns(api v1.API, l Load) *turns {
	if l.InFlight <= 0 {
		l.InFlight = DefaultInFlight
	}
	return &turns{API: api, load: l, free: l.InFlight, apart: map[string]bool{}, most: maxTogether}
}

// Query implements v1.API. It asks in a request of its own.
func (t *turns) Query(ctx context.Context, query string, at time.Time, opts ...v1.Option) (model.Value, v1.Warnings, v1.Infos, error) {
	a := t.wait(&request{ctx: ctx, query: query, at: at, opts: opts, apart: true})
	return a.value, a.warnings, a.infos, a.err
}

// Answer is what a Prometheus gave.
type Answer struct {
	Value    model.Value
	Warnings v1.Warnings
	Sent     time.Time // when the request went out, by this machine's clock: Prometheus evaluates as of its arrival
}

// Ask runs an instant query, without a time, so that the answer is of
// Prometheus's own now. A query that gives an instant vector whose series have no
// label queryLabel may be asked together with others in one request; each still
// fails by itself, and its warnings are its own.
func Ask(ctx context.Context, api v1.API, query string, together bool) (Answer, error) {
	t, ok := api.(*turns)
	if !ok {
		sent := time.Now()
		value, warnings, _, err := api.Query(ctx, query, time.Time{})
		return Answer{value, warnings, sent}, err
	}
	a := t.wait(&request{ctx: ctx, query: query, apart: !together})
	return Answer{a.value, a.warnings, a.sent}, a.err
}

func (t *turns) wait(r *request) reply {
	r.came, r.done = time.Now(), make(chan reply, 1)
	t.mu.Lock()
	t.waiting = append(t.waiting, r)
	t.mu.Unlock()
	t.next()
	select {
	case a := <-r.done:
		return a
	case <-r.ctx.Done():
	}
	t.mu.Lock()
	turn := r.turn
	if !turn {
		t.waiting = slices.DeleteFunc(t.waiting, func(other *request) bool { return other == r })
	}
	t.mu.Unlock()
	if !turn {
		return reply{err: fmt.Errorf("wait for one of %d requests in flight to end: %w", t.load.InFlight, r.ctx.Err())}
	}
	return reply{err: r.ctx.Err()}
}

// next sends what is due as far as there is room.
func (t *turns) next() {
	t.mu.Lock()
	defer t.mu.Unlock()
	for t.free > 0 && len(t.waiting) > 0 {
		batch := t.take()
		if len(batch) == 0 {
			return
		}
		t.free--
		go func() {
			t.send(batch)
			t.mu.Lock()
			t.free++
			t.mu.Unlock()
			t.next()
		}()
	}
}

// take takes out of the queue what goes out in one request: the first, and with
// it those behind that can be asked together.
func (t *turns) take() []*request {
	var batch, rest []*request
	apart := func(r *request) bool { return r.apart || t.apart[r.query] }
	for _, r := range t.waiting {
		switch {
		case r.ctx.Err() != nil: // it is about to notice
		case len(batch) > 0 && (apart(r) || apart(batch[0]) || len(batch) == t.most):
			rest = append(rest, r)
		default:
			batch = append(batch, r)
		}
	}
	t.waiting = rest
	for _, r := range batch {
		r.turn = true
	}
	return batch
}

// send makes one request, and gives each query its answer.
func (t *turns) send(batch []*request) {
	ctx, cancel := context.WithTimeout(context.Background(), Timeout)
	defer cancel()
	left := atomic.Int64{}
	left.Store(int64(len(batch)))
	for _, r := range batch {
		if t.load.Queued != nil {
			t.load.Queued(time.Since(r.came))
		}
		defer context.AfterFunc(r.ctx, func() {
			if left.Add(-1) == 0 {
				cancel() // nothing waits for the answer
			}
		})()
	}
	sent := time.Now()
	if first := batch[0]; len(batch) == 1 {
		a := reply{sent: sent}
		a.value, a.warnings, a.infos, a.err = t.API.Query(ctx, first.query, first.at, first.opts...)
		t.settle(batch, time.Since(sent), a.err != nil || len(a.warnings) > 0)
		first.done <- a
		return
	}
	value, warnings, _, err := t.API.Query(ctx, join(batch), time.Time{})
	t.settle(batch, time.Since(sent), false)
	answers, err := split(value, len(batch), err)
	switch {
	case refused(err) || len(warnings) > 0:
		t.sendApart(batch)
	case err != nil:
		for _, r := range batch {
			r.done <- reply{err: err}
		}
	default:
		for i, r := range batch {
			r.done <- reply{value: answers[i], sent: sent}
		}
	}
}

// refused reports whether the answer is about the queries, or about there being
// so many of them.
func refused(err error) bool {
	switch CauseOf(err) {
	case CauseBadQuery, CauseResult:
		return err != nil
	case CauseServer:
		bad, ok := errors.AsType[*v1.Error](err)
		return ok && bad.Type == v1.ErrClient && !strings.HasSuffix(bad.Msg, ": 401") && !strings.HasSuffix(bad.Msg, ": 403") && !strings.HasSuffix(bad.Msg, ": 429")
	}
	return false
}

// sendApart gives each query another turn, alone and before the others: which of
// them was refused or warned of does not show.
func (t *turns) sendApart(batch []*request) {
	t.mu.Lock()
	defer t.mu.Unlock()
	of := &refusal{size: len(batch), left: len(batch)}
	for _, r := range batch {
		r.apart, r.turn, r.refusal = true, false, of
	}
	t.waiting = append(batch, t.waiting...)
}

// settle learns from a request which queries not to ask together with others:
// one that failed or was warned of, and one that took long, until it does not.
func (t *turns) settle(batch []*request, took time.Duration, fault bool) {
	if t.load.Took != nil {
		t.load.Took(took)
	}
	const long = 250 * time.Millisecond // and much longer than what is usual for this server
	t.mu.Lock()
	defer t.mu.Unlock()
	apart := fault || took > max(long, 4*t.usual)
	t.usual += (took - t.usual) / 16
	for _, r := range batch {
		if apart {
			t.apart[r.query] = true
		} else {
			delete(t.apart, r.query)
		}
		if of := r.refusal; of != nil {
			of.explained = of.explained || fault
			if of.left--; of.left == 0 && !of.explained {
				t.most = min(t.most, of.size/2) // so it was that there were so many
			}
		}
	}
}
