package scaler

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/camunda-autoscaler/camunda-autoscaler/testbed/prometheus"
)

// scraped is something for Prometheus to scrape, whose answer a test sets.
type scraped struct {
	*httptest.Server
	body atomic.Value
}

func newScraped(t *testing.T, body string) *scraped {
	s := &scraped{}
	s.set(body)
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain; version=0.0.4")
		fmt.Fprintln(w, s.body.Load())
	}))
	t.Cleanup(s.Close)
	return s
}

func (s *scraped) set(body string) { s.body.Store(body) }

// started is what the exporter says at that many starts.
func started(n any) string {
	return fmt.Sprintf(`camunda_process_instances_recently_started{window="10s"} %v`, n)
}

// at gives a sample a time of its own.
func at(sample string, ts time.Time) string { return fmt.Sprintf("%s %d", sample, ts.UnixMilli()) }

func startPrometheus(t *testing.T, s *scraped, every time.Duration) *prometheus.Server {
	t.Helper()
	server, err := prometheus.Start(t.Context(), t.TempDir(), prometheus.Config{
		ScrapeInterval: every, Jobs: map[string][]string{"camunda": {strings.TrimPrefix(s.URL, "http://")}},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Kill)
	return server
}
