package loop

import (
	"testing"
	"time"

	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/workload"
)

var (
	hpa  = workload.Writer{Manager: "kube-controller-manager", Subresource: "scale"}
	user = workload.Writer{Manager: "kubectl"}
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
		want   change
	}{
		{"the first look", ownership{}, scaleOf(2), change{unchanged, 0, 2}},
		{"nothing", first, scaleOf(2), change{unchanged, 2, 2}},
		{"by hand", first, scaleOf(5), change{foreign, 2, 5}},
		{"recreated", first, other, change{recreated, 2, 2}},
		{"the own step", first.wrote(2, 3), scaleOf(3), change{unchanged, 3, 3}},
		{"further than the own step", first.wrote(2, 3), scaleOf(4), change{foreign, 3, 4}},
		{"a step up is undone", first.wrote(2, 3), scaleOf(2), change{undone, 3, 2}},
		{"and more", first.wrote(2, 3), scaleOf(1), change{undone, 3, 1}},
		{"a step down is undone", first.wrote(2, 1), scaleOf(2), change{undone, 1, 2}},
		{"and more", first.wrote(2, 1), scaleOf(9), change{undone, 1, 9}},
		{"further down", first.wrote(3, 2), scaleOf(1), change{foreign, 2, 1}},
		{"a lost answer, written", first.mayHaveWritten(2, 3), scaleOf(3), change{unchanged, 2, 3}},
		{"a lost answer, not written", first.mayHaveWritten(2, 3), scaleOf(2), change{unchanged, 2, 2}},
		{"a lost answer, and a hand", first.mayHaveWritten(2, 3), scaleOf(4), change{foreign, 2, 4}},
		{"switched off", first, scaleOf(0), change{foreign, 2, 0}},
	} {
		after, got := c.before.see(c.seen, start)
		if got != c.want {
			t.Errorf("%s: got %+v, want %+v", c.name, got, c.want)
		}
		if _, again := after.see(c.seen, start); again.kind != unchanged {
			t.Errorf("%s: told twice", c.name)
		}
	}
	// A step of which the answer was lost can be undone as any other.
	o, _ := first.mayHaveWritten(2, 3).see(scaleOf(3), start)
	if _, got := o.see(scaleOf(2), start); got.kind != undone {
		t.Errorf("got %+v, want an undone step", got)
	}
}

// A GitOps tool that resets the replicas each minute is fought once, and then
// left alone until ten minutes after its last reset.
func TestContested(t *testing.T) {
	o, _ := ownership{}.see(scaleOf(2), start)
	undo := func(at time.Duration) {
		t.Helper()
		var c change
		if o, c = o.wrote(2, 3).see(scaleOf(2), start.Add(at)); c.kind != undone {
			t.Fatalf("got %+v", c)
		}
	}
	want := func(at time.Duration, contested bool) {
		t.Helper()
		if got := o.contested(start.Add(at)); got != contested {
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

func TestAutoscaled(t *testing.T) {
	var o ownership
	s := workload.Scale{Replicas: 2, Writer: hpa}
	if !o.autoscaled(s) || o.autoscaled(scaleOf(2)) {
		t.Error("an autoscaler is not told from somebody else")
	}
	o.void = hpa
	if o.autoscaled(s) {
		t.Error("an autoscaler that has gone is still heeded")
	}
	o, _ = o.see(s, start)
	if o, _ = o.see(s, start); o.autoscaled(s) {
		t.Error("an autoscaler that has gone is heeded after another look")
	}
	s.Replicas++
	if again, _ := o.see(s, start); !again.autoscaled(s) {
		t.Error("an autoscaler that wrote again is not heeded")
	}
	// Somebody else was there between.
	s.Replicas--
	o, _ = o.see(scaleOf(2), start)
	if o, _ = o.see(s, start); !o.autoscaled(s) {
		t.Error("an autoscaler that wrote again is not heeded")
	}
}
