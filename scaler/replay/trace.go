package replay

import "math"

// Trace is a run in as many columns as a picture has, so that its size does not
// depend on the run's length.
type Trace struct {
	Columns []Column
	from    int64
	to      int64
}

// Column is what happened in one part of the time.
type Column struct {
	Load     []Span // of each trigger
	Instance []Span // the same on each Pod
	Replicas Span
	Last     float64 // replicas at its end; NaN if unknown
	Max      float64 // of the replicas, at its end; NaN if unknown
}

// Span is from the lowest to the highest of the values; NaN if there were none.
type Span struct{ Low, High float64 }

func (s *Span) add(v float64) {
	if !(s.Low <= v) {
		s.Low = v
	}
	if !(s.High >= v) {
		s.High = v
	}
}

// Known reports whether there were values.
func (s Span) Known() bool { return !math.IsNaN(s.Low) }

func newTrace(o Options) *Trace {
	t := &Trace{Columns: make([]Column, o.Columns), from: o.From.UnixNano(), to: o.To.UnixNano()}
	none := Span{math.NaN(), math.NaN()}
	for i := range t.Columns {
		c := Column{Replicas: none, Last: math.NaN(), Max: math.NaN()}
		for range o.Judge.Policy.Triggers {
			c.Load, c.Instance = append(c.Load, none), append(c.Instance, none)
		}
		t.Columns[i] = c
	}
	return t
}

// paint notes what is so until next.
func (t *Trace) paint(m *Meter, next int64) {
	perColumn := max(1, (t.to-t.from)/int64(len(t.Columns)))
	column := func(at int64) int { return int(min(int64(len(t.Columns))-1, max(0, (at-t.from)/perColumn))) }
	for i := column(m.now); i <= column(next-1); i++ {
		c := &t.Columns[i]
		for k := range m.held {
			if !m.held[k].known {
				continue
			}
			c.Load[k].add(m.held[k].value)
			if !m.absent {
				c.Instance[k].add(m.perInstance(k))
			}
		}
		if m.absent {
			c.Last = math.NaN()
			continue
		}
		n := float64(m.pods.desired)
		c.Replicas.add(n)
		c.Last = n
		if m.limits.Max > 0 {
			c.Max = float64(m.limits.Max)
		}
	}
}
