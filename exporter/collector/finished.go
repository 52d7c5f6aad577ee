package collector

import (
	"context"
	"fmt"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/common/model"

	"github.com/camunda-autoscaler/camunda-autoscaler/exporter/camunda"
	"github.com/camunda-autoscaler/camunda-autoscaler/exporter/started"
)

// byEnd has instances counted by when they ended, in the same windows and with
// the same care as those that were started.
type byEnd struct{ *camunda.Client }

func (e byEnd) CountStarted(ctx context.Context, q camunda.StartedQuery) (uint64, camunda.Answer, error) {
	return e.CountFinished(ctx, q)
}

func finished() Optional {
	return Optional{Name: "finished", Help: "Count finished process instances.", Default: true, prepare: func(client *camunda.Client, o SetOptions) refresh {
		recent := prometheus.NewDesc("camunda_process_instances_recently_finished",
			"Process instances that ended, in whatever way, in the last complete window. Absent while it is not known.",
			nil, prometheus.Labels{"window": model.Duration(o.Started.Window).String()})
		total := desc("camunda_process_instances_finished_total",
			"Process instances that ended, in whatever way, since the exporter was started, with those that became visible late.")
		options := o.Started
		options.Keys = nil
		reader := started.NewReader(byEnd{client}, options, o.Begin)
		return func(ctx context.Context) (r reading, err error) {
			found, asked := reader.Read(ctx, time.Now())
			if found.Err != nil {
				return reading{}, found.Err
			}
			if found.History == started.Unreadable {
				return reading{}, fmt.Errorf("the engine's history cannot be read: %s", found.Evidence)
			}
			r.gauge(recent, found.All.Recent)
			r.metrics = append(r.metrics, prometheus.MustNewConstMetricWithCreatedTimestamp(
				total, prometheus.CounterValue, float64(found.All.Total), o.Begin))
			r.asked = asked
			return r, nil
		}
	}}
}
