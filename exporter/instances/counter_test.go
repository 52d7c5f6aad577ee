package started_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/camunda-autoscaler/camunda-autoscaler/exporter/camunda"
	"github.com/camunda-autoscaler/camunda-autoscaler/exporter/started"
)

// engine is an engine's history and runtime, in memory.
type engine struct {
	now        time.Time
	instances  []instance
	running    string // id of an instance that runs
	unreadable bool   // history answers 0 to everything
	meter      uint64
	fail       map[string]error // by question
	asked      []string
	queries    []camunda.StartedQuery
}

type instance struct {
	started, visible time.Time
	key, tenant      string
	child            bool
}

func (e *engine) CountStarted(_ context.Context, q camunda.StartedQuery) (uint64, camunda.Answer, error) {
	e.asked, e.queries = append(e.asked, "count"), append(e.queries, q)
	if err := e.fail["count"]; err != nil {
		return 0, camunda.Answer{}, err
	}
	var n uint64
	for _, i := range e.instances {
		if !e.unreadable && !i.visible.After(e.now) && !i.started.Before(q.From) && !i.started.After(q.To) &&
			(q.ProcessDefinitionKey == "" || q.ProcessDefinitionKey == i.key) &&
			(len(q.Tenants) == 0 || slices.Contains(q.Tenants, i.tenant)) && !(q.RootOnly && i.child) {
			n++
		}
	}
	return n, camunda.Answer{Skew: time.Second, HasSkew: true}, nil
}

func (e *engine) InHistory(context.Context, string) (bool, error) {
	e.asked = append(e.asked, "in history")
	return !e.unreadable, e.fail["in history"]
}

func (e *engine) AnyInHistory(context.Context) (bool, error) {
	e.asked = append(e.asked, "any in history")
	return !e.unreadable, e.fail["any in history"]
}

func (e *engine) AnyRunning(context.Context, []string) (string, error) {
	e.asked = append(e.asked, "any running")
	return e.running, e.fail["any running"]
}

func (e *engine) RootStarts(context.Context) (uint64, error) {
	e.asked = append(e.asked, "meter")
	return e.meter, e.fail["meter"]
}

func (e *engine) start(at time.Time, key string) {
	e.instances = append(e.instances, instance{started: at, visible: at, key: key})
}

// read reads after a pause.
func (e *engine) read(t *testing.T, r *started.Reader, pause time.Duration) (started.Reading, []string) {
	t.Helper()
	e.now = e.now.Add(pause)
	e.asked, e.queries = nil, nil
	reading, cost := r.Read(t.Context(), e.now)
	if cost != len(e.asked) {
		t.Errorf("the reading is said to cost %d requests, but it made %v", cost, e.asked)
	}
	return reading, e.asked
}

var (
	epoch   = time.Date(2026, 3, 1, 10, 0, 0, 0, time.UTC)
	options = started.Options{Window: 10 * time.Second, SettleLag: time.Second, RecountHorizon: time.Minute}
)

func TestWindowAndTotal(t *testing.T) {
	e := &engine{now: epoch}
	r := started.NewReader(e, options, epoch)
	for s := -20; s < 20; s++ {
		e.start(epoch.Add(time.Duration(s)*time.Second), "a") // one a second, from before the exporter's start
	}
	got, _ := e.read(t, r, 5*time.Second)
	if got.Err != nil || got.All != (started.Count{Recent: 10, Total: 5}) {
		t.Errorf("after 5 s: %+v, want 10 in the window and 5 in all", got)
	}
	if !got.Window.End.Equal(epoch.Add(4*time.Second)) || !got.Answer.HasSkew || got.History != started.Readable {
		t.Errorf("after 5 s: %+v", got)
	}
	if got, _ := e.read(t, r, 30*time.Second); got.All != (started.Count{Recent: 0, Total: 21}) {
		t.Errorf("after 35 s: %+v, want none in the window and 21 in all", got)
	}
}

// Prometheus scrapes as often as the window is long: then one count serves both
// the gauge and the counter.
func TestRequestsOfARegularScrape(t *testing.T) {
	e := &engine{now: epoch}
	o := options
	o.Keys = []string{"a", "b"}
	r := started.NewReader(e, o, epoch)
	e.start(epoch, "a")
	for range 10 {
		e.start(e.now.Add(5*time.Second), "a")
		if _, asked := e.read(t, r, 10*time.Second); len(asked) > 4 {
			t.Errorf("%v, want one count for each of three series and one recount", asked)
		}
	}
	// An irregular one costs one more for each series.
	if _, asked := e.read(t, r, 7*time.Second); len(asked) > 7 {
		t.Errorf("irregular: %v", asked)
	}
}

func TestFilters(t *testing.T) {
	e := &engine{now: epoch}
	at := epoch.Add(time.Second)
	e.instances = []instance{
		{at, at, "a", "x", false}, {at, at, "a", "x", true}, {at, at, "b", "x", false}, {at, at, "b", "y", false}, {at, at, "c", "z", false},
	}
	o := options
	o.Keys, o.Tenants, o.RootOnly = []string{"b", "a", "nowhere"}, []string{"x", "y"}, true
	got, _ := e.read(t, started.NewReader(e, o, epoch), 10*time.Second)
	if got.All != (started.Count{Recent: 3, Total: 3}) {
		t.Errorf("all: %+v", got.All)
	}
	want := []started.KeyCount{{"b", started.Count{Recent: 2, Total: 2}}, {"a", started.Count{Recent: 1, Total: 1}}, {Key: "nowhere"}}
	if !slices.Equal(got.Keys, want) {
		t.Errorf("keys: %+v, want %+v", got.Keys, want)
	}
}

func TestEngineAwayLosesNothing(t *testing.T) {
	e := &engine{now: epoch, fail: map[string]error{}}
	r := started.NewReader(e, options, epoch)
	e.start(epoch.Add(time.Second), "a")
	e.read(t, r, 10*time.Second)
	e.fail["count"] = errors.New("down")
	e.start(epoch.Add(11*time.Second), "a")
	for range 360 {
		got, asked := e.read(t, r, 10*time.Second)
		if got.Err == nil || got.All.Total != 1 || len(asked) != 1 {
			t.Fatalf("while down: %+v, %v", got, asked)
		}
	}
	delete(e.fail, "count")
	if got, _ := e.read(t, r, 10*time.Second); got.Err != nil || got.All != (started.Count{Recent: 0, Total: 2}) {
		t.Errorf("after an hour: %+v", got)
	}
}

// With a tenth of the instances in transactions of 3 s, as measured on real
// engines, the total becomes exactly what history says.
func TestLateInstancesAreAdded(t *testing.T) {
	for seed := range uint64(20) {
		random := rand.New(rand.NewPCG(seed, 1))
		e := &engine{now: epoch}
		o := options
		o.Keys = []string{"a", "b"}
		r := started.NewReader(e, o, epoch)
		var want started.Count
		for e.now.Before(epoch.Add(2 * time.Minute)) {
			for range 14 {
				at := e.now.Add(time.Duration(random.IntN(1000)) * time.Millisecond)
				i := instance{started: at, visible: at, key: []string{"a", "b", "c"}[random.IntN(3)]}
				if random.IntN(10) == 0 {
					i.visible = at.Add(3 * time.Second)
				}
				e.instances = append(e.instances, i)
				want.Total++
			}
			pause := time.Second
			if random.IntN(3) == 0 {
				e.read(t, r, pause)
			} else {
				e.now = e.now.Add(pause)
			}
		}
		var got started.Reading
		for range 20 { // until every open segment of the three series had its turn
			got, _ = e.read(t, r, 10*time.Second)
		}
		if got.All.Total != want.Total || got.Keys[0].Total+got.Keys[1].Total == 0 {
			t.Fatalf("seed %d: total is %d, want %d", seed, got.All.Total, want.Total)
		}
		for _, k := range got.Keys {
			var n uint64
			for _, i := range e.instances {
				if i.key == k.Key {
					n++
				}
			}
			if k.Total != n {
				t.Fatalf("seed %d: total of %s is %d, want %d", seed, k.Key, k.Total, n)
			}
		}
	}
}

// A history that answers 0 for ever must not pass for an engine without load.
func TestUnreadableHistory(t *testing.T) {
	for _, test := range []struct {
		name   string
		engine engine
		meter  []uint64 // at each reading, ten seconds apart
		want   started.History
	}{
		{"an idle engine", engine{}, []uint64{5, 5, 5, 5, 5, 5, 5, 5}, started.Unknown},
		{"an idle engine with an old instance", engine{running: "x"}, []uint64{5}, started.Readable},
		{"history none, an instance runs", engine{running: "x", unreadable: true}, []uint64{5}, started.Unreadable},
		{"history none, short instances", engine{unreadable: true}, []uint64{5, 6, 7, 8, 9, 10, 11, 12}, started.Unreadable},
		{"history none, nothing starts", engine{unreadable: true}, []uint64{5, 5, 5, 5, 5, 5, 5, 5}, started.Unknown},
		{"only others' instances start", engine{}, []uint64{5, 6, 7, 8, 9, 10, 11, 12}, started.Readable},
		{"questions fail", engine{unreadable: true, running: "x", fail: map[string]error{"any running": errors.New("403"), "meter": errors.New("404")}}, []uint64{1, 2, 3, 4, 5, 6, 7, 8}, started.Unknown},
		{"an answer fails", engine{unreadable: true, running: "x", fail: map[string]error{"in history": errors.New("timeout"), "any in history": errors.New("timeout")}}, []uint64{1, 2, 3, 4, 5, 6, 7, 8}, started.Unknown},
	} {
		t.Run(test.name, func(t *testing.T) {
			e := &test.engine
			e.now = epoch
			r := started.NewReader(e, options, epoch)
			var got started.Reading
			for _, e.meter = range test.meter {
				if got, _ = e.read(t, r, 10*time.Second); got.Err != nil {
					t.Fatal(got.Err)
				}
			}
			if got.History != test.want || (got.Evidence != "") != (test.want == started.Unreadable) {
				t.Errorf("verdict is %v by %q, want %v", got.History, got.Evidence, test.want)
			}
		})
	}
}

// The check costs nothing while instances are seen, and little otherwise.
func TestHistoryCheckIsRare(t *testing.T) {
	e := &engine{now: epoch}
	r := started.NewReader(e, options, epoch)
	checks := 0
	for range 60 {
		_, asked := e.read(t, r, 10*time.Second)
		if slices.Contains(asked, "any running") {
			checks++
		}
	}
	if checks != 10 {
		t.Errorf("%d checks in ten idle minutes, want 10", checks)
	}
	e.start(e.now, "a")
	for range 5 {
		if _, asked := e.read(t, r, 10*time.Second); slices.Contains(asked, "any running") {
			t.Error("checked although history shows instances")
		}
	}
}

// A grant that is taken away, or given, is noticed while the exporter runs.
func TestGrantComesAndGoes(t *testing.T) {
	e := &engine{now: epoch, running: "x"}
	r := started.NewReader(e, options, epoch)
	read := func(rounds int) (got started.Reading) {
		for range rounds {
			e.start(e.now.Add(3*time.Second), "a")
			got, _ = e.read(t, r, 10*time.Second)
		}
		return got
	}
	if got := read(3); got.History != started.Readable {
		t.Fatalf("readable: %+v", got)
	}
	e.unreadable = true
	if got := read(20); got.History != started.Unreadable {
		t.Errorf("the grant is gone: %+v", got)
	}
	e.unreadable = false
	if got := read(1); got.History != started.Readable {
		t.Errorf("the grant is back: %+v", got)
	}
}
