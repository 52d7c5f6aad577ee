package camunda

import (
	"net/http"
	"sync"
	"time"
)

// Clock is what the answers of the last half minute or more tell of the clocks of
// the engine's nodes, compared with ours. A Date header has whole seconds, so one
// answer tells a clock to a second, and several tell it better. Tomcat's may be
// another second old, and then the clock seems to be behind by that.
type Clock struct {
	// Behind and Ahead are how far at least the slowest and the fastest clock
	// differ from ours. Both are 0 or more.
	Behind, Ahead time.Duration
	Known         bool // whether an answer had a Date
}

// Skew returns the greater of both, negative if it is Behind.
func (c Clock) Skew() time.Duration {
	if c.Behind > c.Ahead {
		return -c.Behind
	}
	return c.Ahead
}

// clockLasts is for how long an answer counts at least: behind a Service, most
// answers come from other nodes than the one whose clock is wrong.
const clockLasts = 25 * time.Second

// clock remembers answers for clockLasts to twice that.
type clock struct {
	mu              sync.Mutex
	latest, earlier Clock
	since           time.Time // of latest, by the wall clock
}

// observe takes the header of an answer to a request that was sent at sent; it
// came after took.
func (c *clock) observe(h http.Header, sent time.Time, took time.Duration) {
	date, err := http.ParseTime(h.Get("Date"))
	if err != nil {
		return
	}
	// The node's clock showed a time in [date, date+1s) at some moment in
	// [sent, sent+took]. A Date is wall clock, so ours is read as one.
	sent = sent.Round(0)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.turn(sent)
	c.latest.Known = true
	c.latest.Ahead = max(c.latest.Ahead, date.Sub(sent.Add(took)))
	c.latest.Behind = max(c.latest.Behind, sent.Sub(date.Add(time.Second)))
}

// turn forgets what is too old at now, or from before our own clock was set.
func (c *clock) turn(now time.Time) {
	switch age := now.Sub(c.since).Abs(); {
	case age >= 2*clockLasts:
		c.earlier, c.latest, c.since = Clock{}, Clock{}, now
	case age >= clockLasts:
		c.earlier, c.latest, c.since = c.latest, Clock{}, now
	}
}

// at returns what is known at now.
func (c *clock) at(now time.Time) Clock {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.turn(now.Round(0))
	return Clock{
		Behind: max(c.latest.Behind, c.earlier.Behind),
		Ahead:  max(c.latest.Ahead, c.earlier.Ahead),
		Known:  c.latest.Known || c.earlier.Known,
	}
}
