// Package started asks an engine how many process instances were started: in
// the last window, and in all since the reader was made.
package started

import (
	"context"
	"time"

	"github.com/camunda-autoscaler/camunda-autoscaler/exporter/camunda"
	"github.com/camunda-autoscaler/camunda-autoscaler/exporter/window"
)

// Engine is what the reader needs of a camunda.Client.
type Engine interface {
	CountStarted(context.Context, camunda.StartedQuery) (uint64, camunda.Answer, error)
	InHistory(ctx context.Context, id string) (bool, error)
	AnyInHistory(context.Context) (bool, error)
	AnyRunning(ctx context.Context, tenants []string) (id string, err error)
	RootStarts(context.Context) (uint64, error)
}

// Options say what is counted.
type Options struct {
	Window         time.Duration // length of the window, in whole seconds
	SettleLag      time.Duration // how long before now the window ends
	RecountHorizon time.Duration // how late an instance may become visible and still be counted in the total
	Keys           []string      // process definition keys that are counted on their own, too
	RootOnly       bool          // leave out instances started by call activities
	Tenants        []string      // if any, count only theirs
}

// Reading is what one refresh found. If Err is set, only the totals hold.
type Reading struct {
	Err    error
	Window window.Window
	All    Count
	Keys   []KeyCount // in the order of Options.Keys
	Answer camunda.Answer

	// History says whether the engine's history can be read. If it cannot,
	// the counts of the window mean nothing.
	History History
	// Evidence says why history cannot be read.
	Evidence string
}

// Count is how many instances were started in the window and since the
// beginning.
type Count struct {
	Recent, Total uint64
}

// KeyCount is a Count of one process definition's instances.
type KeyCount struct {
	Key string
	Count
}

// Reader asks an engine. Its methods must not be called concurrently.
type Reader struct {
	engine    Engine
	options   Options
	series    []*series // first all instances, then one for each key
	recounted time.Time // end of the window at which the last recount was made
	asked     int       // requests of the reading under way
	history   historyCheck
}

type series struct {
	key    string
	ledger *window.Ledger
	recent uint64
}

// NewReader returns a reader whose totals begin at start.
func NewReader(engine Engine, o Options, start time.Time) *Reader {
	begin := window.End(start, o.SettleLag)
	r := &Reader{engine: engine, options: o, recounted: begin}
	for _, key := range append([]string{""}, o.Keys...) {
		r.series = append(r.series, &series{key: key, ledger: window.NewLedger(begin, o.RecountHorizon)})
	}
	return r
}

// Read asks for the window that is complete at now and for what the totals
// lack. It returns the reading and how many requests it made.
func (r *Reader) Read(ctx context.Context, now time.Time) (Reading, int) {
	r.asked = 0
	w := window.At(now, r.options.SettleLag, r.options.Window)
	answer, err := r.read(ctx, w)
	reading := r.Totals()
	reading.Err, reading.Window, reading.Answer = err, w, answer
	reading.History, reading.Evidence = r.history.verdict, r.history.evidence
	return reading, r.asked
}

// Totals returns a reading with nothing but the totals so far.
func (r *Reader) Totals() Reading {
	var reading Reading
	for i, s := range r.series {
		c := Count{Recent: s.recent, Total: s.ledger.Total()}
		if i == 0 {
			reading.All = c
		} else {
			reading.Keys = append(reading.Keys, KeyCount{Key: s.key, Count: c})
		}
	}
	return reading
}

func (r *Reader) read(ctx context.Context, w window.Window) (camunda.Answer, error) {
	var latest camunda.Answer
	for _, s := range r.series {
		recent, answer, err := r.count(ctx, s, w)
		if err != nil {
			return answer, err
		}
		s.recent, latest = recent, answer
		uncounted, any := s.ledger.Next(w.End)
		if !any {
			continue
		}
		n := recent
		if uncounted != w {
			if n, latest, err = r.count(ctx, s, uncounted); err != nil {
				return latest, err
			}
		}
		s.ledger.Advance(w.End, n)
	}
	if err := r.recount(ctx, w.End); err != nil {
		return latest, err
	}
	r.checkHistory(ctx, w.End)
	return latest, nil
}

// recount counts again what may have become visible late: of all that is open,
// what has waited longest, once a window.
func (r *Reader) recount(ctx context.Context, end time.Time) error {
	if end.Sub(r.recounted) < r.options.Window {
		return nil
	}
	var (
		next   *series
		open   window.Window
		oldest time.Time
	)
	for _, s := range r.series {
		w, since, ok := s.ledger.Open()
		if ok && (next == nil || since.Before(oldest)) {
			next, open, oldest = s, w, since
		}
	}
	if next == nil {
		return nil
	}
	n, _, err := r.count(ctx, next, open)
	if err != nil {
		return err
	}
	next.ledger.Recount(open, n)
	r.recounted = end
	return nil
}

func (r *Reader) count(ctx context.Context, s *series, w window.Window) (uint64, camunda.Answer, error) {
	r.asked++
	return r.engine.CountStarted(ctx, camunda.StartedQuery{
		From: w.Start, To: w.Last(),
		ProcessDefinitionKey: s.key, RootOnly: r.options.RootOnly, Tenants: r.options.Tenants,
	})
}
