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

// key returns what the labels have.
func (l Labels) key(m model.Metric) Key {
	k := Key{Namespace: l.Namespace, Name: string(m[model.LabelName(l.NameLabel)])}
	if k.Namespace == "" {
		k.Namespace = string(m[model.LabelName(l.NamespaceLabel)])
	}
	return k
}

// canBe reports whether a workload can have that name. What cannot must not
// get into the path of a request.
func (k Key) canBe() bool {
	return len(validation.IsDNS1123Label(k.Namespace)) == 0 && len(validation.IsDNS1123Subdomain(k.Name)) == 0
}

// Members are the workloads that an answer names.
type Members struct {
	Keys     []Key // sorted, each once; shared, so not to be changed
	Unnamed  int   // series without the labels, or whose labels cannot be a workload's
	Repeated int   // workloads that more than one series names; none of these is taken
}

// Shared reads the samples of many workloads by one query, the labels of whose
// series name the workloads. Any number of goroutines may use it: they share
// an answer, or a failure, as long as it is new enough.
type Shared struct {
	asker
	options Options
	labels  Labels
	keep    time.Duration
	query   string // for values, times and the clock together

	turn chan struct{} // is full while somebody asks; guards ages
	last atomic.Pointer[look]
	ages ages
}

// NewShared returns a reader of the query of many series. An answer is kept for
// so long, which bounds how often Prometheus is asked; a good choice is a
// fraction of the interval between decisions.
//
// Options.Zero makes a workload that the answer leaves out 0, unless there are
// unnamed series, which may be its.
func NewShared(prometheus v1.API, o Options, l Labels, keep time.Duration) *Shared {
	ages := ages{told: o.TimestampQuery != ""}
	if o.TimestampQuery == "" {
		o.TimestampQuery = timestampOf(o.Query)
	}
	return &Shared{
		asker:   asker{prometheus, o.Warn, "an instant vector whose labels name the workloads"},
		options: o, labels: l, keep: keep, query: combine(o.Query, o.TimestampQuery), turn: make(chan struct{}, 1), ages: ages,
	}
}

// The label that tells apart what a combined query asks for. No scraped series
// has one that begins so: Prometheus drops those.
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
// Aggregating here, say by max, would hide that two series name one workload,
// so that is left to classify. One case Prometheus refuses for all the
// workloads: series that differ in nothing but the metric's name, which
// timestamp() drops.
func combine(values, times string) string {
	marked := func(query, name string) string {
		return fmt.Sprintf("label_replace(\n%s\n, %q, %q, \"\", \"\")", query, part, name)
	}
	return marked(values, partValue) + " or " + marked(times, partTime) + " or " + marked("vector(0)", partNow)
}

// Keys returns which workloads the newest answer names.
func (s *Shared) Keys(ctx context.Context) (Members, error) {
	l := s.look(ctx)
	return l.members, l.err
}

// Reader returns a reader of one workload's samples, whether or not there are
// any.
func (s *Shared) Reader(key Key) *Member { return &Member{shared: s, key: key} }

// look is what an answer says.
type look struct {
	at      time.Time // when the answer came, by this machine's clock
	now     time.Time // when Prometheus gave it, by Prometheus's
	whole   bool      // no series of a known workload is missing
	members Members
	samples map[Key]found
	err     error
}

// found is what an answer says of one workload: of the sample, NoData if there
// is nothing but a time.
type found struct{ newest, sample sample.Result }

// clock is Prometheus's clock at this moment, if nobody has set it since.
func (l *look) clock() time.Time {
	if l.now.IsZero() {
		return l.now
	}
	return l.now.Add(time.Since(l.at))
}

// look returns an answer that is new enough. It asks Prometheus if there is
// none; whoever wants one meanwhile waits for it, and asks in his turn only if
// it was given up because this ctx ended.
func (s *Shared) look(ctx context.Context) *look {
	if l := s.fresh(); l != nil {
		return l
	}
	select {
	case s.turn <- struct{}{}:
		defer func() { <-s.turn }()
	case <-ctx.Done():
		return &look{err: fmt.Errorf("query %s: %w", s.options.Query, ctx.Err())}
	}
	if l := s.fresh(); l != nil {
		return l
	}
	l := s.ask(ctx)
	if l.at = time.Now(); l.err == nil || ctx.Err() == nil {
		s.last.Store(l)
	}
	return l
}

func (s *Shared) fresh() *look {
	if l := s.last.Load(); l != nil && time.Since(l.at) < s.keep {
		return l
	}
	return nil
}

func (s *Shared) ask(ctx context.Context) *look {
	value, warned, err := s.do(ctx, s.query, time.Time{})
	if err != nil {
		return &look{err: s.inItsOwnWords(ctx, err)}
	}
	answer, ok := value.(model.Vector)
	if !ok {
		return &look{err: s.wrongType(s.query, value)}
	}
	l, err := s.sort(answer)
	if err != nil {
		return &look{err: fmt.Errorf("query %s: %w", s.options.Query, err)}
	}
	l.whole = !warned && l.members.Unnamed == 0
	if s.ages.note(l.ageless()) {
		s.warn(ageUnknown("max by (namespace, deployment) (timestamp(my_metric))"))
	}
	return l
}

// inItsOwnWords asks for the queries one by one if Prometheus refuses them
// together, as what it says then is about a query that nobody wrote.
func (s *Shared) inItsOwnWords(ctx context.Context, together error) error {
	if CauseOf(together) != CauseBadQuery {
		return together
	}
	for _, q := range []string{s.options.Query, s.options.TimestampQuery} {
		switch value, _, err := s.do(ctx, q, time.Time{}); {
		case err != nil:
			return err
		case value.Type() != model.ValVector:
			return s.wrongType(q, value)
		}
	}
	return together
}

// series are those of one workload.
type series struct{ values, times model.Vector }

// sort finds out which series is of which workload.
func (s *Shared) sort(answer model.Vector) (*look, error) {
	l := &look{}
	byKey := map[Key]*series{}
	for _, one := range answer {
		kind := one.Metric[part]
		if kind == partNow {
			l.now = one.Timestamp.Time()
			continue
		}
		key := s.labels.key(one.Metric)
		of := byKey[key]
		if of == nil && key.canBe() {
			of = &series{}
			byKey[key] = of
		}
		named := of != nil
		switch {
		case kind == partValue && named:
			of.values = append(of.values, one)
		case kind == partValue:
			l.members.Unnamed++
		case kind == partTime && named:
			of.times = append(of.times, one)
		case kind != partTime:
			return nil, errors.New("a series that was not asked for: is this a Prometheus?")
		}
	}
	if l.now.IsZero() {
		return nil, errors.New("an answer without Prometheus's clock")
	}
	l.samples = make(map[Key]found, len(byKey))
	for key, of := range byKey {
		if len(of.values) > 0 {
			l.members.Keys = append(l.members.Keys, key)
		}
		if len(of.values) > 1 {
			l.members.Repeated++
		}
		l.samples[key] = s.classifySeries(key, of)
	}
	if n := len(l.members.Keys); n > MaxMembers {
		return nil, fmt.Errorf("its labels name %d workloads, and %d is the most: is it grouped by the right labels?", n, MaxMembers)
	}
	slices.SortFunc(l.members.Keys, func(a, b Key) int {
		return cmp.Or(cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Name, b.Name))
	})
	return l, nil
}

// classifySeries says of one workload's series what a Reader would.
func (s *Shared) classifySeries(key Key, of *series) found {
	value := s.classify(s.options.Query, of.values)
	if value.Outcome == sample.ManySeries {
		return found{value, value}
	}
	times := s.options.TimestampQuery
	newest := s.classify(times, of.times)
	switch newest.Outcome {
	case sample.NoData:
		newest = failure("query %s gives no time for %s: its series need the same labels as those of query %s", times, key, s.options.Query)
	case sample.ManySeries:
		newest = failure("query %s gives %d times for %s: want one, for example the max by the labels that name it", times, newest.Series, key)
	default:
		newest = asTime(times, newest)
	}
	return found{newest, value}
}

// ageless reports whether all samples seem to be from the very moment.
func (l *look) ageless() bool {
	for _, f := range l.samples {
		if !f.newest.Timestamp.Equal(f.newest.Now) {
			return false
		}
	}
	return len(l.samples) > 0
}
