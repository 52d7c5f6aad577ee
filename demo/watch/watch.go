// Package watch reads the scaler's and the starter's own metrics, as any user
// could, and sees each decision as it is made.
package watch

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"time"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"github.com/camunda-autoscaler/camunda-autoscaler/demo/story"
)

// Metrics are one scrape's.
type Metrics map[string]*dto.MetricFamily

// Scrape reads a service's metrics.
func Scrape(ctx context.Context, url string) (Metrics, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("GET %s: %s", url, resp.Status)
	}
	return Parse(resp.Body)
}

// Parse reads metrics in Prometheus's text format.
func Parse(r io.Reader) (Metrics, error) {
	p := expfmt.NewTextParser(model.UTF8Validation)
	return p.TextToMetricFamilies(r)
}

// Value returns the family's value, summed over its series; nil if it has
// none.
func (m Metrics) Value(name string) *float64 {
	series := m[name].GetMetric()
	if len(series) == 0 {
		return nil
	}
	var sum float64
	for _, s := range series {
		sum += value(s)
	}
	return &sum
}

func value(s *dto.Metric) float64 {
	return s.GetCounter().GetValue() + s.GetGauge().GetValue() + s.GetUntyped().GetValue()
}

// Int returns the family's value as a whole number; 0 if it has none.
func (m Metrics) Int(name string) int {
	if v := m.Value(name); v != nil {
		return int(*v)
	}
	return 0
}

// kind is what the scaler counts decisions by.
type kind struct{ action, reason string }

func (m Metrics) decisions() map[kind]float64 {
	counts := map[kind]float64{}
	for _, s := range m["camunda_scaler_decisions_total"].GetMetric() {
		var k kind
		for _, l := range s.GetLabel() {
			switch l.GetName() {
			case "action":
				k.action = l.GetValue()
			case "reason":
				k.reason = l.GetValue()
			}
		}
		counts[k] += value(s)
	}
	return counts
}

// Decisions finds what the scaler has decided between two scrapes.
type Decisions struct{ counts map[kind]float64 }

// New returns whether the scaler has decided since the call before, and what.
// Of several decisions it returns the one that acted.
func (d *Decisions) New(m Metrics) (action, reason string, decided bool) {
	counts := m.decisions()
	for k, n := range counts {
		if n > d.counts[k] && (!decided || action == "none") {
			action, reason, decided = k.action, k.reason, true
		}
	}
	d.counts = counts
	return action, reason, decided
}

// Observe puts together what is known of a decision.
func Observe(at time.Time, action, reason string, last Decision, scaler, starter Metrics, ready int) story.Observation {
	o := story.Observation{
		At: at, Action: action, Reason: reason, Ready: ready,
		Asked:       starter.Int("camunda_starter_target_starts_per_interval"),
		Started:     scaler.Value("camunda_scaler_sample_value"),
		PerInstance: last.PerInstance,
		From:        last.From,
		To:          last.To,
	}
	if age := scaler.Value("camunda_scaler_sample_age_seconds"); age != nil {
		o.Scraped = at.Add(-time.Duration(*age * float64(time.Second)))
	}
	if o.To == 0 || reason == "write_failed" {
		o.To = o.From // nothing was done
	}
	return o
}
