package query

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	v1 "github.com/prometheus/client_golang/api/prometheus/v1"
	"github.com/prometheus/common/model"
	"golang.org/x/time/rate"

	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/promapi"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/sample"
)

// Source reads samples by one query for values, times and Prometheus's clock
// together: of one workload, or of all that the labels of its series name. Any
// number of goroutines may use it; they share an answer, or a failure.
type Source struct {
	asker
	options       Options
	labels        *Labels       // nil: every series is the one workload's
	keep          time.Duration // how old an answer may be that is shared
	spare         *rate.Limiter // of requests for a newer answer than that
	values, times string        // what is asked for, both as vectors

	asking chan struct{} // full while a request is under way; guards values, times and ages
	last   atomic.Pointer[answer]
	ages   ages
}

// New returns a source of one workload's samples: the query gives one series or
// a scalar, and so does the timestamp query.
func New(prometheus v1.API, o Options) *Source {
	return newSource(prometheus, o, "an instant vector of one series, or a scalar")
}

// NewShared returns a source of many workloads' samples. An answer is shared by
// readers that have not seen it yet, while it is younger than keep. If it has no
// news for a reader, that asks again, though not much more often than once in
// keep: the workloads may be scraped at any number of times.
//
// Options.Zero makes a workload that the answer leaves out 0, unless there are
// unnamed series, which may be its.
func NewShared(prometheus v1.API, o Options, l Labels, keep time.Duration) *Source {
	s := newSource(prometheus, o, "an instant vector whose labels name the workloads")
	s.labels, s.keep = &l, keep
	s.spare = rate.NewLimiter(rate.Every(2*max(keep, time.Nanosecond)), 3)
	return s
}

func newSource(prometheus v1.API, o Options, want string) *Source {
	s := &Source{
		asker: asker{prometheus, o.Warn, want}, options: o, values: o.Query, times: o.TimestampQuery,
		asking: make(chan struct{}, 1), ages: ages{told: o.TimestampQuery != ""},
	}
	if s.times == "" {
		s.times = timestampOf(o.Query)
	}
	return s
}

// Members returns which workloads the newest answer names. The answer may be as
// old as a shared one may be.
func (s *Source) Members(ctx context.Context) (Members, error) {
	a := s.answer(ctx, func(a *answer) bool { return time.Since(a.at) < s.keep })
	return a.members, a.err
}

// Reader returns a reader of one workload's samples, whether or not there are
// any. The zero Key is the workload of a source made by New.
func (s *Source) Reader(key Key) *Reader { return &Reader{source: s, key: key} }

// Reader reads the samples of one workload. It is used by one goroutine at a
// time.
type Reader struct {
	source *Source
	key    Key
	seen   *answer   // that the last Read was of
	last   time.Time // of the newest sample that was read
}

// Read returns the newest sample. A workload that the answer leaves out has no data. Whatever the
// outcome, Timestamp is set if the sample's time is known, and Now if
// Prometheus answered.
func (r *Reader) Read(ctx context.Context) sample.Result {
	a := r.source.answer(ctx, r.accepts)
	r.seen = a
	if a.err != nil {
		return sample.Result{Outcome: sample.Failed, Err: a.err}
	}
	res, known := a.samples[r.key]
	if !known {
		res = sample.Result{Outcome: sample.NoData}
	}
	if res.Outcome == sample.NoData && r.source.options.Zero && a.complete {
		res.Outcome, res.Empty = sample.Value, true
		if res.Timestamp.IsZero() {
			res.Timestamp = a.now
		}
		if res.Timestamp.After(a.now) {
			res.Outcome = sample.Future
		}
	}
	res.Ageless = !a.now.IsZero() && res.Timestamp.Equal(a.now)
	res.Now, res.Evaluated = a.clock(), a.now // a shared answer's samples have aged since
	res.Took = a.at.Sub(a.sent)
	if res.Timestamp.After(r.last) {
		r.last = res.Timestamp
	}
	return res
}

// accepts reports whether an answer that another reader asked for will do: it
// has a newer sample, it is as good as new, or this is no time to ask again.
func (r *Reader) accepts(a *answer) bool {
	age := time.Since(a.at)
	switch {
	case age >= r.source.keep || a == r.seen && a.err != nil:
		return false
	case a.err != nil || a.samples[r.key].Timestamp.After(r.last) || age < asGoodAsNew:
		return true
	}
	return !r.source.spare.AllowN(time.Now(), 1)
}

// asGoodAsNew is how old an answer may be to tell that there is nothing new yet.
const asGoodAsNew = 20 * time.Millisecond

// answer is what Prometheus answered.
type answer struct {
	at       time.Time // when the answer came, by this machine's clock
	sent     time.Time // when the request went out
	now      time.Time // as of when Prometheus evaluated, by Prometheus's clock
	complete bool      // no series of a known workload is missing
	members  Members
	samples  map[Key]sample.Result
	err      error
}

// clock is Prometheus's clock at this moment, if it has not been set since. It is
// ahead by what the request took to get there, and never behind.
func (a *answer) clock() time.Time {
	if a.now.IsZero() {
		return a.now
	}
	return a.now.Add(time.Since(a.sent))
}

// answer returns an answer that the caller accepts, or a new one. Only one
// request is under way at a time: callers wait for it and share its answer. A
// caller asks again itself only if that request was cancelled.
func (s *Source) answer(ctx context.Context, accepts func(*answer) bool) *answer {
	known := s.last.Load()
	if known != nil && accepts(known) {
		return known
	}
	select {
	case s.asking <- struct{}{}:
		defer func() { <-s.asking }()
	case <-ctx.Done():
		return &answer{err: fmt.Errorf("query %s: %w", s.options.Query, ctx.Err())}
	}
	if a := s.last.Load(); a != nil && a != known && accepts(a) {
		return a
	}
	a := s.ask(ctx)
	if a.at = time.Now(); a.err == nil || ctx.Err() == nil {
		s.last.Store(a)
	}
	return a
}

// ask makes one request.
func (s *Source) ask(ctx context.Context) *answer {
	together := s.labels == nil // else it is large enough
	got, err := s.do(ctx, combine(s.values, s.times), s.options.Query, together)
	if promapi.CauseOf(err) == promapi.CauseBadQuery {
		got, err = s.askApart(ctx, err)
	}
	if err != nil {
		return &answer{err: err}
	}
	vector, ok := got.value.(model.Vector)
	if !ok {
		return &answer{err: s.wrongType(s.options.Query, got.value)}
	}
	a, err := s.sort(vector)
	if err != nil {
		return &answer{err: fmt.Errorf("query %s: %w", s.options.Query, err)}
	}
	a.sent, a.complete = got.sent, !got.warned && a.members.Unnamed == 0
	if s.ages.note(a.ageless()) {
		s.warn(ageUnknown(s.labels != nil))
	}
	return a
}
