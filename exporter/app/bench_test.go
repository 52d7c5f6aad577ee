package app_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/camunda-autoscaler/camunda-autoscaler/exporter/app"
	"github.com/camunda-autoscaler/camunda-autoscaler/service/logging"
)

// cached returns a scrape of all that an exporter with default flags serves,
// while no request to the engine is due.
func cached(t testing.TB) func() *httptest.ResponseRecorder {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		io.WriteString(w, `{"count":42}`)
	}))
	t.Cleanup(s.Close)
	command, o := app.NewCommand()
	if _, err := command.Flags.Parse([]string{"--camunda.url=" + s.URL, "--collector.interval=1h"}); err != nil {
		t.Fatal(err)
	}
	logs, err := logging.New(io.Discard, *command.Log)
	if err != nil {
		t.Fatal(err)
	}
	x, err := app.New(*o, logs)
	if err != nil {
		t.Fatal(err)
	}
	r := httptest.NewRequest(http.MethodGet, "/metrics", nil)
	r.Header.Set("Accept-Encoding", "gzip")
	return func() *httptest.ResponseRecorder {
		w := httptest.NewRecorder()
		x.Metrics.ServeHTTP(w, r)
		return w
	}
}

func BenchmarkCachedScrape(b *testing.B) {
	scrape := cached(b)
	b.ReportAllocs()
	for b.Loop() {
		scrape()
	}
}

func TestCachedScrapeIsCheap(t *testing.T) {
	scrape := cached(t)
	if w := scrape(); w.Code != http.StatusOK {
		t.Fatalf("status %d: %s", w.Code, w.Body)
	}
	if n := testing.AllocsPerRun(200, func() { scrape() }); n > mostAllocations {
		t.Errorf("%v allocations, want at most %d", n, mostAllocations)
	}
}
