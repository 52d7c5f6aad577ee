package collector

import (
	"context"
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Collector makes metrics for one scrape, whose context tells how long it may
// take.
type Collector interface {
	Collect(ctx context.Context, ch chan<- prometheus.Metric)
}

const (
	timeoutHeader  = "X-Prometheus-Scrape-Timeout-Seconds"
	defaultTimeout = 10 * time.Second // Prometheus' own
	// headroom is what remains of a scrape's time for the answer's way back.
	headroom = 500 * time.Millisecond
)

// ScrapeTimeout returns how long the answer to a scrape with these headers may
// take: half a second less than the scraper waits, but at least half of that.
func ScrapeTimeout(h http.Header) time.Duration {
	timeout := defaultTimeout
	// The comparisons also sort out NaN and what would overflow.
	if seconds, err := strconv.ParseFloat(h.Get(timeoutHeader), 64); err == nil && seconds > 0 && seconds < 3600 {
		timeout = time.Duration(seconds * float64(time.Second))
	}
	return max(timeout-headroom, timeout/2)
}

// Handler serves the metrics of a registry and of collectors that ask the
// engine, which do so one after another: who comes first has all the time.
func Handler(static *prometheus.Registry, collectors ...Collector) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), ScrapeTimeout(r.Header))
		defer cancel()
		scrape := prometheus.NewRegistry()
		scrape.MustRegister(scraped{ctx, collectors})
		// What the scrape itself adds to the static metrics is in its answer.
		both := prometheus.Gatherers{scrape, static}
		promhttp.HandlerFor(both, promhttp.HandlerOpts{EnableOpenMetrics: true}).ServeHTTP(w, r)
	})
}

// scraped gives Collectors the shape that a registry wants. It describes
// nothing, because their series come and go.
type scraped struct {
	ctx        context.Context
	collectors []Collector
}

func (s scraped) Describe(chan<- *prometheus.Desc) {}

func (s scraped) Collect(ch chan<- prometheus.Metric) {
	for _, c := range s.collectors {
		c.Collect(s.ctx, ch)
	}
}
