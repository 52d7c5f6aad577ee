package metrics

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	dto "github.com/prometheus/client_model/go"
)

// many has a thousand targets that have been decided on.
func many() (*Metrics, *prometheus.Registry) {
	m, registry := New(), prometheus.NewRegistry()
	registry.MustRegister(m)
	m.SetLeader(func() bool { return true })
	for i := range 1000 {
		target := newTarget(fmt.Sprint("target-", i))
		one := m.Target(target.Name)
		one.Configure(target)
		one.Observe(decided(target, 2, float64(i)))
	}
	return m, registry
}

func serve(h http.Handler, address string, header ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodGet, address, nil)
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

// withoutAges leaves out what rises by itself.
func withoutAges(text string) string {
	var kept strings.Builder
	for line := range strings.Lines(text) {
		if !strings.HasPrefix(line, "camunda_scaler_sample_age_seconds{") {
			kept.WriteString(line)
		}
	}
	return kept.String()
}

// The handler serves what promhttp does, in the format and the encoding that the
// client asks for; only the order is another.
func TestHandler(t *testing.T) {
	m, registry := many()
	ours, theirs := m.Handler(registry), promhttp.HandlerFor(prometheus.Gatherers{registry, m}, promhttp.HandlerOpts{})
	sorted := func(text string) map[string]bool {
		lines := map[string]bool{}
		for line := range strings.Lines(withoutAges(text)) {
			lines[line] = true
		}
		return lines
	}
	got, want := serve(ours, "/metrics"), serve(theirs, "/metrics")
	if got.Header().Get("Content-Type") != want.Header().Get("Content-Type") {
		t.Errorf("got the type %s, want %s", got.Header().Get("Content-Type"), want.Header().Get("Content-Type"))
	}
	lines := sorted(got.Body.String())
	for line := range sorted(want.Body.String()) {
		if !lines[line] {
			t.Fatalf("it does not serve %s", line)
		}
		delete(lines, line)
	}
	if len(lines) > 0 {
		t.Errorf("it serves what promhttp does not: %v", lines)
	}

	compressed := serve(ours, "/metrics", "Accept-Encoding", "gzip")
	z, err := gzip.NewReader(compressed.Body)
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(z)
	if err != nil || withoutAges(string(text)) != withoutAges(got.Body.String()) || compressed.Header().Get("Content-Encoding") != "gzip" {
		t.Errorf("compressed, it is another text of %d bytes: %v", len(text), err)
	}

	const protobuf = "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited"
	if w := serve(ours, "/metrics", "Accept", protobuf); !strings.HasPrefix(w.Header().Get("Content-Type"), "application/vnd.google.protobuf") || bytes.HasPrefix(w.Body.Bytes(), []byte("#")) {
		t.Errorf("asked for protobuf, it serves %s", w.Header().Get("Content-Type"))
	}
	if w := serve(ours, "/metrics?name[]=camunda_scaler_replicas&name[]=camunda_scaler_leader"); strings.Count(w.Body.String(), "\n") != 1001+4 {
		t.Errorf("asked for two metrics, it serves %d lines", strings.Count(w.Body.String(), "\n"))
	}
}

// A registry that fails is told, and nothing else.
func TestHandlerOfARegistryThatFails(t *testing.T) {
	broken := prometheus.GathererFunc(func() ([]*dto.MetricFamily, error) { return nil, io.ErrUnexpectedEOF })
	m, _ := many()
	if w := serve(m.Handler(broken), "/metrics", "Accept-Encoding", "gzip"); w.Code != http.StatusInternalServerError || !strings.Contains(w.Body.String(), "unexpected EOF") || strings.Contains(w.Body.String(), "camunda") {
		t.Errorf("got %d: %s", w.Code, w.Body)
	}
}

// discard is a client that reads all, and keeps nothing.
type discard struct{ http.ResponseWriter }

func (discard) Write(p []byte) (int, error) { return len(p), nil }

// A scrape takes no memory for each of its 12,000 series. (Under the race detector
// pools lose a part of what they keep: 5,600 allocations in place of 560.)
func TestAllocationsOfAScrape(t *testing.T) {
	m, registry := many()
	h, r := m.Handler(registry), httptest.NewRequest(http.MethodGet, "/metrics", nil)
	n := testing.AllocsPerRun(5, func() { h.ServeHTTP(discard{httptest.NewRecorder()}, r) })
	t.Logf("%.0f allocations for 1,000 targets", n)
	if n > 10_000 {
		t.Errorf("%.0f allocations for 1,000 targets, want at most 10 for each", n)
	}
}

func BenchmarkScrape(b *testing.B) {
	m, registry := many()
	h, r := m.Handler(registry), httptest.NewRequest(http.MethodGet, "/metrics", nil)
	r.Header.Set("Accept-Encoding", "gzip")
	for b.Loop() {
		h.ServeHTTP(discard{httptest.NewRecorder()}, r)
	}
}

func BenchmarkScrapeByPromhttp(b *testing.B) {
	m, registry := many()
	h, r := promhttp.HandlerFor(prometheus.Gatherers{registry, m}, promhttp.HandlerOpts{}), httptest.NewRequest(http.MethodGet, "/metrics", nil)
	r.Header.Set("Accept-Encoding", "gzip")
	for b.Loop() {
		h.ServeHTTP(discard{httptest.NewRecorder()}, r)
	}
}
