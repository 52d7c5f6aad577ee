package loop_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	v1 "github.com/prometheus/client_golang/api/prometheus/v1"
	"github.com/prometheus/common/model"

	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/loop/looptest"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/query"
)

// manyScraped is a Prometheus that is asked for all workloads at once. Each is
// scraped every ten seconds, some time after the first.
type manyScraped struct {
	v1.API
	began   time.Time
	phases  []time.Duration // of each workload
	visible time.Duration   // from a scrape's time until its sample can be read
	takes   time.Duration   // to answer
	asked   atomic.Int64
}

func (p *manyScraped) Query(context.Context, string, time.Time, ...v1.Option) (model.Value, v1.Warnings, v1.Infos, error) {
	p.asked.Add(1)
	time.Sleep(p.takes / 2)
	now := time.Now()
	defer time.Sleep(p.takes / 2)
	one := func(part string, i int, value float64) *model.Sample {
		m := model.Metric{"__camunda_scaler__": model.LabelValue(part), "namespace": "n", "name": model.LabelValue(fmt.Sprintf("w%d", i))}
		return &model.Sample{Metric: m, Value: model.SampleValue(value), Timestamp: model.TimeFromUnixNano(now.UnixNano())}
	}
	answer := model.Vector{{Metric: model.Metric{"__camunda_scaler__": "now"}, Timestamp: model.TimeFromUnixNano(now.UnixNano())}}
	for i, phase := range p.phases {
		const every = 10 * time.Second
		since := now.Sub(p.began) - phase - p.visible
		if since < 0 {
			continue
		}
		at := p.began.Add(phase + since.Truncate(every))
		answer = append(answer, one("value", i, 60), one("time", i, float64(at.UnixMilli())/1000))
	}
	return answer, nil, nil, nil
}

// A hundred workloads of one query, whose loops started at different times, find
// their samples soon and with few requests: where they are scraped together,
// soon after that; where each is scraped at a time of its own, after a second or two.
func TestManyWorkloadsOfOneQuery(t *testing.T) {
	const n, rounds = 100, 20
	for _, c := range []struct {
		name          string
		apart         time.Duration // between the scrapes of two workloads
		median, worst time.Duration
		requests      float64 // in ten seconds
	}{
		{name: "scraped together", median: 60 * time.Millisecond, worst: 300 * time.Millisecond, requests: 5},
		{name: "scraped apart", apart: 97 * time.Millisecond, median: 900 * time.Millisecond, worst: 2 * time.Second, requests: 18},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := &manyScraped{began: time.Now(), visible: 20 * time.Millisecond, takes: 40 * time.Millisecond}
				for i := range n {
					p.phases = append(p.phases, time.Duration(i)*c.apart)
				}
				shared := query.NewShared(p, query.Options{Query: "q", TimestampQuery: "t", Warn: func(string) {}}, query.Labels{NamespaceLabel: "namespace", NameLabel: "name"}, time.Second)
				ctx, cancel := context.WithCancel(t.Context())
				var all sync.WaitGroup
				var fixtures []*fixture
				for i := range n {
					f := newFixtureFrom(Sources{Triggers: []Reader{shared.Reader(query.Key{Namespace: "n", Name: fmt.Sprintf("w%d", i)})}}, &fakeWorkload{replicas: 2})
					fixtures = append(fixtures, f)
					all.Go(func() {
						time.Sleep(time.Duration(i) * 31 * time.Millisecond)
						looptest.Run(ctx, f.Loop)
					})
				}
				time.Sleep(2 * time.Minute) // what there is to learn is learned
				asked := p.asked.Load()
				var lags []time.Duration
				for range rounds {
					time.Sleep(10 * time.Second)
					for _, f := range fixtures {
						lags = append(lags, time.Duration(f.lag.Load()))
					}
				}
				requests := float64(p.asked.Load()-asked) / rounds
				cancel()
				all.Wait()
				slices.Sort(lags)
				median, worst := lags[len(lags)/2]-p.visible-p.takes/2, lags[len(lags)-1]-p.visible-p.takes/2
				t.Logf("median %s, worst %s, %.1f requests in ten seconds", median, worst, requests)
				if median > c.median || worst > c.worst || requests > c.requests {
					t.Errorf("want at most %s, %s and %.1f", c.median, c.worst, c.requests)
				}
			})
		})
	}
}
