package loop

import (
	"time"

	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/workload"
)

// contestedFor is how long the replicas are left alone after another writer
// reverted two steps within this time.
const contestedFor = 10 * time.Minute

// ownership follows the writers of a workload's replicas. It is a value; its
// methods are pure. Its times are of this machine's clock.
type ownership struct {
	known    bool
	uid      string
	replicas int32 // as last seen, or written
	last     step  // that was written and not reverted; its zero if there is none
	unsure   step  // that may have been written, or may yet be, because its answer was lost
	undone   [2]time.Time
	rival    time.Time // when another camunda-scaler was last seen to write
}

type step struct{ from, to int32 }

// Change is what has happened to a workload since it was last read.
type Change struct {
	Kind     ChangeKind
	From, To int32 // replicas
}

// ChangeKind says what has happened to a workload.
type ChangeKind int

// The kinds of changes.
const (
	Unchanged ChangeKind = iota
	Foreign              // another writer changed the replicas
	Reverted             // the same, and took back the last step
	Recreated            // it is another workload of the same name
)

// see takes in what was read.
func (o ownership) see(s workload.Scale, now time.Time) (ownership, Change) {
	before := o
	c := Change{From: before.replicas, To: s.Replicas}
	switch {
	case before.known && before.uid != s.UID:
		c.Kind = Recreated
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
		c.Kind = Reverted
		o.last, o.undone = step{}, [2]time.Time{before.undone[1], now}
	default:
		c.Kind = Foreign
	}
	if c.Kind != Unchanged && s.Writer.Scaler() {
		o.rival = now
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

// mayHaveWritten takes in a step that may have been written.
func (o ownership) mayHaveWritten(from, to int32) ownership {
	o.unsure = step{from, to}
	return o
}

// contested returns for how long the replicas are left alone, because another
// writer keeps reverting the steps.
func (o ownership) contested(now time.Time) time.Duration {
	if o.undone[0].IsZero() || o.undone[1].Sub(o.undone[0]) > contestedFor {
		return 0
	}
	return max(0, contestedFor-now.Sub(o.undone[1]))
}

// rivalled returns for how long the replicas are left alone, because another
// camunda-scaler has written: one that does not stand for election by the same
// Lease. The one that sees the other's step waits for longer than an interval, so
// that two never step within one.
func (o ownership) rivalled(now time.Time, interval time.Duration) time.Duration {
	if o.rival.IsZero() {
		return 0
	}
	return max(0, max(time.Minute, 2*interval)-now.Sub(o.rival))
}
