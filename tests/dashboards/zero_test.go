package dashboards

import (
	"math"
	"slices"
	"testing"
	"time"

	"github.com/prometheus/common/model"
)

// A workload that its rule has scaled to 0 is no fault: the boards show what is
// known of it, and no number that makes no sense.
func TestDashboardsAtZeroReplicas(t *testing.T) {
	t.Parallel()
	const name, scrape = "tenant-02-worker", 10 * time.Second
	boards, err := Load(folder)
	check(t, err)
	autoscaling := boards[slices.IndexFunc(boards, func(d Dashboard) bool { return d.UID == "camunda-autoscaling" })]
	h := &History{From: historyEnd.Add(-4 * time.Hour), To: historyEnd, Scrape: scrape, Targets: 3}
	server, err := h.Serve(t.Context(), t.TempDir())
	check(t, err)
	t.Cleanup(server.Kill)
	prom, err := API(server.URL)
	check(t, err)

	// Ten minutes after its last replica went.
	var at time.Time
	for _, c := range h.Changes {
		if c.Target == name && c.Action == "down" {
			at = c.At.Truncate(scrape).Add(10 * time.Minute)
		}
	}
	b, err := autoscaling.Open(t.Context(), prom, at.Add(-2*time.Hour), at, scrape)
	check(t, err)
	b = b.With("target", name).With("group", name)
	stats := map[string]float64{ // by panel and legend; of one, NaN is none
		"Replicas/set": 0, "Replicas/ready": 0, "Replicas/desired": 0,
		"Load/load":                   -1, // no replicas
		"Next step up at/{{trigger}}": 0,  // above 0
		"Next step up at/none":        math.NaN(),
		"Mode/mode":                   0, // active
	}
	for _, q := range b.Queries() {
		series, err := b.Evaluate(t.Context(), q)
		check(t, err)
		last := math.NaN()
		for _, s := range series {
			for _, v := range s.Values {
				if !q.Instant && (v.Value < 0 || math.IsNaN(float64(v.Value)) || math.IsInf(float64(v.Value), 0)) {
					t.Errorf("%s %s is %s at %s", q.Panel, q.Legend, v.Value, v.Timestamp.Time().UTC())
					break
				}
				last = float64(v.Value)
			}
			if q.Panel == "Why" && s.Metric["reason"] != "load_low_at_min" {
				t.Errorf("the reason is %s", s.Metric["reason"])
			}
		}
		want, ok := stats[q.Panel+"/"+q.Legend]
		if ok && last != want && !(math.IsNaN(last) && math.IsNaN(want)) {
			t.Errorf("%s %s is %g, want %g", q.Panel, q.Legend, last, want)
		}
		delete(stats, q.Panel+"/"+q.Legend)
		if q.Panel == "Load and the next steps" && q.Legend == "next step down" {
			isGone(t, series, at)
		}
	}
	if len(stats) > 0 {
		t.Errorf("found no query for %v: the test covers too little", stats)
	}
}

// isGone: a series ended before a time.
func isGone(t *testing.T, series model.Matrix, at time.Time) {
	t.Helper()
	if len(series) == 0 {
		t.Error("there was no next step down: the test covers nothing")
	}
	for _, s := range series {
		if last := s.Values[len(s.Values)-1].Timestamp.Time(); at.Sub(last) < 5*time.Minute {
			t.Errorf("there is a next step down at %s", last.UTC())
		}
	}
}
