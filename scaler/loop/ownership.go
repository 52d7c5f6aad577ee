package loop

import (
	"time"

	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/workload"
)

// contestedFor is how long the replicas are left alone after somebody undid
// two steps within this time.
const contestedFor = 10 * time.Minute

// ownership follows who writes a workload's replicas. It is a value; its
// methods are pure. Its times are those of this machine's clock.
type ownership struct {
	known    bool
	uid      string
	replicas int32 // as last seen, or written
	last     step  // that was written and not undone; its zero if there is none
	unsure   step  // that may have been written, or may yet be, for its answer got lost
	undone   [2]time.Time
	void     workload.Writer // the last to write, an autoscaler that has gone since
}

type step struct{ from, to int32 }

// change is what has happened to a workload since it was last looked at.
type change struct {
	kind     changeKind
	from, to int32
}

type changeKind int

const (
	unchanged changeKind = iota
	foreign              // somebody else wrote the replicas
	undone               // the same, and took back the last step
	recreated            // it is another workload of the same name
)

// see takes in what was read.
func (o ownership) see(s workload.Scale, now time.Time) (ownership, change) {
	before := o
	if s.Writer != o.void {
		o.void = workload.Writer{}
	}
	c := change{from: before.replicas, to: s.Replicas}
	switch {
	case before.known && before.uid != s.UID:
		c.kind = recreated
		o = ownership{known: true, uid: s.UID, replicas: s.Replicas}
		return o, c
	case before.known && s.Replicas == before.replicas:
		return o, c
	}
	o.known, o.uid, o.replicas, o.unsure = true, s.UID, s.Replicas, step{}
	switch {
	case !before.known:
	case before.unsure != step{} && s.Replicas == before.unsure.to:
		o.last = before.unsure // it was written after all
	case before.last.undoneBy(s.Replicas):
		c.kind = undone
		o.last, o.undone = step{}, [2]time.Time{before.undone[1], now}
	default:
		c.kind = foreign
	}
	if c.kind != unchanged {
		o.void = workload.Writer{} // it is there again
	}
	return o, c
}

func (s step) undoneBy(replicas int32) bool {
	return s.to > s.from && replicas <= s.from || s.to < s.from && replicas >= s.from
}

// wrote takes in a step that was written.
func (o ownership) wrote(from, to int32) ownership {
	o.replicas, o.last, o.unsure = to, step{from, to}, step{}
	return o
}

// mayHaveWritten takes in a step of which nobody knows whether it was written.
func (o ownership) mayHaveWritten(from, to int32) ownership {
	o.unsure = step{from, to}
	return o
}

// contested reports whether somebody keeps undoing the steps.
func (o ownership) contested(now time.Time) bool {
	return !o.undone[0].IsZero() && o.undone[1].Sub(o.undone[0]) <= contestedFor && now.Sub(o.undone[1]) < contestedFor
}

// autoscaled reports whether the replicas are another autoscaler's.
func (o ownership) autoscaled(s workload.Scale) bool {
	return s.Writer.Autoscaler() && s.Writer != o.void
}
