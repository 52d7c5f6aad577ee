package journal

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/config"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/decide"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/loop"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/loop/looptest"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/sample"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/workload"
)

var start = time.UnixMilli(1_700_000_000_123)

func newTarget(change ...func(*config.Target)) config.Target {
	t := config.Target{
		Name: "camunda", Workload: workload.Ref{APIVersion: "apps/v1", Kind: "Deployment", Namespace: "bpm", Name: "engine"},
		Policy: decide.DefaultPolicy(), Interval: 10 * time.Second,
	}
	for _, c := range change {
		c(&t)
	}
	return t
}

// text is all that there is to know of a decision.
func text(d loop.Decision) string {
	var f fields
	pack(&f, Entry{Decision: d})
	bound := "none"
	if d.Bound != nil {
		bound = fmt.Sprint(*d.Bound)
	}
	return fmt.Sprint(f, d.Action, d.From, d.To, d.Reason, d.Load, d.Left, d.Trigger, d.PerInstance, bound)
}

// What was decided can be read back as it was, the newest first: with its inputs
// and what became of it.
func TestDecisionsAreKept(t *testing.T) {
	reasons := map[decide.Reason]bool{}
	for seed := range uint64(60) {
		w := looptest.New(seed)
		kept := New(1 << 20).Target("camunda")
		kept.Configure(w.Target)
		var want []string
		for range 100 {
			d := w.Next()
			kept.Observe(d)
			want = append(want, text(d))
			_, reason := d.Result()
			reasons[reason] = true
			if got := kept.Status(); text(got.Last.Decision) != want[len(want)-1] {
				t.Fatalf("last: got\n%s\nwant\n%s", text(got.Last.Decision), want[len(want)-1])
			}
		}
		slices.Reverse(want)
		i := 0
		for e := range kept.Backward(time.Now().Add(time.Second)) {
			if got := text(e.Decision); got != want[i] {
				t.Fatalf("%d before the last: got\n%s\nwant\n%s", i, got, want[i])
			}
			i++
		}
		if i != len(want) {
			t.Errorf("%d decisions, want %d", i, len(want))
		}
	}
	for _, r := range decide.Reasons() {
		if !reasons[r] {
			t.Errorf("no decision had the reason %s", r)
		}
	}
}

// A field that a decision gets later is kept too, or named here.
func TestNothingIsLeftOut(t *testing.T) {
	left := map[string]string{
		"Result.Now":            "decisions do not depend on it",
		"Result.Evaluated":      "nor on this",
		"Result.Took":           "nor on this",
		"Scale.ResourceVersion": "for writes only",
		"Scale.Generation":      "for the check of other autoscalers only",
		"Scale.Asked":           "for metrics only",
		"Scale.Known":           "for the limits, which are kept",
		"Decision.Target":       "kept once for many decisions",
		"Decision.Decision":     "follows from the input",
		"Entry.Decision":        "has its own",
	}
	one := int32(1)
	e := Entry{At: start, Decision: loop.Decision{
		Scale:  &workload.Scale{Replicas: 1, UID: "u", Ready: &one, Pause: workload.Pause{Up: true, Down: true, Until: start}, PauseErr: errors.New("p"), Known: true, Writer: workload.Writer{Manager: "m", Subresource: "s", Time: start}},
		Change: loop.Change{Kind: loop.Foreign, From: 1, To: 2}, Before: &decide.State{Start: start}, Lag: time.Second, Err: errors.New("e"),
		Shadow: &loop.Shadow{Action: decide.Up, From: 1, To: 2, Reason: decide.LoadHigh}, Cause: "c", Repeat: true,
	}}
	e.Input = decide.Input{
		Now: start, Used: true, Replicas: 1, ByRule: true, NoUp: "file", NoDown: "annotation", Pods: &decide.Pods{Idle: 1, Err: errors.New("p")}, Ready: &one, Limits: decide.Limits{Min: 1, Max: 2, Ceiling: 3, MaxUnknown: true, MinBy: "a", MaxBy: "b"},
		Block:   decide.Block{Reason: decide.Paused, By: "file", Err: errors.New("b"), Left: 1},
		Samples: []sample.Result{{Outcome: sample.Value, Value: 1, Empty: true, Timestamp: start, Ageless: true, Spacing: 1, Series: 1, Err: errors.New("s")}},
	}
	var f fields
	pack(&f, e)
	target := newTarget()
	back := unpack(&f, &target)
	for _, pair := range [][2]any{
		{e, back},
		{e.Decision, back.Decision},
		{e.Input, back.Input},
		{e.Limits, back.Limits},
		{e.Block, back.Block},
		{e.Samples[0], back.Samples[0]},
		{*e.Scale, *back.Scale},
		{e.Scale.Writer, back.Scale.Writer},
		{e.Change, back.Change},
		{*e.Shadow, *back.Shadow},
	} {
		want, got := reflect.ValueOf(pair[0]), reflect.ValueOf(pair[1])
		for i := range want.NumField() {
			name := want.Type().Name() + "." + want.Type().Field(i).Name
			switch set := !want.Field(i).IsZero(); {
			case left[name] != "":
			case !set:
				t.Errorf("this test has to set %s", name)
			case got.Field(i).IsZero():
				t.Errorf("%s is not kept", name)
			}
		}
	}
}

// All targets together take no more than the bound, and reach back equally far.
func TestBounded(t *testing.T) {
	const bound = 100_000
	j := New(bound)
	var stories []*looptest.World
	for i := range 8 {
		s := looptest.New(uint64(i))
		s.Target.Name = fmt.Sprint("t", i)
		stories = append(stories, s)
		j.Target(s.Target.Name).Configure(s.Target)
	}
	observe := func(n int) {
		for range n {
			for i, s := range stories {
				if i < 4 || s.IntN(10) == 0 { // some decide less often
					j.Target(s.Target.Name).Observe(s.Next())
				}
			}
		}
	}
	held := func() (bytes int, oldest, newestOldest time.Time) {
		for _, name := range j.Names() {
			target := j.Find(name)
			for _, c := range target.chunks {
				bytes += cap(c.data) + overhead
			}
			var first time.Time
			for e := range target.Backward(time.Now().Add(time.Hour)) {
				first = e.Now
			}
			if oldest.IsZero() || first.Before(oldest) {
				oldest = first
			}
			if first.After(newestOldest) {
				newestOldest = first
			}
		}
		return bytes, oldest, newestOldest
	}
	observe(1000)
	bytes, _, _ := held()
	if bytes > bound || bytes < bound*3/4 || bytes != j.used {
		t.Errorf("%d bytes are held, and %d counted, want at most %d", bytes, j.used, bound)
	}
	// Chunks are of 40 to 80 decisions.
	var lengths []int
	for i := range 4 {
		n := 0
		for range j.Find(fmt.Sprint("t", i)).Backward(time.Now().Add(time.Hour)) {
			n++
		}
		lengths = append(lengths, n)
	}
	if slices.Max(lengths)-slices.Min(lengths) > 160 || slices.Min(lengths) < 120 {
		t.Errorf("the journals reach back by %v decisions", lengths)
	}
	for i := range 7 {
		j.Remove(fmt.Sprint("t", i))
	}
	if bytes, _, _ := held(); bytes != j.used || bytes > bound/4 {
		t.Errorf("after a removal %d bytes are held, and %d counted", bytes, j.used)
	}
	if len(j.chunks) > 2*len(j.Find("t7").chunks)+1 {
		t.Errorf("%d chunks are remembered of %d", len(j.chunks), len(j.Find("t7").chunks))
	}
	stories = stories[7:]
	observe(10_000)
	if bytes, _, _ := held(); bytes > bound || bytes != j.used {
		t.Errorf("%d bytes are held, and %d counted", bytes, j.used)
	}
}

// A bound that is too low for any history still leaves the last decision.
func TestNoRoom(t *testing.T) {
	kept := New(1).Target("camunda")
	s := looptest.New(1)
	kept.Configure(s.Target)
	for range 300 {
		d := s.Next()
		kept.Observe(d)
		if got := kept.Status().Last; got == nil || text(got.Decision) != text(d) {
			t.Fatal("the last decision is not there")
		}
	}
	for range kept.Backward(time.Now().Add(time.Hour)) {
		t.Fatal("there is room for more than the bound")
	}
}

// A changed rule explains the decisions after it, not those before.
func TestEachDecisionHasItsRule(t *testing.T) {
	kept := New(1 << 20).Target("camunda")
	s := looptest.New(1)
	kept.Configure(s.Target)
	kept.Observe(s.Next())
	s.Target.Policy.Triggers[0].Rule.ScaleUpAt = 70
	s.Target.Policy.Triggers = slices.Clone(s.Target.Policy.Triggers)
	kept.Configure(s.Target)
	kept.Observe(s.Next())
	var bounds []float64
	for e := range kept.Backward(time.Now().Add(time.Hour)) {
		bounds = append(bounds, e.Target.Policy.Triggers[0].Rule.ScaleUpAt)
	}
	if !slices.Equal(bounds, []float64{70, 50}) && len(bounds) != 2 {
		t.Errorf("got %v", bounds)
	}
}

func TestStatus(t *testing.T) { synctest.Test(t, testStatus) }

func testStatus(t *testing.T) {
	kept := New(1 << 20).Target("camunda")
	target := newTarget()
	kept.Configure(target)
	if got := kept.Status(); got.Running || got.Last != nil || got.Acted != nil || got.Target.Name != "camunda" {
		t.Errorf("before the first decision: got %+v", got)
	}
	kept.Start()
	state := decide.NewState(time.Now())
	replicas := int32(1)
	var last loop.Decision
	decided := func(value float64) {
		time.Sleep(target.Interval)
		now, before := time.Now(), state
		d := loop.Decision{Target: &target, Before: &before, Scale: &workload.Scale{Replicas: replicas}}
		d.Decision, state = target.Policy.Decide(decide.Input{
			Now: now, Samples: []sample.Result{{Outcome: sample.Value, Value: value, Timestamp: now}}, Replicas: replicas, Limits: target.Policy.Limits,
		}, state)
		d.Repeat = d.Action == last.Action && d.Reason == last.Reason
		last, replicas = d, d.To
		kept.Observe(d)
	}
	decided(30)
	first := kept.Status().Since
	decided(31)
	if got := kept.Status(); !got.Since.Equal(first) || got.Acted != nil || got.Last.Reason != decide.WithinBounds {
		t.Errorf("got %+v", got)
	}
	decided(60)
	decided(80)
	if got := kept.Status(); got.Acted == nil || got.Acted.To != 2 || !got.Since.After(first) || got.Last.Reason != decide.WithinBounds || !got.Running {
		t.Errorf("got %+v", got)
	}
	kept.Stop()
	if got := kept.Status(); got.Running || got.Last == nil {
		t.Errorf("after the loop's end: got %+v", got)
	}
	kept.Forget()
	if got := kept.Status(); got.Last != nil || got.Acted != nil {
		t.Errorf("forgotten: got %+v", got)
	}
}

// Readers and loops do not disturb each other.
func TestReadWhileItIsWritten(t *testing.T) {
	j := New(60_000)
	var all sync.WaitGroup
	done := make(chan struct{})
	for i := range 4 {
		s := looptest.New(uint64(i))
		s.Target.Name = fmt.Sprint("t", i)
		kept := j.Target(s.Target.Name)
		kept.Configure(s.Target)
		all.Go(func() {
			for range 500 {
				kept.Observe(s.Next())
			}
		})
	}
	var readers sync.WaitGroup
	for range 2 {
		readers.Go(func() {
			for {
				for _, name := range j.Names() {
					kept := j.Target(name)
					if last := kept.Status().Last; last != nil && !strings.HasPrefix(name, "t") {
						t.Error("it is another's")
					}
					for e := range kept.Backward(time.Now()) {
						if e.Target.Name != name {
							t.Errorf("a decision on %s in the journal of %s", e.Target.Name, name)
						}
					}
				}
				select {
				case <-done:
					return
				default:
				}
			}
		})
	}
	j.Target("gone").Configure(newTarget())
	j.Remove("gone")
	all.Wait()
	close(done)
	readers.Wait()
}

func several(t *config.Target) {
	t.Policy.Triggers = []decide.Trigger{
		{Name: "lag", Rule: decide.Rule{Kind: decide.Target, ValuePerReplica: 50}},
		{Name: "depth", Rule: decide.DefaultRule(), Optional: true},
		{Name: "rate", Rule: decide.DefaultRule(), OnNoData: decide.FallbackOnNoData, FallbackReplicas: 3},
	}
	t.Policy.ScaleUpDelay, t.Policy.ScaleDownDelay, t.Policy.ScaleDownCoverage = 20*time.Second, 40*time.Second, 60*time.Second
	t.Policy.HoldAfterStart, t.Policy.WaitForReady, t.Policy.MaxSampleAge = 30*time.Second, true, 5*time.Second
}

// BenchmarkObserve is what a loop pays for a decision, and how many bytes it
// takes.
func BenchmarkObserve(b *testing.B) {
	for name, change := range map[string]func(*config.Target){"one": func(*config.Target) {}, "three": several} {
		b.Run(name+" trigger", func(b *testing.B) {
			j := New(1 << 30)
			kept := j.Target("camunda")
			target := newTarget(change)
			kept.Configure(target)
			random, state := rand.New(rand.NewPCG(1, 1)), decide.NewState(start)
			var all []loop.Decision
			for i := range 4000 { // a load that changes, and no errors
				now := start.Add(time.Duration(i)*10*time.Second + time.Duration(random.IntN(3_000_000)))
				d := loop.Decision{Target: &target, Scale: &workload.Scale{Replicas: 2, UID: "7c3e"}, Lag: time.Duration(random.IntN(50_000_000))}
				in := decide.Input{Now: now, Replicas: 2, Limits: target.Policy.Limits}
				for range target.Policy.Triggers {
					in.Samples = append(in.Samples, sample.Result{
						Outcome: sample.Value, Value: float64(60 + random.IntN(30)),
						Timestamp: start.Add(time.Duration(i)*10*time.Second - 300*time.Millisecond), Spacing: 10 * time.Second,
					})
				}
				before := state
				d.Before = &before
				d.Decision, state = target.Policy.Decide(in, state)
				d.Repeat = i > 0
				all = append(all, d)
			}
			b.ReportAllocs()
			b.ResetTimer()
			n := 0
			for b.Loop() {
				kept.Observe(all[n%len(all)])
				n++
			}
			b.ReportMetric(float64(j.used)/float64(n), "kept-B/op")
		})
	}
}

// BenchmarkRead is how long a reader takes for a decision.
func BenchmarkRead(b *testing.B) {
	kept := New(1 << 26).Target("camunda")
	s := looptest.New(1)
	kept.Configure(s.Target)
	for range 8640 {
		kept.Observe(s.Next())
	}
	n := 0
	b.ReportAllocs()
	for b.Loop() {
		for range kept.Backward(time.Now()) {
			n++
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(n), "ns/decision")
}
