package collector

import (
	"context"
	"fmt"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/camunda-autoscaler/camunda-autoscaler/exporter/camunda"
	"github.com/camunda-autoscaler/camunda-autoscaler/exporter/instances"
)

func finished() Optional {
	return Optional{Name: "finished", Help: "Count finished process instances.", Default: true, prepare: func(p parts) prepared {
		recent := prometheus.NewDesc("camunda_process_instances_recently_finished",
			"Process instances that ended, for whatever reason, in the last complete window. Absent while unknown.", nil, inWindow(p.Counted))
		total := prometheus.NewDesc("camunda_process_instances_finished_total",
			"Process instances that ended, for whatever reason, since the exporter started.", nil, nil)
		counter := instances.NewCounter(p.engine, p.Counted, instances.Kind{Endpoint: camunda.FinishedCount, Event: camunda.Finished}, p.Begin)
		return prepared{
			counters: []*instances.Counter{counter},
			lasting: func(ch chan<- prometheus.Metric) {
				if verdict, _ := p.started.history.Verdict(); verdict != instances.Unreadable {
					ch <- counterMetric(total, counter.Total(), p.Begin)
				}
			},
			refresh: func(ctx context.Context) (r reading, err error) {
				if r.requests, err = counter.Count(ctx, time.Now()); err != nil {
					return r, err
				}
				switch verdict, evidence := p.started.history.Verdict(); verdict {
				case instances.Unreadable:
					return r, fmt.Errorf("the engine's history is unreadable: %s", evidence)
				case instances.Unknown:
					return r, nil // a count of 0 means nothing
				}
				n, _, _ := counter.Recent()
				r.gauge(recent, n)
				return r, nil
			},
		}
	}}
}
