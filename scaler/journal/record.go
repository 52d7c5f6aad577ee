package journal

import (
	"errors"
	"time"

	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/config"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/decide"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/loop"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/sample"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/workload"
)

// Entry is one decision of the past, complete but for what Record leaves out.
type Entry struct {
	At time.Time // when it was made, by this machine's clock
	loop.Decision
}

// keep keeps what a decision was made from, and what became of it. What was
// decided is not kept: it follows from that. Left out are the identity of errors,
// of which only the text stays, Prometheus's clock with each answer, the version
// of the workload, and what is below a millisecond of At and Lag.
func (e *Entry) keep(c *codec) {
	d := &e.Decision
	c.Time(&e.At)
	c.since(&d.Now, e.At)
	for i := range d.Samples {
		keepSample(c, &d.Samples[i], d.Now)
	}
	pointer(c, &d.Before, func(st *decide.State) { st.Visit(c) })
	integer(c, &d.Replicas)
	pointer(c, &d.Ready, func(n *int32) { integer(c, n) })
	c.flag(&d.Used)
	c.flag(&d.ByRule)
	c.Text(&d.NoUp)
	c.Text(&d.NoDown)
	pointer(c, &d.Pods, func(p *decide.Pods) { integer(c, &p.Idle); c.err(&p.Err) })
	keepLimits(c, &d.Limits)
	c.Text((*string)(&d.Block.Reason))
	c.Text(&d.Block.By)
	c.err(&d.Block.Err)
	integer(c, &d.Block.Left)
	pointer(c, &d.Scale, func(s *workload.Scale) { keepScale(c, s) })
	integer(c, &d.Change.Kind)
	integer(c, &d.Change.From)
	integer(c, &d.Change.To)
	pointer(c, &d.Shadow, func(s *loop.Shadow) { keepShadow(c, s) })
	lag := d.Lag.Milliseconds()
	integer(c, &lag)
	set(c, &d.Lag, time.Duration(lag)*time.Millisecond)
	c.err(&d.Err)
	c.Text(&d.Cause)
	c.flag(&d.Repeat)
}

func keepSample(c *codec, s *sample.Result, now time.Time) {
	c.since(&s.Timestamp, now)
	c.float(&s.Value)
	c.Text((*string)(&s.Outcome))
	c.flag(&s.Empty)
	c.flag(&s.Ageless)
	integer(c, &s.Spacing)
	integer(c, &s.Series)
	c.err(&s.Err)
}

func keepLimits(c *codec, l *decide.Limits) {
	integer(c, &l.Min)
	integer(c, &l.Max)
	integer(c, &l.Ceiling)
	c.flag(&l.MaxUnknown)
	c.Text(&l.MinBy)
	c.Text(&l.MaxBy)
}

func keepScale(c *codec, s *workload.Scale) {
	integer(c, &s.Replicas)
	pointer(c, &s.Ready, func(n *int32) { integer(c, n) })
	c.flag(&s.Pause.Up)
	c.flag(&s.Pause.Down)
	c.Time(&s.Pause.Until)
	c.err(&s.PauseErr)
	c.Text(&s.UID)
	c.Text(&s.Writer.Manager)
	c.Text(&s.Writer.Subresource)
	c.Time(&s.Writer.Time)
}

func keepShadow(c *codec, s *loop.Shadow) {
	c.Text((*string)(&s.Action))
	integer(c, &s.From)
	integer(c, &s.To)
	c.Text((*string)(&s.Reason))
}

func (c *codec) err(v *error) {
	there, text := *v != nil, ""
	if there {
		text = (*v).Error()
	}
	c.flag(&there)
	c.Text(&text)
	if c.out {
		*v = nil
		if there {
			*v = errors.New(text)
		}
	}
}

// pack moves a decision into f, whose memory is used again.
func pack(f *fields, e Entry) {
	f.numbers, f.texts = f.numbers[:0], f.texts[:0]
	e.keep(&codec{fields: f})
}

// unpack returns the decision that was packed into f, on that target.
func unpack(f *fields, t *config.Target) Entry {
	var e Entry
	e.Target = t
	e.Samples = make([]sample.Result, len(t.Policy.Triggers))
	e.keep(&codec{fields: f, out: true})
	e.Decision.Decision = t.Policy.Again(e.Input, e.Before)
	return e
}
