// Package gate bounds how many requests to the API server are in flight, and
// lets the most urgent through first.
package gate

import (
	"container/heap"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"
)

// DefaultInFlight is how many requests to the API server are in flight at most:
// few enough that its priority and fairness never has to refuse one for the
// number of the scaler's requests alone.
const DefaultInFlight = 16

// Timeout bounds one request.
const Timeout = 5 * time.Second

// queueLimit is how long a request waits to be sent. What was decided longer ago
// is better decided again.
const queueLimit = 10 * time.Second

// A read goes before the writes that wait every so many requests, so that a
// flood of writes cannot keep the scaler from seeing what it writes to.
const readEvery = 4

// Operation is what a request to the API server does.
type Operation string

// The operations. Writes of scales go before all others.
const (
	Read        Operation = "read"
	Write       Operation = "write"
	CreateEvent Operation = "event"
)

// Load bounds and observes what is asked of the API server.
type Load struct {
	InFlight int // requests at most; 0 is DefaultInFlight

	// Queued is told how long each request waited for its turn, Took how long
	// the API server then took, also if it failed. They may be nil.
	Queued func(time.Duration)
	Took   func(Operation, time.Duration)
}

// Gate lets a number of requests through at a time. Writes go first, the most
// urgent ahead; other requests wait in the order in which they came. After the
// API server has refused a request because it has too many, all wait for as
// long as it says, and fewer are in flight from then on until that goes well.
//
// A Gate is used by any number of goroutines. None of them holds anything while
// it waits.
type Gate struct {
	load Load

	mu            sync.Mutex
	allowed       float64 // in flight now
	inFlight      int
	paused        time.Time // until when none is sent
	writes, reads queue
	came, sent    int // how many requests so far
}

// New returns a gate that is open.
func New(l Load) *Gate {
	if l.InFlight <= 0 {
		l.InFlight = DefaultInFlight
	}
	return &Gate{load: l, allowed: float64(l.InFlight)}
}

// ErrNotSent means that a request was not sent, and so has changed nothing.
var ErrNotSent = errors.New("the request was not sent")

// Do makes a request when it is its turn, and bounds it by Timeout, which counts
// from then on.
func (g *Gate) Do(ctx context.Context, o Operation, request func(context.Context) error) error {
	leave, err := g.Enter(ctx, o)
	if err != nil {
		return err
	}
	defer leave()
	ctx, cancel := context.WithTimeout(ctx, Timeout)
	defer cancel()
	return request(ctx)
}

// Enter waits for a request's turn. The function that it returns ends the
// request. An error is an ErrNotSent.
func (g *Gate) Enter(ctx context.Context, o Operation) (leave func(), err error) {
	came := time.Now()
	defer func() {
		if g.load.Queued != nil {
			g.load.Queued(time.Since(came))
		}
	}()
	w := &waiter{urgency: urgencyOf(ctx), ready: make(chan struct{})}
	g.mu.Lock()
	w.in = &g.reads
	if o == Write {
		w.in = &g.writes
	}
	g.came++
	w.number = g.came
	heap.Push(w.in, w)
	g.dispatch()
	g.mu.Unlock()
	limit := time.NewTimer(queueLimit)
	defer limit.Stop()
	select {
	case <-w.ready:
	case <-ctx.Done():
		err = fmt.Errorf("%w: %w", ErrNotSent, context.Cause(ctx))
	case <-limit.C:
		err = fmt.Errorf("%w within %s: %s", ErrNotSent, queueLimit, g.why())
	}
	if err != nil && g.drop(w) {
		return nil, err
	}
	sent := time.Now() // also if its turn came just now
	return func() {
		if g.load.Took != nil {
			g.load.Took(o, time.Since(sent))
		}
		g.leave()
	}, nil
}

func (g *Gate) why() string {
	g.mu.Lock()
	defer g.mu.Unlock()
	if left := time.Until(g.paused); left > 0 {
		return fmt.Sprintf("the API server has too many requests, and asked to wait for another %s", left.Round(time.Second))
	}
	return fmt.Sprintf("%d requests are in flight, and %d wait", g.inFlight, len(g.writes)+len(g.reads))
}

// drop removes what waits no more. It reports whether it was still waiting.
func (g *Gate) drop(w *waiter) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if w.in == nil {
		return false
	}
	heap.Remove(w.in, w.index)
	return true
}

func (g *Gate) leave() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.inFlight--
	g.allowed = min(float64(g.load.InFlight), g.allowed+1/g.allowed)
	g.dispatch()
}

// Throttled notes that the API server refused a request because it has too many,
// and how long it asked to wait.
func (g *Gate) Throttled(wait time.Duration) {
	wait = max(wait, time.Second)
	wait += rand.N(wait / 4) // not together with others that were refused
	g.mu.Lock()
	defer g.mu.Unlock()
	now := time.Now()
	if !now.Before(g.paused) { // else the refusal belongs to the one before
		g.allowed = max(1, g.allowed/2)
	}
	if until := now.Add(wait); until.After(g.paused) {
		g.paused = until
		time.AfterFunc(wait, func() {
			g.mu.Lock()
			defer g.mu.Unlock()
			g.dispatch()
		})
	}
}

// dispatch lets through what may be sent.
func (g *Gate) dispatch() {
	for g.inFlight < int(g.allowed) && !time.Now().Before(g.paused) && len(g.writes)+len(g.reads) > 0 {
		from := &g.writes
		if g.sent++; len(g.writes) == 0 || len(g.reads) > 0 && g.sent%readEvery == 0 {
			from = &g.reads
		}
		w, _ := heap.Pop(from).(*waiter)
		w.in = nil
		g.inFlight++
		close(w.ready)
	}
}

// waiter is a request that waits for its turn.
type waiter struct {
	urgency float64
	number  int // of those with the same urgency, the lower goes first
	ready   chan struct{}
	in      *queue // nil once it is let through
	index   int    // in the queue
}

// queue implements heap.Interface: the most urgent is first.
type queue []*waiter

func (q queue) Len() int { return len(q) }

func (q queue) Less(i, j int) bool {
	if q[i].urgency != q[j].urgency {
		return q[i].urgency > q[j].urgency
	}
	return q[i].number < q[j].number
}

func (q queue) Swap(i, j int) {
	q[i], q[j] = q[j], q[i]
	q[i].index, q[j].index = i, j
}

func (q *queue) Push(x any) {
	w, _ := x.(*waiter)
	w.index = len(*q)
	*q = append(*q, w)
}

func (q *queue) Pop() any {
	last := len(*q) - 1
	w := (*q)[last]
	(*q)[last] = nil
	*q = (*q)[:last]
	return w
}

type urgencyKey struct{}

// WithUrgency returns a context for a Set. Of those that wait to be sent, the
// one with the greatest urgency goes first.
func WithUrgency(ctx context.Context, urgency float64) context.Context {
	return context.WithValue(ctx, urgencyKey{}, urgency)
}

func urgencyOf(ctx context.Context) float64 {
	urgency, _ := ctx.Value(urgencyKey{}).(float64)
	return urgency
}
