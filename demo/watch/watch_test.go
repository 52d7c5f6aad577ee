package watch_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/camunda-autoscaler/camunda-autoscaler/demo/watch"
)

const scalerText = `# TYPE camunda_scaler_decisions_total counter
camunda_scaler_decisions_total{action="none",reason="within_bounds"} 3
camunda_scaler_decisions_total{action="up",reason="load_high"} 1
# TYPE camunda_scaler_replicas gauge
camunda_scaler_replicas{target="camunda-deployment"} 3
# TYPE camunda_scaler_sample_age_seconds gauge
camunda_scaler_sample_age_seconds{target="camunda-deployment"} 0.5
# TYPE camunda_scaler_sample_value gauge
camunda_scaler_sample_value{target="camunda-deployment"} 120
# TYPE camunda_scaler_desired_replicas gauge
camunda_scaler_desired_replicas{target="camunda-deployment"} 3
`

func parse(t *testing.T, text string) watch.Metrics {
	t.Helper()
	m, err := watch.Parse(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestDecisions(t *testing.T) {
	var d watch.Decisions
	if _, _, decided := d.New(nil); decided {
		t.Error("a decision in no metrics")
	}
	if action, reason, decided := d.New(parse(t, scalerText)); !decided || action != "up" || reason != "load_high" {
		t.Errorf("got %s %s %t, want the decision that acted", action, reason, decided)
	}
	if _, _, decided := d.New(parse(t, scalerText)); decided {
		t.Error("the same decision twice")
	}
	again := strings.ReplaceAll(scalerText, `reason="within_bounds"} 3`, `reason="within_bounds"} 4`)
	if action, reason, decided := d.New(parse(t, again)); !decided || action != "none" || reason != "within_bounds" {
		t.Errorf("got %s %s %t", action, reason, decided)
	}
}

func TestObserve(t *testing.T) {
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	starter := parse(t, "camunda_starter_target_starts_per_interval 120\n")
	step := watch.Decision{From: 2, To: 3, PerInstance: new(60.0)}
	o := watch.Observe(at, "up", "load_high", step, parse(t, scalerText), starter, 2)
	if o.Asked != 120 || *o.Started != 120 || *o.PerInstance != 60 || o.From != 2 || o.To != 3 || o.Ready != 2 || at.Sub(o.Scraped) != 500*time.Millisecond {
		t.Errorf("got %+v", o)
	}
	if o := watch.Observe(at, "none", "write_failed", step, parse(t, scalerText), starter, 2); o.To != 2 {
		t.Errorf("a write that failed counts as done: %+v", o)
	}
	// What is unknown is absent from what the scaler says, and never 0 here.
	o = watch.Observe(at, "none", "no_data", watch.Decision{From: 2, To: 2}, parse(t, ""), starter, 2)
	if o.Started != nil || o.PerInstance != nil || !o.Scraped.IsZero() || o.From != 2 || o.To != 2 {
		t.Errorf("got %+v", o)
	}
}

func TestScrape(t *testing.T) {
	code := http.StatusOK
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(code)
		w.Write([]byte(scalerText))
	}))
	defer server.Close()
	if m, err := watch.Scrape(t.Context(), server.URL); err != nil || m.Int("camunda_scaler_replicas") != 3 {
		t.Errorf("got %v, %v", m, err)
	}
	code = http.StatusInternalServerError
	if m, err := watch.Scrape(t.Context(), server.URL); err == nil {
		t.Errorf("got %v of an answer 500", m)
	}
}
