package query

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	v1 "github.com/prometheus/client_golang/api/prometheus/v1"
	"github.com/prometheus/common/model"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/sample"
)

// MaxMembers bounds how many workloads one query may name. A query that by
// mistake groups by something else than workloads gets an error.
const MaxMembers = 10_000

// Key names a workload in the answer.
type Key struct{ Namespace, Name string }

// String returns namespace/name.
func (k Key) String() string { return k.Namespace + "/" + k.Name }

// Labels say which workload a series is of.
type Labels struct {
	Namespace      string // of all workloads; "" if a label has it
	NamespaceLabel string // unless Namespace is set
	NameLabel      string
}

// key returns the workload that a series names.
func (l Labels) key(m model.Metric) Key {
	k := Key{Namespace: l.Namespace, Name: string(m[model.LabelName(l.NameLabel)])}
	if k.Namespace == "" {
		k.Namespace = string(m[model.LabelName(l.NamespaceLabel)])
	}
	return k
}

// Compare orders keys by namespace and name.
func (k Key) Compare(other Key) int {
	return cmp.Or(cmp.Compare(k.Namespace, other.Namespace), cmp.Compare(k.Name, other.Name))
}

// valid reports whether a workload can have that name. What cannot must not
// get into the path of a request.
func (k Key) valid() bool {
	return len(validation.IsDNS1123Label(k.Namespace)) == 0 && len(validation.IsDNS1123Subdomain(k.Name)) == 0
}

// Members are the workloads that an answer names.
type Members struct {
	Keys     []Key // sorted, each once; shared, so not to be changed
	Unnamed  int   // series without the labels, or whose labels cannot be a workload's
	Repeated int   // workloads that more than one series names; none of these is taken
}

// Source reads samples by one query for values, times and Prometheus's clock
// together: of one workload, or of all that the labels of its series name. Any
// number of goroutines may use it; they share an answer, or a failure.
type Source struct {
	asker
	options       Options
	labels        *Labels       // nil: every series is the one workload's
	keep          time.Duration // how old an answer may be that is shared
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
// readers that have not seen it yet, while it is younger than keep.
//
// Options.Zero makes a workload that the answer leaves out 0, unless there are
// unnamed series, which may be its.
func NewShared(prometheus v1.API, o Options, l Labels, keep time.Duration) *Source {
	s := newSource(prometheus, o, "an instant vector whose labels name the workloads")
	s.labels, s.keep = &l, keep
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

// The label that tells apart what a combined query asks for. No scraped series
// has a label of this form: Prometheus drops labels with two underscores in
// front.
const (
	part      = "__camunda_scaler__"
	partValue = "value"
	partTime  = "time"
	partNow   = "now"
)

// combine makes one query of a query for values and one for times. Prometheus
// evaluates it at one time on one view of its data, so a value and its time are
// of the same sample even if a scrape comes in between; two requests would not
// do. `or` joins them without loss: it leaves out what it has already, and no
// two of them have the same labels, as the part differs. A vector of the clock
// tells an empty answer's time, and an empty answer from one that is not
// Prometheus's.
//
// Aggregating here, for example by max, would hide that two series name one
// workload, so that is left to classify.
func combine(values, times string) string {
	marked := func(query, name string) string {
		return fmt.Sprintf("label_replace(\n%s\n, %q, %q, \"\", \"\")", query, part, name)
	}
	return marked(values, partValue) + " or " + marked(times, partTime) + " or " + marked("vector(0)", partNow)
}

// Members returns which workloads the newest answer names. The answer may be as
// old as a shared one may be.
func (s *Source) Members(ctx context.Context) (Members, error) {
	a := s.answer(ctx, nil)
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
	seen   *answer // that the last Read was of
}

// Read returns the newest sample, of an answer that this reader has not seen
// before. A workload that the answer leaves out has no data. Whatever the
// outcome, Timestamp is set if the sample's time is known, and Now if
// Prometheus answered.
func (r *Reader) Read(ctx context.Context) sample.Result {
	a := r.source.answer(ctx, r.seen)
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
	res.Now = a.clock() // a shared answer's samples have aged since
	return res
}

// answer is what Prometheus answered.
type answer struct {
	at       time.Time // when the answer came, by this machine's clock
	now      time.Time // when Prometheus gave it, by Prometheus's clock
	complete bool      // no series of a known workload is missing
	members  Members
	samples  map[Key]sample.Result
	err      error
}

// clock is Prometheus's clock at this moment, if it has not been set since.
func (a *answer) clock() time.Time {
	if a.now.IsZero() {
		return a.now
	}
	return a.now.Add(time.Since(a.at))
}

// answer returns an answer other than seen. Only one request is under way at a
// time: callers wait for it and share its answer. A caller asks again itself
// only if that request was cancelled.
func (s *Source) answer(ctx context.Context, seen *answer) *answer {
	if a := s.shared(seen); a != nil {
		return a
	}
	select {
	case s.asking <- struct{}{}:
		defer func() { <-s.asking }()
	case <-ctx.Done():
		return &answer{err: fmt.Errorf("query %s: %w", s.options.Query, ctx.Err())}
	}
	if a := s.shared(seen); a != nil {
		return a
	}
	a := s.ask(ctx)
	if a.at = time.Now(); a.err == nil || ctx.Err() == nil {
		s.last.Store(a)
	}
	return a
}

func (s *Source) shared(seen *answer) *answer {
	if a := s.last.Load(); a != nil && a != seen && time.Since(a.at) < s.keep {
		return a
	}
	return nil
}

// ask makes one request.
func (s *Source) ask(ctx context.Context) *answer {
	value, warned, err := s.do(ctx, combine(s.values, s.times))
	if CauseOf(err) == CauseBadQuery {
		value, warned, err = s.askApart(ctx, err)
	}
	if err != nil {
		return &answer{err: err}
	}
	vector, ok := value.(model.Vector)
	if !ok {
		return &answer{err: s.wrongType(combine(s.values, s.times), value)}
	}
	a, err := s.sort(vector)
	if err != nil {
		return &answer{err: fmt.Errorf("query %s: %w", s.options.Query, err)}
	}
	a.complete = !warned && a.members.Unnamed == 0
	if s.ages.note(a.ageless()) {
		s.warn(ageUnknown(s.labels != nil))
	}
	return a
}

// askApart finds out why Prometheus refuses the two queries together, since
// what it says then is about a query that no user wrote. A scalar is made a
// vector, and then they are asked together again.
func (s *Source) askApart(ctx context.Context, together error) (value model.Value, warned bool, err error) {
	made := false
	vector := func(query string) (string, model.Value, error) {
		value, _, err := s.do(ctx, query)
		switch {
		case err != nil:
			return "", nil, err
		case value.Type() == model.ValScalar && s.labels == nil:
			made = true
			return vectorOf(query), value, nil
		case value.Type() != model.ValVector:
			return "", nil, s.wrongType(query, value)
		}
		return query, value, nil
	}
	values, found, err := vector(s.options.Query)
	if err != nil {
		return nil, false, err
	}
	if series, ok := found.(model.Vector); ok && len(series) > 1 && s.labels == nil {
		// Their times may be refused: timestamp() drops the metric's name, which
		// may be all that they differ by.
		for _, one := range series {
			one.Metric = model.Metric{part: partValue}
		}
		return append(series, &model.Sample{Metric: model.Metric{part: partNow}, Timestamp: series[0].Timestamp}), true, nil
	}
	times := timestampOf(values)
	if s.options.TimestampQuery != "" {
		if times, _, err = vector(s.options.TimestampQuery); err != nil {
			return nil, false, err
		}
	}
	if !made {
		return nil, false, together
	}
	s.values, s.times = values, times
	return s.do(ctx, combine(values, times))
}

// series are those of one workload.
type series struct{ values, times model.Vector }

// sort finds out which series is of which workload.
func (s *Source) sort(vector model.Vector) (*answer, error) {
	a := &answer{}
	byKey := map[Key]*series{}
	for _, one := range vector {
		kind := one.Metric[part]
		if kind == partNow {
			a.now = one.Timestamp.Time()
			continue
		}
		var key Key
		named := s.labels == nil
		if !named {
			key = s.labels.key(one.Metric)
			named = byKey[key] != nil || key.valid()
		}
		of := byKey[key]
		if of == nil && named {
			of = &series{}
			byKey[key] = of
		}
		switch {
		case kind == partValue && named:
			of.values = append(of.values, one)
		case kind == partValue:
			a.members.Unnamed++
		case kind == partTime && named:
			of.times = append(of.times, one)
		case kind != partTime:
			return nil, errors.New("a series that was not asked for: is this a Prometheus?")
		}
	}
	if a.now.IsZero() {
		return nil, errors.New("an answer without Prometheus's clock")
	}
	a.samples = make(map[Key]sample.Result, len(byKey))
	for key, of := range byKey {
		if len(of.values) > 0 && s.labels != nil {
			a.members.Keys = append(a.members.Keys, key)
		}
		if len(of.values) > 1 {
			a.members.Repeated++
		}
		a.samples[key] = s.result(key, of)
	}
	if n := len(a.members.Keys); n > MaxMembers {
		return nil, fmt.Errorf("its labels name %d workloads, and %d is the limit: is it grouped by the right labels?", n, MaxMembers)
	}
	slices.SortFunc(a.members.Keys, Key.Compare)
	return a, nil
}

// result says what the series of one workload give: a number with its time, or
// why there is none.
func (s *Source) result(key Key, of *series) sample.Result {
	value := s.classify(s.options.Query, of.values)
	if value.Outcome == sample.ManySeries {
		return value
	}
	times := cmp.Or(s.options.TimestampQuery, timestampOf(s.options.Query))
	at := s.classify(times, of.times)
	switch {
	case value.Outcome == sample.NoData && at.Outcome == sample.NoData:
		return value
	case at.Outcome == sample.NoData && s.labels != nil:
		return failure("query %s gives no time for %s: its series need the same labels as those of query %s", times, key, s.options.Query)
	case at.Outcome == sample.NoData:
		return failure("query %s gives no time, but query %s has a sample: its age is not known", times, s.options.Query)
	case at.Outcome == sample.ManySeries && s.labels != nil:
		return failure("query %s gives %d times for %s: want one, for example the max by the labels that name it", times, at.Series, key)
	case at.Outcome == sample.ManySeries:
		return failure("query %s gives %d times: want one, for example their max", times, at.Series)
	}
	at = asTime(times, at)
	switch at.Outcome {
	case sample.Value:
		value.Timestamp = at.Timestamp
	case sample.Future:
		if value.Outcome != sample.NoData {
			value.Outcome = sample.Future
		}
		value.Timestamp = at.Timestamp
	default:
		return at
	}
	return value
}

// ageless reports whether all samples seem to be from the very moment.
func (a *answer) ageless() bool {
	for _, res := range a.samples {
		if !res.Timestamp.Equal(a.now) {
			return false
		}
	}
	return len(a.samples) > 0
}
