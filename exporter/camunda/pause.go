package camunda

import (
	"fmt"
	"sync"
	"time"
)

// Pauses after a 403: a permission does not come by asking for it again.
const (
	firstPause   = 30 * time.Second
	longestPause = 5 * time.Minute
)

// pauses keeps requests back whose endpoint is forbidden. Refused credentials
// are not its business: see service/client.
type pauses struct {
	mu     sync.Mutex
	byName map[Endpoint]pause
}

type pause struct {
	length time.Duration
	until  time.Time
	reason *Error
}

// check returns an error if the endpoint must not be asked now.
func (p *pauses) check(e Endpoint, now time.Time) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if pause, ok := p.byName[e]; ok && now.Before(pause.until) {
		return &Error{
			Endpoint: e, Cause: pause.reason.Cause,
			Err: fmt.Errorf("not sent before %s: %w", pause.until.UTC().Format(time.RFC3339), pause.reason.Err),
		}
	}
	return nil
}

func (p *pauses) failed(err *Error, now time.Time) {
	if err.Cause != Forbidden {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	length := firstPause
	switch last, ok := p.byName[err.Endpoint]; {
	case ok && now.Before(last.until):
		return // this request was in flight when another one was refused
	case ok:
		length = min(2*last.length, longestPause)
	}
	if p.byName == nil {
		p.byName = map[Endpoint]pause{}
	}
	p.byName[err.Endpoint] = pause{length: length, until: now.Add(length), reason: err}
}

func (p *pauses) succeeded(e Endpoint) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.byName, e)
}
