package fleet

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-kit/log"
	v1 "github.com/prometheus/client_golang/api/prometheus/v1"
	"github.com/prometheus/common/model"

	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/config"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/journal"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/metrics"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/workload"
)

// broken is a Prometheus that refuses every query.
type broken struct{ v1.API }

func (broken) Query(context.Context, string, time.Time, ...v1.Option) (model.Value, v1.Warnings, v1.Infos, error) {
	return nil, nil, nil, errors.New("503")
}

// The journal has the targets that there are, says which of them run, and keeps
// what was decided when this scaler stops leading.
func TestJournal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := journal.New(1 << 20)
		f := New(Options{
			Connect:   func(config.Prometheus) (v1.API, error) { return broken{}, nil },
			Workloads: (&deployments{of: map[workload.Ref]*deployment{}}).new,
			Metrics:   metrics.New(),
			Journal:   j,
			Logger:    log.NewNopLogger(),
		})
		wants := func(running bool, names ...string) {
			t.Helper()
			if got := j.Names(); !slices.Equal(got, names) {
				t.Errorf("the journal has %v, want %v", got, names)
			}
			for _, name := range j.Names() {
				if s := j.Find(name).Status(); s.Running != running || s.Target.Name != name {
					t.Errorf("%s: %+v, want running: %v", name, s, running)
				}
			}
		}
		apply := func(targets string) {
			t.Helper()
			if err := f.Apply(parse(t, targets)); err != nil {
				t.Fatal(err)
			}
		}
		apply(targetA + "," + targetB)
		wants(false, "a", "b")
		stop := lead(t, f)
		wants(true, "a", "b")
		time.Sleep(time.Minute)
		if s := j.Find("a").Status(); s.Last == nil || s.Last.Reason != "query_failed" {
			t.Errorf("got %+v", s.Last)
		}
		apply(targetA)
		wants(true, "a")
		stop()
		wants(false, "a")
		if s := j.Find("a").Status(); s.Last == nil {
			t.Error("what was decided is forgotten")
		}
		apply("{name: a, workload: {name: other}}")
		stop = lead(t, f)
		defer stop()
		if got := j.Find("a").Config().Workload.Name; got != "other" {
			t.Errorf("the journal is of %s", got)
		}
		apply("{name: a, workload: {name: third}}") // the name is another workload's now
		if s := j.Find("a").Status(); s.Target.Workload.Name != "third" || s.Last != nil && s.Last.Target.Workload.Name != "third" {
			t.Errorf("got %+v", s)
		}
	})
}
