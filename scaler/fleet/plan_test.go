package fleet

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/config"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/query"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/workload"
)

// some returns specs by their shorthand: "a" is a target of its own for the
// workload a, "g/a" one that the group g found; "a+" is the same with another
// rule, and "a'" with another connection.
func some(shorthand string) (specs []spec) {
	for word := range strings.FieldsSeq(shorthand) {
		source, interval := "one", time.Second
		if strings.HasSuffix(word, "'") {
			source = "other"
		}
		if strings.HasSuffix(word, "+") {
			interval = time.Minute
		}
		name := strings.TrimRight(word, "+'")
		group, workloadName, ok := strings.Cut(name, "/")
		if !ok {
			group, workloadName = "", name
		}
		s := spec{group: group, source: group + source, target: &config.Target{Name: name, Workload: workload.Ref{Name: workloadName}, Interval: interval}}
		specs = append(specs, s)
	}
	return specs
}

func TestPlan(t *testing.T) {
	for _, c := range []struct {
		name, running, desired   string
		stop, start, conflicting string
	}{
		{"nothing", "", "", "", "", ""},
		{"a first configuration", "", "b a", "", "a b", ""},
		{"the same again", "a g/b", "a g/b", "", "", ""},
		{"one is new", "a", "a b", "", "b", ""},
		{"one is removed", "a b", "a", "b", "", ""},
		{"a changed rule", "a b", "a+ b", "a", "a", ""},
		{"another Prometheus", "a g/b", "a' g/b'", "a b", "a g/b", ""},
		{"another name", "g/a", "h/a", "a", "h/a", ""},
		{"a target of its own takes it from a group", "g/a", "a g/a", "a", "a", "g/a left to a"},
		{"and gives it back", "a", "g/a", "a", "g/a", ""},
		{"two groups, the first gets it", "", "g/a h/a", "", "g/a", "h/a left to g/a"},
		{"two groups, the one that runs it keeps it", "h/a", "g/a h/a", "", "", "g/a left to h/a"},
		{"three groups, the one that runs it keeps it", "h/a", "g/a h/a i/a", "", "", "g/a left to h/a, i/a left to h/a"},
		{"the one that ran it is gone", "i/a", "g/a h/a", "a", "g/a", "h/a left to g/a"},
	} {
		t.Run(c.name, func(t *testing.T) {
			running := map[workload.Ref]spec{}
			for _, s := range some(c.running) {
				running[s.ref()] = s
			}
			p := newPlan(running, some(c.desired))
			var stop, start, conflicting []string
			for _, ref := range p.stop {
				stop = append(stop, ref.Name)
			}
			for _, s := range p.start {
				start = append(start, s.target.Name)
			}
			for _, x := range p.conflicts {
				conflicting = append(conflicting, fmt.Sprintf("%s/%s left to %s", x.by, x.ref.Name, x.other))
			}
			if got := strings.Join(stop, " "); got != c.stop {
				t.Errorf("stops %q, want %q", got, c.stop)
			}
			if got := strings.Join(start, " "); got != c.start {
				t.Errorf("starts %q, want %q", got, c.start)
			}
			if got := strings.Join(conflicting, ", "); got != c.conflicting {
				t.Errorf("conflicts %q, want %q", got, c.conflicting)
			}
		})
	}
}

// A workload stays for ten minutes after the last complete answer that named it.
func TestFound(t *testing.T) {
	a, b := query.Key{Namespace: "n", Name: "a"}, query.Key{Namespace: "n", Name: "b"}
	now := time.Unix(1_700_000_000, 0)
	var f found
	for i, c := range []struct {
		after          time.Duration
		named          []query.Key
		complete       bool
		added, dropped []query.Key
	}{
		{0, []query.Key{a, b}, true, []query.Key{a, b}, nil},
		{10 * time.Second, []query.Key{a}, true, nil, nil},
		{9 * time.Minute, []query.Key{a}, true, nil, nil},
		{10 * time.Second, []query.Key{a, b}, true, nil, nil}, // it is back
		{10 * time.Second, []query.Key{b}, true, nil, nil},
		{time.Hour, []query.Key{b}, false, nil, nil}, // not everything is known
		{10 * time.Second, []query.Key{b}, true, nil, []query.Key{a}},
		{10 * time.Second, []query.Key{a, a, b}, false, []query.Key{a}, nil},
	} {
		now = now.Add(c.after)
		before := len(f)
		next, added, dropped := f.update(c.named, c.complete, now)
		if !slices.Equal(added, c.added) || !slices.Equal(dropped, c.dropped) {
			t.Errorf("step %d: added %v and dropped %v, want %v and %v", i, added, dropped, c.added, c.dropped)
		}
		if len(f) != before {
			t.Errorf("step %d: the value from before has changed", i)
		}
		f = next
	}
}
