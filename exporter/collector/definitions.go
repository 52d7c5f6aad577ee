package collector

import (
	"context"
	"errors"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/camunda-autoscaler/camunda-autoscaler/exporter/camunda"
	"github.com/camunda-autoscaler/camunda-autoscaler/exporter/instances"
)

// definitionsName is the name of the collector of process definitions in labels.
// It is on if keys are listed.
const definitionsName = "process-definitions"

// definitions counts started instances of the definitions that are listed: in
// turn, each in its own windows. However many there are and
// however long they take, the other metrics do not wait for them.
type definitions struct {
	parts
	counters []*instances.Counter // in the order of Keys
	next     int                  // whose turn it is to be counted

	recent, total, windowEnd *prometheus.Desc
}

func newDefinitions(p parts) *definitions {
	d := &definitions{
		parts: p,
		recent: prometheus.NewDesc("camunda_process_definition_instances_recently_started",
			"Process instances of a listed definition started in the last complete window. Absent while unknown.",
			[]string{"process_definition_key"}, inWindow(p.Counted)),
		total: prometheus.NewDesc("camunda_process_definition_instances_started_total",
			"Process instances of a listed definition started since the exporter started.",
			[]string{"process_definition_key"}, nil),
		windowEnd: prometheus.NewDesc("camunda_process_definition_window_end_timestamp_seconds",
			"End of the window of a definition's recently started instances. Absent while they are.",
			[]string{"process_definition_key"}, nil),
	}
	for _, key := range p.Keys {
		kind := instances.Kind{Endpoint: camunda.DefinitionCount, Event: camunda.Started, ProcessDefinitionKey: key}
		d.counters = append(d.counters, instances.NewCounter(p.engine, p.Counted, kind, p.Begin))
	}
	return d
}

// early is how much earlier than the pace a definition is due again: scrapes are
// not exact to the second, and what is not counted is not shown.
const early = 2 * time.Second

// refresh counts the definitions that are due, in turn, until one fails or the
// next round would be due.
func (d *definitions) refresh(ctx context.Context) (r reading, err error) {
	begin := time.Now()
	for range d.counters {
		if time.Since(begin) > d.Counted.Pace() {
			return r, errors.New("not all process definition keys could be counted in time: the engine is too slow for so many")
		}
		c := d.counters[d.next]
		d.next = (d.next + 1) % len(d.counters)
		if _, counted, known := c.Recent(); known && c.Window(time.Now()).End.Sub(counted.End) < max(d.Counted.Pace()-early, time.Second) {
			continue
		}
		if err := d.count(ctx, c); err != nil {
			return r, err
		}
	}
	return r, nil
}

func (d *definitions) count(ctx context.Context, c *instances.Counter) error {
	ctx, cancel := context.WithTimeout(ctx, d.Timeout)
	defer cancel()
	_, err := c.Count(ctx, time.Now())
	return err
}

// send sends every total, and the windows that are the latest ones now.
func (d *definitions) send(ch chan<- prometheus.Metric) {
	now := time.Now()
	missing := d.started.Status(now).Missing != ""
	for i, c := range d.counters {
		key := d.Keys[i]
		ch <- counterMetric(d.total, c.Total(), d.Begin, key)
		n, w, known := c.Recent()
		if !known || missing || c.Window(now).End.Sub(w.End) >= d.Counted.Pace() {
			continue
		}
		ch <- prometheus.MustNewConstMetric(d.recent, prometheus.GaugeValue, float64(n), key)
		ch <- prometheus.MustNewConstMetric(d.windowEnd, prometheus.GaugeValue, float64(w.End.Unix()), key)
	}
}
