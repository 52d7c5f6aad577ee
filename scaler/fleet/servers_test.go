package fleet

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-kit/log"
	v1 "github.com/prometheus/client_golang/api/prometheus/v1"
	"github.com/prometheus/common/model"

	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/config"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/metrics"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/workload"
)

// busy is a Prometheus that has scraped 1,000 this very second.
type busy struct{ v1.API }

func (busy) Query(context.Context, string, time.Time, ...v1.Option) (model.Value, v1.Warnings, v1.Infos, error) {
	now := model.TimeFromUnixNano(time.Now().UnixNano())
	one := func(part string, v float64) *model.Sample {
		return &model.Sample{Metric: model.Metric{"__camunda_scaler__": model.LabelValue(part)}, Value: model.SampleValue(v), Timestamp: now}
	}
	return model.Vector{one("value", 1000), one("time", float64(now/1000)), one("now", 0)}, nil, nil, nil
}

// A target may have a Prometheus of its own. While one is down, the targets of
// others go on, and readiness says which it is.
func TestSeveralServers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		connected := map[string]int{}
		d := &deployments{of: map[workload.Ref]*deployment{}}
		f := New(Options{
			Connect: func(p config.Prometheus) (v1.API, error) {
				connected[p.URL.Host]++
				if p.URL.Host == "dead" {
					return down{}, nil
				}
				return busy{}, nil
			},
			Workloads: d.new,
			Metrics:   metrics.New(),
			Logger:    log.NewNopLogger(),
		})
		const (
			here  = "{workload: {name: here}}"
			there = "{workload: {name: there}, prometheus: {url: 'http://dead'}}"
			too   = "{workload: {name: too}, prometheus: {url: 'http://dead'}}"
		)
		if err := f.Apply(parse(t, here+","+there+","+too)); err != nil {
			t.Fatal(err)
		}
		stop := lead(t, f)
		defer stop()
		time.Sleep(2 * time.Minute)
		replicas := func(name string) int32 {
			w := d.new(workload.Ref{APIVersion: "apps/v1", Kind: "Deployment", Namespace: "default", Name: name}).(*deployment)
			w.mu.Lock()
			defer w.mu.Unlock()
			return w.replicas
		}
		if replicas("here") != 4 || replicas("there") != 1 {
			t.Errorf("%d and %d replicas, want 4 where Prometheus answers, and 1 where it does not", replicas("here"), replicas("there"))
		}
		err := f.Worked()
		if err == nil || strings.Contains(err.Error(), "target here:") || strings.Count(err.Error(), "its Prometheus is http://dead") != 2 {
			t.Errorf("readiness says %v, want the two targets and their server", err)
		}
		if err := f.Apply(parse(t, here+","+too)); err != nil {
			t.Fatal(err)
		}
		if connected["dead"] != 1 || connected["prometheus:9090"] != 1 {
			t.Errorf("connected %v times, want once to each server", connected)
		}
	})
}
