package app

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/go-kit/log"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/prometheus/common/expfmt"

	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/config"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/lease"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/loop"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/metrics"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/workload"
)

// counted counts the writes that get through.
type counted struct{ sets int }

func (c *counted) Get(context.Context) (workload.Scale, error) {
	return workload.Scale{Replicas: 1, ResourceVersion: "1"}, nil
}
func (c *counted) Set(context.Context, workload.Scale, int32) error { c.sets++; return nil }
func (c *counted) ScaledByHPA(context.Context) (string, error)      { return "", nil }
func (c *counted) Watch(ctx context.Context, _ log.Logger)          { <-ctx.Done() }

func TestFencedWritesOnlyWithTheLease(t *testing.T) {
	c := &counted{}
	held := false
	s := fenced{c, func(ctx context.Context) (context.Context, context.CancelFunc, error) {
		if !held {
			return nil, nil, lease.ErrNotHeld
		}
		return ctx, func() {}, nil
	}}
	if err := s.Set(t.Context(), workload.Scale{}, 2); workload.CauseOf(err) != workload.CauseNotLeader || c.sets != 0 {
		t.Errorf("got %v and %d writes", err, c.sets)
	}
	held = true
	if err := s.Set(t.Context(), workload.Scale{}, 2); err != nil || c.sets != 1 {
		t.Errorf("got %v and %d writes", err, c.sets)
	}
}

// A reload leaves the loops of unchanged targets alone, and what goes leaves no
// series behind.
func TestApply(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	defer server.Close()
	parse := func(targets string) config.Config {
		t.Helper()
		c, err := config.Parse("x.yml", []byte("prometheus: {url: "+server.URL+"}\ntargets: ["+targets+"]"))
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	const a, b = "{name: a, workload: {name: a}}", "{name: b, workload: {name: b}}"
	m := metrics.New()
	f := newFleet(m, func(workload.Ref) scaler { return &counted{} }, log.NewNopLogger())
	if err := f.Apply(parse(a + "," + b)); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { defer close(ended); f.Run(ctx) }()
	for f.Worked() == nil { // it has begun when its loops have not worked yet
	}
	loopOf := func(name string) *loop.Loop {
		f.mu.Lock()
		defer f.mu.Unlock()
		for ref, member := range f.members {
			if ref.Name == name {
				return member.loop
			}
		}
		return nil
	}
	firstA, firstB := loopOf("a"), loopOf("b")
	if err := f.Apply(parse(a + ",{name: b, workload: {name: b}, rule: {max_replicas: 9}}")); err != nil {
		t.Fatal(err)
	}
	if loopOf("a") != firstA {
		t.Error("the loop of an unchanged target was replaced")
	}
	if loopOf("b") == firstB {
		t.Error("the loop of a changed target was not replaced")
	}
	broken := parse(a)
	broken.Prometheus.HTTP.TLSConfig.CAFile = "no/such/file"
	if err := f.Apply(broken); err == nil || loopOf("b") == nil {
		t.Errorf("got %v; the old configuration has to stay in force", err)
	}
	if err := f.Apply(parse(a)); err != nil {
		t.Fatal(err)
	}
	problems, err := testutil.CollectAndFormat(m, expfmt.TypeTextPlain, "camunda_scaler_errors_total", "camunda_scaler_decisions_total", "camunda_scaler_paused")
	if err != nil || strings.Contains(string(problems), `target="b"`) || loopOf("a") != firstA || loopOf("b") != nil {
		t.Errorf("%v\n%s", err, problems)
	}
	cancel()
	<-ended
}
