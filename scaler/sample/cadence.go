package sample

import (
	"slices"
	"time"
)

// remembered is from how many intervals between samples a Cadence learns. Up to
// half of them may be odd (a scrape lost, a server restarted) without effect.
const remembered = 9

// MaxSpacing bounds the spacing that a Cadence reports. It is Prometheus's own
// limit: an instant query does not find a sample older than five minutes.
const MaxSpacing = 5 * time.Minute

// Cadence learns from the times of a query's samples how far apart they are. It
// is a value; its methods are pure. Its zero value has seen nothing. All times
// are those of Prometheus's clock.
type Cadence struct {
	last   time.Time                 // of the newest sample seen
	looked time.Time                 // when it was last seen to be the newest
	apart  [remembered]time.Duration // the latest intervals, in a ring
	seen   int                       // intervals seen in all
}

// Observe returns the cadence after a look at now showed a sample of the time at
// to be the newest. If the clock was set back, learning starts again.
func (c Cadence) Observe(at, now time.Time) Cadence {
	apart := at.Sub(c.last)
	switch {
	case at.IsZero():
		return c
	case c.last.IsZero(), apart < -MaxSpacing:
		return Cadence{last: at, looked: now}
	case apart > 0:
		c.apart[c.seen%remembered] = apart / c.skipped(apart)
		c.seen++
		c.last = at
	}
	c.looked = now
	return c
}

// skipped returns how many usual intervals apart stands for. While samples are
// expected that are not needed there is no look, so several may have passed; but
// none before a look that still showed the last one.
func (c Cadence) skipped(apart time.Duration) time.Duration {
	usual, unseen := c.Likely(), c.looked.Sub(c.last)
	if usual == 0 {
		return 1
	}
	n := (apart + usual/2) / usual
	if unseen > 0 {
		n = min(n, apart/unseen)
	}
	return max(1, n)
}

// Last returns the time of the newest sample seen, zero if there was none.
func (c Cadence) Last() time.Time { return c.last }

// Looked returns when that sample was last seen to be the newest.
func (c Cadence) Looked() time.Time { return c.looked }

// Spacing returns the usual time between two samples, as far as the age of one
// may be judged by it: the median of the latest intervals, at most MaxSpacing. It
// is 0 until two intervals were seen, for the first alone may be the end of an
// outage; and while there are fewer than five it is the shortest of them.
func (c Cadence) Spacing() time.Duration {
	switch n := min(c.seen, remembered); {
	case n < 2:
		return 0
	case n <= remembered/2:
		return min(slices.Min(c.apart[:n]), MaxSpacing)
	}
	return c.Likely()
}

// Likely returns after what time the next sample is likely to come: the median
// of the latest intervals, at most MaxSpacing; 0 until two samples were seen.
func (c Cadence) Likely() time.Duration {
	n := min(c.seen, remembered)
	if n == 0 {
		return 0
	}
	sorted := c.apart // a copy
	slices.Sort(sorted[:n])
	return min(sorted[(n-1)/2], MaxSpacing)
}
