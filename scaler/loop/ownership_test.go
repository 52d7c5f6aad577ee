package loop

import (
	"errors"
	"testing"
	"time"

	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/workload"
)

var (
	hpa  = workload.Writer{Manager: "kube-controller-manager", Subresource: "scale"}
	user = workload.Writer{Manager: "kubectl"}
	own  = workload.Writer{Manager: workload.FieldManager, Subresource: "scale"}
)

func scaleOf(replicas int32) workload.Scale {
	return workload.Scale{Replicas: replicas, UID: "one", Writer: user}
}

// What is seen after what was seen and written before.
func TestOwnershipTellsChanges(t *testing.T) {
	first, _ := ownership{}.see(scaleOf(2), start)
	other := scaleOf(2)
	other.UID = "two"
	for _, c := range []struct {
		name   string
		before ownership
		seen   workload.Scale
		want   Change
	}{
		{"the first look", ownership{}, scaleOf(2), Change{Unchanged, 0, 2}},
		{"nothing", first, scaleOf(2), Change{Unchanged, 2, 2}},
		{"by hand", first, scaleOf(5), Change{Foreign, 2, 5}},
		{"recreated", first, other, Change{Recreated, 2, 2}},
		{"the own step", first.wrote(2, 3), scaleOf(3), Change{Unchanged, 3, 3}},
		{"further than the own step", first.wrote(2, 3), scaleOf(4), Change{Foreign, 3, 4}},
		{"a step up is undone", first.wrote(2, 3), scaleOf(2), Change{Reverted, 3, 2}},
		{"and more", first.wrote(2, 3), scaleOf(1), Change{Reverted, 3, 1}},
		{"a step down is undone", first.wrote(2, 1), scaleOf(2), Change{Reverted, 1, 2}},
		{"and more", first.wrote(2, 1), scaleOf(9), Change{Reverted, 1, 9}},
		{"further down", first.wrote(3, 2), scaleOf(1), Change{Foreign, 2, 1}},
		{"a lost answer, written", first.mayHaveWritten(2, 3), scaleOf(3), Change{Unchanged, 2, 3}},
		{"a lost answer, not written", first.mayHaveWritten(2, 3), scaleOf(2), Change{Unchanged, 2, 2}},
		{"a lost answer, and a hand", first.mayHaveWritten(2, 3), scaleOf(4), Change{Foreign, 2, 4}},
		{"switched off", first, scaleOf(0), Change{Foreign, 2, 0}},
	} {
		after, got := c.before.see(c.seen, start)
		if got != c.want {
			t.Errorf("%s: got %+v, want %+v", c.name, got, c.want)
		}
		if _, again := after.see(c.seen, start); again.Kind != Unchanged {
			t.Errorf("%s: told twice", c.name)
		}
	}
	// A step of which the answer was lost can be undone as any other.
	o, _ := first.mayHaveWritten(2, 3).see(scaleOf(3), start)
	if _, got := o.see(scaleOf(2), start); got.Kind != Reverted {
		t.Errorf("got %+v, want an undone step", got)
	}
}

// A GitOps tool that resets the replicas each minute is fought once, and then
// left alone until ten minutes after its last reset.
func TestContested(t *testing.T) {
	o, _ := ownership{}.see(scaleOf(2), start)
	undo := func(at time.Duration) {
		t.Helper()
		var c Change
		if o, c = o.wrote(2, 3).see(scaleOf(2), start.Add(at)); c.Kind != Reverted {
			t.Fatalf("got %+v", c)
		}
	}
	want := func(at time.Duration, contested bool) {
		t.Helper()
		if got := o.contested(start.Add(at)) > 0; got != contested {
			t.Errorf("after %s: contested is %v", at, got)
		}
	}
	want(0, false)
	undo(time.Minute)
	want(time.Minute, false)
	undo(2 * time.Minute)
	want(2*time.Minute, true)
	want(12*time.Minute-1, true)
	want(12*time.Minute, false)
	undo(12*time.Minute + 1) // more than ten minutes after the last
	want(12*time.Minute+1, false)
	undo(22 * time.Minute)
	want(22*time.Minute, true)
	// Another workload of that name is another matter.
	o, _ = o.see(workload.Scale{Replicas: 2, UID: "two"}, start.Add(22*time.Minute))
	want(22*time.Minute, false)
}

// Another camunda-scaler is one that wrote the replicas through the scale
// subresource, unless it was this one.
func TestRivalled(t *testing.T) {
	known, _ := ownership{}.see(scaleOf(2), start)
	by := func(replicas int32, w workload.Writer) workload.Scale {
		return workload.Scale{Replicas: replicas, UID: "one", Writer: w}
	}
	for _, c := range []struct {
		name   string
		before ownership
		seen   workload.Scale
		want   bool
	}{
		{"another's step", known, by(3, own), true},
		{"another's step back", known.wrote(2, 3), by(2, own), true},
		{"by hand", known, by(3, user), false},
		{"unknown", known, by(3, workload.Writer{}), false},
		{"handed over by kubectl apply", known, by(3, workload.Writer{Manager: workload.FieldManager}), false},
		{"its own step", known.wrote(2, 3), by(3, own), false},
		{"its own step, whose answer was lost", known.mayHaveWritten(2, 3), by(3, own), false},
		{"another's, instead of its own", known.mayHaveWritten(2, 3), by(1, own), true},
		{"the first that it sees", ownership{}, by(3, own), false},
		{"nothing new", known, by(2, own), false},
	} {
		t.Run(c.name, func(t *testing.T) {
			o, _ := c.before.see(c.seen, start)
			if got := o.rivalled(start.Add(time.Second), 10*time.Second) > 0; got != c.want {
				t.Errorf("got %t, want %t", got, c.want)
			}
			o, _ = o.see(c.seen, start.Add(30*time.Second)) // is no news
			if o.rivalled(start.Add(time.Minute), 10*time.Second) > 0 {
				t.Error("it waits for longer than a minute")
			}
			if got := o.rivalled(start.Add(time.Minute), 45*time.Second) > 0; got != c.want {
				t.Errorf("with an interval of 45s, after a minute: got %t, want %t", got, c.want)
			}
		})
	}
}

// What is known of another autoscaler, and when to look again.
func TestOwner(t *testing.T) {
	by := func(generation int64, w workload.Writer) workload.Scale {
		return workload.Scale{UID: "one", Generation: generation, Writer: w}
	}
	refused := errors.New("refused")
	for _, c := range []struct {
		name    string
		owner   owner
		seen    workload.Scale
		after   time.Duration // since it was checked
		overdue bool
		is      string
	}{
		{"at the start", owner{due: true}, by(7, user), time.Hour, true, ""},
		{"none", owner{of: version{"one", 7, user}}, by(8, own), time.Hour, false, ""},
		{"one", owner{name: "web"}, by(7, own), time.Second, false, "horizontalpodautoscaler/web"},
		{"one, a minute later", owner{name: "web"}, by(7, own), time.Minute, true, "horizontalpodautoscaler/web"},
		{"gone", owner{of: version{"one", 7, hpa}}, by(7, hpa), time.Hour, false, ""},
		{"gone, and writes again", owner{of: version{"one", 7, hpa}}, by(8, hpa), time.Second, true, "kube-controller-manager"},
		{"gone, and another object", owner{of: version{"two", 7, hpa}}, by(7, hpa), time.Second, true, "kube-controller-manager"},
		{"not listed at the start", owner{due: true, err: refused}, by(7, user), time.Second, false, ""},
		{"not listed at the start, a minute later", owner{due: true, err: refused}, by(7, user), time.Minute, true, ""},
		{"unknown", owner{err: refused}, by(7, hpa), time.Second, false, "kube-controller-manager"},
		{"unknown, a minute later", owner{err: refused}, by(7, hpa), time.Minute, true, "kube-controller-manager"},
		{"unknown, and another writer", owner{err: refused}, by(7, user), time.Hour, false, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.owner.checked = start
			if got := c.owner.overdue(c.seen, start.Add(c.after)); got != c.overdue {
				t.Errorf("overdue is %t, want %t", got, c.overdue)
			}
			if got := c.owner.is(c.seen); got != c.is {
				t.Errorf("the owner is %q, want %q", got, c.is)
			}
		})
	}
}
