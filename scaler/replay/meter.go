package replay

import (
	"math"
	"time"

	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/config"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/decide"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/sample"
)

// Judge is by which bounds the time of every run is judged: those of one
// target, also for runs by other bounds, so that their figures can be compared.
type Judge struct {
	Policy decide.Policy
}

// JudgeOf judges by a target's own bounds.
func JudgeOf(t config.Target) Judge { return Judge{t.Policy} }

// FlapWithin is how soon after a step one in the other direction counts as a
// flap.
const FlapWithin = 30 * time.Minute

// Figures are what a run comes to. Times are in seconds.
type Figures struct {
	Seconds       float64 `json:"seconds"`         // that were judged: there were data, and replicas
	Unknown       float64 `json:"unknown_seconds"` // without data
	Unrecorded    float64 `json:"unrecorded_seconds,omitempty"`
	ReplicaHours  float64 `json:"replica_hours"`
	Above         float64 `json:"above_seconds"`  // the load of a trigger was at its upper bound or above
	Below         float64 `json:"below_seconds"`  // all were at the lower bound or below, and fewer replicas were allowed
	AtMax         float64 `json:"at_max_seconds"` // there were as many replicas as allowed, or more
	Ups           int     `json:"steps_up"`
	Downs         int     `json:"steps_down"`
	Flaps         int     `json:"flaps"` // steps against the one before, within FlapWithin
	FlapsPerDay   float64 `json:"flaps_per_day"`
	FewestRunning int32   `json:"fewest_replicas"`
	MostRunning   int32   `json:"most_replicas"`

	// Of a run whose replicas can be compared with recorded ones.
	Compared float64 `json:"compared_seconds,omitempty"`
	Same     float64 `json:"same_as_recorded_seconds,omitempty"`

	Worst []Worst `json:"worst"` // for each trigger
}

// Worst is the highest load that a replica had.
type Worst struct {
	Trigger     string    `json:"trigger,omitempty"`
	PerInstance float64   `json:"per_instance"`
	Time        time.Time `json:"time,omitzero"`
}

// Meter keeps the figures of one course of replicas.
type Meter struct {
	Figures
	Trace *Trace // nil unless it was asked for

	judge    Judge
	pods     *pods
	limits   decide.Limits // in force
	now      int64
	held     []held // for each trigger
	absent   bool   // the replicas are not known
	recorded *int32 // the replicas that there really were; nil if unknown
	stepped  int64  // when the last step was; 0 for never
	upwards  bool   // its direction
	replicas float64
}

// held is what is known of a trigger's load.
type held struct {
	known   bool
	value   float64
	expires int64 // when it is too old; 0 if it does not grow old
	cadence sample.Cadence
}

func newMeter(o Options, p *pods) Meter {
	m := Meter{judge: o.Judge, pods: p, now: o.From.UnixNano(), held: make([]held, len(o.Judge.Policy.Triggers))}
	for _, t := range o.Judge.Policy.Triggers {
		m.Worst = append(m.Worst, Worst{Trigger: t.Name})
	}
	if o.Columns > 0 {
		m.Trace = newTrace(o)
	}
	return m
}

// observe takes in what a trigger's query gives from now on.
func (m *Meter) observe(o Observation) {
	if o.Track == Replicas {
		m.recorded = o.replicas()
	}
	if o.Track < 0 || o.Track >= len(m.held) {
		return
	}
	h := &m.held[o.Track]
	h.known = o.Kind == Value && o.result(m.now).Missing() == ""
	h.value, h.expires = o.Value, 0
	if o.At != 0 {
		h.cadence = h.cadence.Observe(timeOf(o.At), timeOf(o.Seen))
		h.expires = o.At + m.judge.Policy.MaxAge(h.cadence.Spacing()).Nanoseconds() + 1
		h.known = h.known && h.expires > m.now
	}
	if h.known && !m.absent {
		m.worst(o.Track) // a step may follow at once
	}
}

// worst takes in the load on each Pod as it is now.
func (m *Meter) worst(trigger int) {
	if per, w := m.perInstance(trigger), &m.Worst[trigger]; per > w.PerInstance {
		w.PerInstance, w.Time = per, timeOf(m.now)
	}
}

// step takes in a step.
func (m *Meter) step(from, to int32) {
	up := to > from
	if up {
		m.Ups++
	} else {
		m.Downs++
	}
	if m.stepped != 0 && up != m.upwards && m.now-m.stepped <= FlapWithin.Nanoseconds() {
		m.Flaps++
	}
	m.stepped, m.upwards = m.now, up
}

// advance lets time pass.
func (m *Meter) advance(until int64) {
	for m.now < until {
		next := until
		if at := m.pods.next(); at > m.now && at < next {
			next = at
		}
		for i := range m.held {
			if h := &m.held[i]; h.known && h.expires > m.now && h.expires < next {
				next = h.expires
			}
		}
		m.pass(next)
		m.now = next
		m.pods.readyAt(next)
		for i := range m.held {
			if h := &m.held[i]; h.expires != 0 && h.expires <= next {
				h.known = false
			}
		}
	}
}

// pass judges the time until next, in which nothing changes.
func (m *Meter) pass(next int64) {
	seconds := float64(next-m.now) / 1e9
	if m.Trace != nil {
		m.Trace.paint(m, next)
	}
	if m.absent {
		m.Unrecorded += seconds
		return
	}
	n := m.pods.desired
	m.replicas += float64(n) * seconds
	if m.FewestRunning == 0 || n < m.FewestRunning {
		m.FewestRunning = n
	}
	m.MostRunning = max(m.MostRunning, n)
	if m.recorded != nil {
		m.Compared += seconds
		if n == *m.recorded {
			m.Same += seconds
		}
	}
	if m.limits.Max > 0 && n >= m.limits.Max {
		m.AtMax += seconds
	}
	above, below, known, missing := false, n > m.limits.Min, false, false
	for i := range m.held {
		h, t := &m.held[i], &m.judge.Policy.Triggers[i]
		if !h.known {
			missing = missing || !t.Optional
			continue
		}
		known = true
		m.worst(i)
		sharing := m.pods.ready
		if m.limits.Min > 0 {
			sharing = max(1, sharing) // the first Pods are starting
		}
		above = above || t.Rule.High(h.value, sharing)
		below = below && t.Rule.Low(h.value, max(1, n), m.limits.Min)
	}
	if !known || missing && !above {
		m.Unknown += seconds
		return
	}
	m.Seconds += seconds
	if above {
		m.Above += seconds
	}
	if below && !missing && !above {
		m.Below += seconds
	}
}

// perInstance is the load of a trigger on each Pod that shares it.
func (m *Meter) perInstance(trigger int) float64 {
	return m.judge.Policy.Triggers[trigger].Rule.PerInstance(m.held[trigger].value, max(1, m.pods.ready))
}

// Total returns the figures so far.
func (m *Meter) Total() Figures {
	f := m.Figures
	f.ReplicaHours = m.replicas / 3600
	for _, seconds := range []*float64{&f.Seconds, &f.Unknown, &f.Unrecorded, &f.Above, &f.Below, &f.AtMax, &f.Compared, &f.Same} {
		*seconds = math.Round(*seconds*1000) / 1000 // the sum of many has errors far below that
	}
	if all := f.Seconds + f.Unknown; all > 0 {
		f.FlapsPerDay = float64(f.Flaps) * 86_400 / all
	}
	return f
}
