package replay

import (
	"context"
	"math"
	"time"

	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/config"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/decide"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/loop"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/sample"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/workload"
)

// Options are what all runs of one replay share.
type Options struct {
	From, To   time.Time
	Start      int32         // replicas at From; 0 is the minimum in force then
	ReadyAfter time.Duration // how long a new Pod takes to share the load
	Judge      Judge
	Columns    int // of the trace; 0 for none
}

// MaxSteps is how many steps of a run are kept; Figures count all.
const MaxSteps = 10_000

// Step is a change of the replicas.
type Step struct {
	Time     time.Time     `json:"time"`                 // of the decision
	Sample   time.Time     `json:"sample_time,omitzero"` // of the newest sample decided on
	From     int32         `json:"from"`
	To       int32         `json:"to"`
	Reason   decide.Reason `json:"reason,omitempty"`
	Trigger  string        `json:"trigger,omitempty"`
	Value    *float64      `json:"value,omitempty"`
	Instance *float64      `json:"per_instance,omitempty"` // nil without replicas, too
}

// Run is one policy that decides on a stream.
type Run struct {
	Steps   []Step                // the first MaxSteps
	Reasons map[decide.Reason]int // how many decisions had which reason
	Decided int
	Meter   Meter

	target config.Target
	loop   *loop.Loop
	now    int64 // what the clock of this run shows, in nanoseconds
	next   int64 // when the loop runs its next cycle
	end    int64
	tracks []Observation // what each query gives now
	capped *Observation  // the same of max_replicas_query; nil without one
	pods   pods
}

// NewRun returns a run of the target: it scales, also if the target is a dry run
// or paused, and asks for no Pods. The queries are not asked; the stream says what they give.
func NewRun(t config.Target, o Options) *Run {
	t.DryRun, t.Pause, t.BusyPods, t.Policy.BusyPods = false, workload.Pause{}, nil, nil
	r := &Run{
		Reasons: map[decide.Reason]int{}, target: t, now: o.From.UnixNano(), end: o.To.UnixNano(),
		tracks: make([]Observation, len(t.Policy.Triggers)),
		pods:   pods{readyAfter: o.ReadyAfter.Nanoseconds()},
	}
	r.next = r.now
	for i := range r.tracks {
		r.tracks[i] = Observation{Track: i, Kind: Nothing}
	}
	limits := t.Calendar.Limits(t.Policy.Limits, o.From)
	start := o.Start
	if start < 1 {
		start = limits.Min
	}
	r.pods.desired, r.pods.ready = start, start
	r.Meter = newMeter(o, &r.pods)
	r.Meter.limits = limits
	from := loop.Sources{}
	for i := range r.tracks {
		from.Triggers = append(from.Triggers, reader{r, i})
	}
	if t.MaxReplicasQuery != "" {
		r.capped = &Observation{Track: MaxReplicas, Kind: Nothing}
		from.Max = limit{r}
	}
	r.loop = loop.New(&t, from, scaler{r}, observer{r})
	r.loop.GoBy(func() time.Time { return timeOf(r.now) })
	return r
}

// Feed takes in what was seen next.
func (r *Run) Feed(ctx context.Context, batch []Observation) {
	for _, o := range batch {
		r.advance(ctx, min(o.Seen, r.end))
		if o.Seen >= r.end {
			return
		}
		switch {
		case o.Track >= 0 && o.Track < len(r.tracks):
			r.tracks[o.Track] = o
		case o.Track == MaxReplicas && r.capped != nil:
			*r.capped = o
		}
		r.Meter.observe(o)
	}
}

// End lets the time pass until the end of the replay.
func (r *Run) End(ctx context.Context) { r.advance(ctx, r.end) }

// advance runs the loop's cycles before that time.
func (r *Run) advance(ctx context.Context, until int64) {
	for r.next < until {
		r.Meter.advance(r.next)
		r.now = r.next
		wait := r.loop.Step(ctx).Nanoseconds()
		r.next = r.now + max(int64(time.Microsecond), wait)
	}
	r.Meter.advance(until)
	r.now = max(r.now, until)
}

// reader reads what a trigger's query gives.
type reader struct {
	*Run
	track int
}

func (r reader) Read(context.Context) sample.Result { return r.tracks[r.track].result(r.now) }

// limit evaluates max_replicas_query.
type limit struct{ *Run }

func (l limit) Now(context.Context) sample.Result {
	res := l.capped.result(l.now)
	res.Timestamp = time.Time{}
	return res
}

// scaler is a workload that counts its replicas.
type scaler struct{ *Run }

func (s scaler) Get(context.Context) (workload.Scale, error) {
	ready := s.pods.readyAt(s.now)
	return workload.Scale{Replicas: s.pods.desired, Ready: &ready, Known: true, Writer: writer}, nil
}

func (s scaler) Set(_ context.Context, _ workload.Scale, replicas int32) error {
	s.pods.set(replicas, s.now)
	return nil
}

// writer is the one that there is, so 0 replicas are by the rule.
var writer = workload.Writer{Manager: workload.FieldManager, Subresource: "scale"}

func (scaler) ScaledByHPA(context.Context) (string, error) { return "", nil }

// observer keeps what was decided.
type observer struct{ *Run }

func (o observer) Observe(d loop.Decision) {
	o.Decided++
	o.Reasons[d.Reason]++
	if d.Limits.Max > 0 {
		o.Meter.limits = d.Limits
	}
	if d.Action == decide.None {
		return
	}
	o.Meter.step(d.From, d.To)
	if len(o.Steps) >= MaxSteps {
		return
	}
	s := Step{Time: d.Now, Sample: decide.Newest(d.Samples), From: d.From, To: d.To, Reason: d.Reason}
	if d.Bound != nil { // a number decided
		s.Trigger = o.target.Policy.Triggers[d.Trigger].Name
		value, per := d.Sample().Value, d.PerInstance
		if s.Value = &value; !math.IsNaN(per) {
			s.Instance = &per
		}
	}
	o.Steps = append(o.Steps, s)
}

// pods are a workload's Pods: those that were added last become ready last, and
// go first.
type pods struct {
	desired    int32
	ready      int32 // that share the load
	readyAfter int64
	starting   []batchOfPods // in the order in which they get ready
}

type batchOfPods struct {
	n  int32
	at int64
}

func (p *pods) set(n int32, now int64) {
	p.readyAt(now)
	added := n - p.desired
	p.desired = n
	switch {
	case added > 0 && p.readyAfter > 0:
		p.starting = append(p.starting, batchOfPods{added, now + p.readyAfter})
		return
	case added > 0:
		p.ready += added
		return
	}
	for gone := -added; gone > 0; {
		last := len(p.starting) - 1
		if last < 0 {
			p.ready -= gone
			return
		}
		n := min(gone, p.starting[last].n)
		p.starting[last].n -= n
		gone -= n
		if p.starting[last].n == 0 {
			p.starting = p.starting[:last]
		}
	}
}

// readyAt returns how many are ready at that time, which does not go back.
func (p *pods) readyAt(now int64) int32 {
	for len(p.starting) > 0 && p.starting[0].at <= now {
		p.ready += p.starting[0].n
		p.starting = p.starting[1:]
	}
	return p.ready
}

// next returns when more become ready, 0 if none do.
func (p *pods) next() int64 {
	if len(p.starting) == 0 {
		return 0
	}
	return p.starting[0].at
}
