package camunda

import (
	"fmt"
	"sync"
	"time"
)

// An engine locks a user after a few wrong passwords, so a refused request is
// not repeated at once.
const (
	firstPause   = 30 * time.Second
	longestPause = 5 * time.Minute
)

// pauses keeps refused requests back. A 401 stands for every endpoint, a 403
// only for its own.
type pauses struct {
	mu     sync.Mutex
	byName map[Endpoint]pause
}

// everyEndpoint is the name under which pauses for all endpoints are kept.
const everyEndpoint Endpoint = ""

type pause struct {
	length time.Duration
	until  time.Time
	reason *Error
}

// check returns an error if the endpoint must not be asked now.
func (p *pauses) check(e Endpoint, now time.Time) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, name := range []Endpoint{everyEndpoint, e} {
		if pause, ok := p.byName[name]; ok && now.Before(pause.until) {
			return &Error{
				Endpoint: e, Cause: pause.reason.Cause,
				Err: fmt.Errorf("not asked before %s: %w", pause.until.UTC().Format(time.RFC3339), pause.reason.Err),
			}
		}
	}
	return nil
}

func (p *pauses) failed(err *Error, now time.Time) {
	name := err.Endpoint
	switch err.Cause {
	case Unauthorized:
		name = everyEndpoint
	case Forbidden:
	default:
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	length := firstPause
	switch last, ok := p.byName[name]; {
	case ok && now.Before(last.until):
		return // this request was under way when another one was refused
	case ok:
		length = min(2*last.length, longestPause)
	}
	if p.byName == nil {
		p.byName = map[Endpoint]pause{}
	}
	reason := &Error{Endpoint: err.Endpoint, Cause: err.Cause, Err: err.Err}
	p.byName[name] = pause{length: length, until: now.Add(length), reason: reason}
	err.Err = fmt.Errorf("%w; next attempt in %s, because a wrong password locks the user", err.Err, length)
}

func (p *pauses) succeeded(e Endpoint) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.byName, everyEndpoint)
	delete(p.byName, e)
}
