package scale

import (
	"context"
	"math/rand/v2"
	"slices"
	"time"
)

// Reaction is how long it took from a load's change to the first step, and of
// what that consists.
type Reaction struct {
	Interval time.Duration // of scrapes and decisions

	Whole  Spread // from the change to the write
	Last   Spread // from the change to the write of the number that fits the load
	Wait   Spread // from the change to the scrape
	Scrape Spread // as the exporter sees it
	Rest   Spread // from the scrape's end to the write: Prometheus stores, the scaler asks, decides and writes

	Query, Write time.Duration // on average: parts of Rest
}

// Spread is of many durations.
type Spread struct{ Min, Median, P90, Max time.Duration }

func spread(d []time.Duration) Spread {
	slices.Sort(d)
	at := func(q float64) time.Duration { return d[int(q*float64(len(d)-1))] }
	return Spread{d[0], at(.5), at(.9), d[len(d)-1]}
}

// React changes the load of each workload at a random time; the scaler acts, with
// those flags.
func (w *World) React(ctx context.Context, flags ...string) (r Reaction, err error) {
	r.Interval = w.Interval
	s, err := w.Start(ctx, OneQuery, flags...)
	if err != nil {
		return r, err
	}
	defer s.Stop()
	if err := w.decided(ctx, s); err != nil {
		return r, err
	}
	if err := wait(ctx, 8*w.Interval); err != nil { // spacing and phase are learned
		return r, err
	}
	if err := w.react(ctx, w.Interval, &r); err != nil {
		return r, err
	}
	m, err := s.scrape(ctx)
	r.Query = m.Mean("camunda_scaler_query_duration_seconds", "")
	r.Write = m.Mean("camunda_scaler_api_request_duration_seconds", "write")
	return r, err
}

// ReactPeer is React for another autoscaler.
func (w *World) ReactPeer(ctx context.Context, p Peer) (r Reaction, err error) {
	r.Interval = w.Interval
	stop, err := w.startPeer(ctx, p)
	if err != nil {
		return r, err
	}
	defer stop()
	err = w.react(ctx, max(w.Interval, p.Sync), &r)
	return r, err
}

// react measures what decides once in a period.
func (w *World) react(ctx context.Context, period time.Duration, r *Reaction) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute+8*period)
	defer cancel()
	scaled, err := w.steps(ctx, w.Size, fitsHigh, func() {
		for i := range w.Size {
			time.AfterFunc(rand.N(4*period), func() { w.set(i, high) })
		}
	})
	if err != nil {
		return err
	}
	var whole, last, waited, scrape, rest []time.Duration
	for i := range w.Size {
		l, times := w.load(i), scaled[name(i)]
		at := times[0]
		last = append(last, times[len(times)-1].Sub(l.since))
		whole, waited = append(whole, at.Sub(l.since)), append(waited, l.scrapeBegan.Sub(l.since))
		scrape, rest = append(scrape, l.scrapeEnded.Sub(l.scrapeBegan)), append(rest, at.Sub(l.scrapeEnded))
	}
	r.Whole, r.Last, r.Wait, r.Scrape, r.Rest = spread(whole), spread(last), spread(waited), spread(scrape), spread(rest)
	return nil
}
