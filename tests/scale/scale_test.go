package scale

import (
	"testing"
	"time"
)

// What must not grow with the number of workloads does not, and what must grow
// stays small. make bench-scale measures the rest.
func TestCounts(t *testing.T) {
	const n = 100
	for layout, want := range map[Layout]Result{
		OneQuery: {Connections: 2, QueriesAMinute: 60 * 2.5, Series: 10 * n},
		Separate: {Connections: 16, QueriesAMinute: 60 * 2.5 * n / 2, Series: 12 * n}, // more than half of the queries go together
	} {
		t.Run(string(layout), func(t *testing.T) {
			w, err := NewWorld(t.Context(), t.TempDir(), n, time.Second)
			if err != nil {
				t.Fatal(err)
			}
			defer w.Close()
			r, err := w.Measure(t.Context(), layout)
			if err != nil {
				t.Fatal(err)
			}
			t.Logf("%+v", r)
			if r.Connections > want.Connections {
				t.Errorf("%d connections to Prometheus, want at most %d", r.Connections, want.Connections)
			}
			if r.QueriesAMinute > want.QueriesAMinute {
				t.Errorf("%.0f requests to Prometheus a minute, want at most %.0f", r.QueriesAMinute, want.QueriesAMinute)
			}
			if r.APIRequestsAMinute > 0 {
				t.Errorf("%.0f requests to the API server a minute, want none", r.APIRequestsAMinute)
			}
			if own := r.Goroutines - 60; own > n/2 { // none while it waits
				t.Errorf("%d goroutines for %d workloads", own, n)
			}
			if own := 70; r.Series > want.Series+own {
				t.Errorf("%d series, want at most %d for %d workloads and %d for the scaler", r.Series, want.Series, n, own)
			}
		})
	}
}
