package decide

import "time"

// Visitor is shown each field of a State, to be read or to be set.
type Visitor interface {
	Time(*time.Time)
	Text(*string)
	Count(*int)
}

// Visit shows all fields to v, always in the same order, so that a State can be
// kept elsewhere and read back.
func (st *State) Visit(v Visitor) {
	for _, t := range []*time.Time{&st.Start, &st.Since, &st.steppedUp, &st.idle, &st.last, &st.broken, &st.covered, &st.asked} {
		v.Time(t)
	}
	v.Text((*string)(&st.asks))
	n := len(st.triggers)
	v.Count(&n)
	triggers := make([]past, n) // a State's own are never changed
	copy(triggers, st.triggers)
	for i := range triggers {
		v.Text(&triggers[i].name)
		v.Time(&triggers[i].last)
		v.Time(&triggers[i].missing)
	}
	st.triggers = triggers
}

// Again returns the decision that was made on the input, from what was
// remembered before it. It is nil if the decision was only that there was
// nothing to decide on.
func (p Policy) Again(in Input, before *State) Decision {
	switch {
	case before != nil:
		d, _ := p.Decide(in, *before)
		return d
	case Newest(in.Samples).IsZero():
		return p.Missing(in)
	}
	return p.Unknown(in)
}
