package instances

import (
	"context"
	"sync"
	"time"

	"github.com/camunda-autoscaler/camunda-autoscaler/exporter/camunda"
	"github.com/camunda-autoscaler/camunda-autoscaler/exporter/window"
)

// Misdated detects instances that become visible with a start time far from
// now. An engine's database stores times without a zone: what a node with
// another time zone starts seems to be hours old, or to start in hours, and is
// in no window. A node whose clock is wrong by more than a quarter of an hour
// does the same.
//
// The evidence is the count of two stretches of time in which nothing starts
// any more, or yet: it must not rise. Misdated is safe for concurrent use, but
// for Check.
type Misdated struct {
	engine  Engine
	options Options

	// Of Check alone:
	at      time.Time // of the latest check
	past    stretch
	future  stretch
	current bool // whether both were counted at the latest check

	mu    sync.Mutex
	found uint64
	known bool
}

// stretch is a stretch of time, and how many instances started in it.
type stretch struct {
	window.Window
	count uint64
}

// A check asks for stretches that reach as far as zones on one database may
// differ, and leave out what clocks and long transactions may shift.
const (
	misdatedEvery  = 5 * time.Minute
	misdatedMargin = 15 * time.Minute
	misdatedReach  = 14 * time.Hour
)

// NewMisdated returns a check of the instances that the options select.
func NewMisdated(engine Engine, o Options) *Misdated {
	return &Misdated{engine: engine, options: o}
}

// Found returns how many misdated instances became visible between the latest
// two checks, and false if that is not known.
func (m *Misdated) Found() (uint64, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.found, m.known
}

// Check looks for misdated instances, if a check is due at now. It takes four
// requests in five minutes.
func (m *Misdated) Check(ctx context.Context, now time.Time) (requests int, err error) {
	if !m.at.IsZero() && now.Sub(m.at).Abs() < misdatedEvery {
		return 0, nil
	}
	compare := m.current && now.Sub(m.at).Abs() < 2*misdatedEvery
	m.at, m.current = now, false
	var found uint64
	if compare {
		for _, s := range []stretch{m.past, m.future} {
			n, err := m.count(ctx, s.Window)
			requests++
			if err != nil {
				m.set(0, false)
				return requests, err
			}
			found += n - min(n, s.count)
		}
	}
	m.set(found, compare)
	margin := max(misdatedMargin, m.options.RecountHorizon+misdatedEvery)
	now = now.Truncate(time.Second)
	m.past.Window = window.Window{Start: now.Add(-misdatedReach), End: now.Add(-margin)}
	m.future.Window = window.Window{Start: now.Add(margin + 2*misdatedEvery), End: now.Add(misdatedReach)}
	for _, s := range []*stretch{&m.past, &m.future} {
		n, err := m.count(ctx, s.Window)
		requests++
		if err != nil {
			return requests, err
		}
		s.count = n
	}
	m.current = true
	return requests, nil
}

func (m *Misdated) set(found uint64, known bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.found, m.known = found, known
}

func (m *Misdated) count(ctx context.Context, w window.Window) (uint64, error) {
	return m.engine.CountHistory(ctx, camunda.HistoryCheck, camunda.HistoryQuery{
		Event: camunda.Started, From: w.Start, To: w.Last(), RootOnly: m.options.RootOnly, Tenants: m.options.Tenants,
	})
}
