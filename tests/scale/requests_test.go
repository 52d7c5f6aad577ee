package scale

import (
	"testing"
	"time"

	"github.com/camunda-autoscaler/camunda-autoscaler/tests/scale/scraped"
)

// A thousand workloads cost the API server a list in two pages and one watch,
// nothing while nothing changes, and a write for each step, however many there
// are at once. They cost the scaler one goroutine each.
func TestRequestsOfAThousand(t *testing.T) {
	const n, pages = 1000, 2
	w, err := NewWorld(t.Context(), t.TempDir(), n, 2*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	requests := func() map[string]float64 {
		t.Helper()
		all, err := w.requests(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return all
	}
	before := requests()
	since := func() map[string]float64 {
		t.Helper()
		now := requests()
		for verb := range now {
			now[verb] -= before[verb]
		}
		return now
	}
	s, err := w.Start(t.Context(), OneQuery)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Stop()
	// await returns once so many workloads have so many replicas.
	await := func(workloads int, replicas float64) (m scraped.Metrics) {
		t.Helper()
		for deadline := time.Now().Add(2 * time.Minute); time.Now().Before(deadline); time.Sleep(time.Second) {
			if m, err = s.scrape(t.Context()); err != nil {
				t.Fatal(err)
			}
			have := 0
			for _, v := range m.Values("camunda_scaler_replicas") {
				if v == replicas {
					have++
				}
			}
			if have == workloads {
				return m
			}
		}
		t.Fatalf("no %d workloads with %g replicas within two minutes", workloads, replicas)
		return m
	}
	m := await(n, 1)
	if got := since(); got["LIST"] != pages || got["WATCH"] != 1 || got["GET scale"] != 0 {
		t.Errorf("the start took the requests %v, want a list in two pages and a watch", got)
	}
	if goroutines := m.Total("go_goroutines"); goroutines > n+60 {
		t.Errorf("%g goroutines, want one for each workload and a few", goroutines)
	}
	quiet := since()
	time.Sleep(5 * time.Second) // in which nothing happens
	for verb, now := range since() {
		if now != quiet[verb] {
			t.Errorf("%g %s while nothing changed", now-quiet[verb], verb)
		}
	}
	w.Load(n) // which takes two steps
	await(n, 3)
	if got := since(); got["PATCH scale"] != 2*n || got["LIST"] != pages || got["WATCH"] != 1 || got["GET scale"] != 0 || got["429"] != 0 {
		t.Errorf("two steps of each took the requests %v", got)
	}
}
