package loop_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-kit/log"
	"github.com/go-logfmt/logfmt"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/config"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/decide"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/event"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/loop"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/loop/looptest"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/metrics"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/report"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/sample"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/workload"
)

// fakePrometheus scrapes every so often, beginning when it is made, and its
// clock may differ from this machine's.
type fakePrometheus struct {
	began  time.Time
	every  time.Duration
	ahead  time.Duration                            // of its clock
	answer func(newest sample.Result) sample.Result // what to say instead; nil to answer well
	value  func(ts time.Time) float64
	polls  int
}

func newFakePrometheus(every time.Duration, load float64) *fakePrometheus {
	return &fakePrometheus{began: time.Now(), every: every, value: func(time.Time) float64 { return load }}
}

func (p *fakePrometheus) Read(context.Context) sample.Result {
	p.polls++
	elapsed := time.Since(p.began).Truncate(p.every)
	r := sample.Result{Outcome: sample.Value, Timestamp: p.began.Add(elapsed + p.ahead), Now: time.Now().Add(p.ahead)}
	if p.answer != nil {
		r = p.answer(r)
	}
	if r.Outcome == sample.Value {
		r.Value = p.value(r.Timestamp)
	}
	return r
}

// Now is the value of the newest sample, as a query for a maximum gives it.
func (p *fakePrometheus) Now(ctx context.Context) sample.Result { return p.Read(ctx) }

// fakeWorkload is a scale with optimistic locking.
type fakeWorkload struct {
	mu       sync.Mutex
	replicas int32
	version  int
	getErr   error
	setErr   error
	applied  bool          // with setErr: the write happened nevertheless
	takes    time.Duration // a write
	getTakes time.Duration
	sets     []time.Time // without conflicts
	gets     int

	uid       string
	ready     *int32
	pause     workload.Pause
	writer    workload.Writer
	hpa       string // the name of one
	hpaErr    error
	hpaChecks int
}

func (w *fakeWorkload) Get(ctx context.Context) (workload.Scale, error) {
	if w.getTakes > 0 {
		time.Sleep(w.getTakes)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.gets++
	if ctx.Err() != nil {
		return workload.Scale{}, ctx.Err()
	}
	return workload.Scale{
		Replicas: w.replicas, ResourceVersion: fmt.Sprint(w.version), Generation: int64(w.version),
		UID: w.uid, Ready: w.ready, Pause: w.pause, Writer: w.writer, Known: true, Asked: true,
	}, w.getErr
}

func (w *fakeWorkload) ScaledByHPA(context.Context) (string, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.hpaChecks++
	return w.hpa, w.hpaErr
}

// change is one by another writer.
func (w *fakeWorkload) change(by workload.Writer, replicas int32) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.replicas, w.writer = replicas, by
	w.version++
}

func (w *fakeWorkload) Set(ctx context.Context, read workload.Scale, replicas int32) error {
	select {
	case <-time.After(w.takes):
	case <-ctx.Done():
		return ctx.Err()
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if read.ResourceVersion != fmt.Sprint(w.version) {
		return apierrors.NewConflict(schema.GroupResource{Resource: "deployments"}, "web", errors.New("changed"))
	}
	w.sets = append(w.sets, time.Now())
	if w.setErr == nil || w.applied {
		w.replicas, w.writer = replicas, workload.Writer{Manager: workload.FieldManager, Subresource: "scale"}
		w.version++
	}
	return w.setErr
}

type (
	Target  = config.Target
	Sources = loop.Sources
	Reader  = loop.Reader
)

type fixture struct {
	*loop.Loop
	events     []event.Event
	prometheus *fakePrometheus
	workload   *fakeWorkload
	log        *bytes.Buffer
	metrics    *metrics.Metrics
	lag        lastLag
}

func newFixture(p *fakePrometheus, w *fakeWorkload, change ...func(*Target)) *fixture {
	f := newFixtureFrom(Sources{Triggers: []Reader{p}}, w, change...)
	f.prometheus = p
	return f
}

// newTriggers is a fixture with a trigger for each of the policy's.
func newTriggers(ps []*fakePrometheus, w *fakeWorkload, change ...func(*Target)) *fixture {
	var from Sources
	for _, p := range ps {
		from.Triggers = append(from.Triggers, p)
	}
	return newFixtureFrom(from, w, change...)
}

func newFixtureFrom(from Sources, w *fakeWorkload, change ...func(*Target)) *fixture {
	target := newTarget(change...)
	m := metrics.New()
	f := &fixture{workload: w, log: &bytes.Buffer{}, metrics: m}
	told := m.Target(target.Name)
	told.Configure(target)
	observers := loop.Observers{told, &f.lag, report.NewLog(log.NewLogfmtLogger(f.log)), report.Events{Record: func(e event.Event) { f.events = append(f.events, e) }}}
	f.Loop = loop.New(&target, told.Sources(from), told.Scaler(w), observers)
	return f
}

// lastLag is that of the last decision on a new sample.
type lastLag struct{ atomic.Int64 }

func (l *lastLag) Observe(d loop.Decision) {
	if d.Lag > 0 {
		l.Store(int64(d.Lag))
	}
}

func newTarget(change ...func(*Target)) Target {
	target := Target{
		Name: "camunda", Workload: workload.Ref{APIVersion: "apps/v1", Kind: "Deployment", Namespace: "default", Name: "web"},
		Policy: decide.DefaultPolicy(), Interval: 10 * time.Second,
	}
	for _, c := range change {
		c(&target)
	}
	return target
}

// Other writers of the replicas.
var (
	hpa  = workload.Writer{Manager: "kube-controller-manager", Subresource: "scale"}
	user = workload.Writer{Manager: "kubectl"}
	own  = workload.Writer{Manager: workload.FieldManager, Subresource: "scale"}
)

// run runs the loop for a while of simulated time.
func (f *fixture) run(d time.Duration) {
	ctx, cancel := context.WithTimeout(context.Background(), d)
	defer cancel()
	looptest.Run(ctx, f.Loop)
}

// lines returns the log, at that level or all if it is ""; warnings are with
// the level info.
func (f *fixture) lines(t *testing.T, atLevel string) []map[string]string {
	t.Helper()
	var lines []map[string]string
	d := logfmt.NewDecoder(bytes.NewReader(f.log.Bytes()))
	for d.ScanRecord() {
		l := map[string]string{}
		for d.ScanKeyval() {
			l[string(d.Key())] = string(d.Value())
		}
		if atLevel == "" || l["level"] == atLevel || atLevel == "info" && l["level"] == "warn" {
			lines = append(lines, l)
		}
	}
	if err := d.Err(); err != nil {
		t.Fatal(err)
	}
	return lines
}

// gather returns the value of a target's series, by what it is called in the
// text format without the target; nil if there is none.
func (f *fixture) gather(t *testing.T, name string, labels ...string) *float64 {
	t.Helper()
	families, err := f.metrics.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, family := range families {
		if family.GetName() != "camunda_scaler_"+name {
			continue
		}
		for _, m := range family.GetMetric() {
			has := map[string]string{}
			for _, l := range m.GetLabel() {
				has[l.GetName()] = l.GetValue()
			}
			matches := true
			for i := 0; i < len(labels); i += 2 {
				matches = matches && has[labels[i]] == labels[i+1]
			}
			if matches {
				v := m.GetGauge().GetValue() + m.GetCounter().GetValue()
				return &v
			}
		}
	}
	return nil
}

func (f *fixture) reasons(t *testing.T, atLevel string) string {
	t.Helper()
	var reasons []string
	for _, l := range f.lines(t, atLevel) {
		if l["msg"] == "shadow scaled" {
			continue
		}
		reasons = append(reasons, l["action"]+" "+l["reason"])
	}
	return strings.Join(reasons, ", ")
}

// both pauses steps up and down.
var both = workload.Pause{Up: true, Down: true}
