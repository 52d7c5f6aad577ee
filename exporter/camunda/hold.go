package camunda

import (
	"context"
	"fmt"
	"sync"
	"time"
)

// Pauses after a 403: repeating a request does not grant a permission.
const (
	firstPause   = 30 * time.Second
	longestPause = 5 * time.Minute
)

// unansweredRest is how long an endpoint rests after a request that got no
// answer in time, unless the answer, or the end of the connection, comes
// earlier: the query may still be waiting in the engine's database, where it
// holds one of the engine's connections.
const unansweredRest = time.Minute

// soon is within what time after it was sent an answer is waited for.
const soon = time.Second

// holds keeps back requests that are useless now, by endpoint. Refused
// credentials are handled by service/client.
type holds struct {
	mu   sync.Mutex
	byEp map[Endpoint]*hold
}

type hold struct {
	forbidden time.Duration // length of the pause after a 403
	until     time.Time     // no request before
	reason    *Error        // why
	ended     chan struct{} // closed when the request that is unanswered ends; nil: there is none
	sent      time.Time     // when that was sent
}

// check returns an error if no request may be sent to the endpoint now.
func (h *holds) check(e Endpoint, now time.Time) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	hold := h.byEp[e]
	switch {
	case hold == nil:
		return nil
	case hold.ended != nil:
		return &Error{Endpoint: e, Cause: Timeout, Err: fmt.Errorf("not sent: an earlier request is still unanswered (%w)", hold.reason.Err)}
	case now.Before(hold.until):
		return &Error{Endpoint: e, Cause: hold.reason.Cause, Err: fmt.Errorf("not sent before %s: %w", hold.until.UTC().Format(time.RFC3339), hold.reason.Err)}
	}
	return nil
}

// await waits, but not for long, until an unanswered request ends: its caller may
// have had little time, and the engine may be about to answer.
func (h *holds) await(ctx context.Context, e Endpoint) {
	h.mu.Lock()
	hold := h.byEp[e]
	if hold == nil || hold.ended == nil || time.Since(hold.sent) >= soon {
		h.mu.Unlock()
		return
	}
	ended, left := hold.ended, soon-time.Since(hold.sent)
	h.mu.Unlock()
	timer := time.NewTimer(left)
	defer timer.Stop()
	select {
	case <-ended:
	case <-timer.C:
	case <-ctx.Done():
	}
}

func (h *holds) at(e Endpoint) *hold {
	if h.byEp == nil {
		h.byEp = map[Endpoint]*hold{}
	}
	if h.byEp[e] == nil {
		h.byEp[e] = &hold{}
	}
	return h.byEp[e]
}

// failed learns from an answer, or from the end of a connection.
func (h *holds) failed(err *Error, now time.Time) {
	if err.Cause != Forbidden {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	hold := h.at(err.Endpoint)
	if now.Before(hold.until) {
		return // this request was in flight when another one was refused
	}
	hold.forbidden = max(firstPause, min(2*hold.forbidden, longestPause))
	hold.until, hold.reason = now.Add(hold.forbidden), err
}

func (h *holds) succeeded(e Endpoint) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if hold := h.byEp[e]; hold != nil && hold.ended == nil {
		delete(h.byEp, e)
	}
}

// unanswered starts the rest after a request that its caller no longer waits
// for. The function that it returns ends it: at once if the request was
// answered or its connection broke, else not before the time is up.
func (h *holds) unanswered(err *Error, sent time.Time) func(answered bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	hold := h.at(err.Endpoint)
	hold.reason, hold.until = err, sent.Add(unansweredRest)
	hold.ended, hold.sent = make(chan struct{}), sent
	return func(answered bool) {
		h.mu.Lock()
		defer h.mu.Unlock()
		close(hold.ended)
		hold.ended = nil
		if answered {
			delete(h.byEp, err.Endpoint)
		}
	}
}
