package camunda

import (
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
	waiting   bool          // a request is still unanswered
}

// check returns an error if no request may be sent to the endpoint now.
func (h *holds) check(e Endpoint, now time.Time) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	hold := h.byEp[e]
	switch {
	case hold == nil:
		return nil
	case hold.waiting:
		return &Error{Endpoint: e, Cause: Timeout, Err: fmt.Errorf("not sent: an earlier request is still unanswered (%w)", hold.reason.Err)}
	case now.Before(hold.until):
		return &Error{Endpoint: e, Cause: hold.reason.Cause, Err: fmt.Errorf("not sent before %s: %w", hold.until.UTC().Format(time.RFC3339), hold.reason.Err)}
	}
	return nil
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
	if hold := h.byEp[e]; hold != nil && !hold.waiting {
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
	hold.waiting, hold.reason, hold.until = true, err, sent.Add(unansweredRest)
	return func(answered bool) {
		h.mu.Lock()
		defer h.mu.Unlock()
		hold.waiting = false
		if answered {
			delete(h.byEp, err.Endpoint)
		}
	}
}
