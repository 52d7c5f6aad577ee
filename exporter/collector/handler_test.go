package collector_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/camunda-autoscaler/camunda-autoscaler/exporter/collector"
)

func TestScrapeTimeout(t *testing.T) {
	for header, want := range map[string]time.Duration{
		"":         9500 * time.Millisecond,
		"10":       9500 * time.Millisecond,
		"15.0":     14500 * time.Millisecond,
		"1":        500 * time.Millisecond,
		"0.5":      250 * time.Millisecond,
		"0.1":      50 * time.Millisecond,
		"0":        9500 * time.Millisecond,
		"-3":       9500 * time.Millisecond,
		"NaN":      9500 * time.Millisecond,
		"Inf":      9500 * time.Millisecond,
		"1e300":    9500 * time.Millisecond,
		"ten":      9500 * time.Millisecond,
		"10s":      9500 * time.Millisecond,
		"10, 20":   9500 * time.Millisecond,
		"3600.001": 9500 * time.Millisecond,
	} {
		h := http.Header{}
		if header != "" {
			h.Set("X-Prometheus-Scrape-Timeout-Seconds", header)
		}
		if got := collector.ScrapeTimeout(h); got != want {
			t.Errorf("%q: %v, want %v", header, got, want)
		}
	}
}
