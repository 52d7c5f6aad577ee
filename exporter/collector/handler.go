package collector

import (
	"context"
	"net/http"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	dto "github.com/prometheus/client_model/go"
)

// Collector makes the metrics of one scrape. The context ends when the scrape's
// time is over.
type Collector interface {
	Collect(ctx context.Context, ch chan<- prometheus.Metric)
}

const (
	timeoutHeader  = "X-Prometheus-Scrape-Timeout-Seconds"
	defaultTimeout = 10 * time.Second // Prometheus's own
	// headroom is what remains of a scrape's time for sending the answer.
	headroom = 500 * time.Millisecond
)

// ScrapeTimeout returns how long the answer to a scrape with these headers may
// take: half a second less than the scraper waits, but at least half of it.
func ScrapeTimeout(h http.Header) time.Duration {
	timeout := defaultTimeout
	// The comparisons also reject NaN and what would overflow.
	if seconds, err := strconv.ParseFloat(h.Get(timeoutHeader), 64); err == nil && seconds > 0 && seconds < 3600 {
		timeout = time.Duration(seconds * float64(time.Second))
	}
	return max(timeout-headroom, timeout/2)
}

// snapshotLasts is for how long scrapes get the answer of an earlier one. The
// engine is not counted again within a second either.
const snapshotLasts = time.Second

// snapshot is what a scrape gathered.
type snapshot struct {
	begin    time.Time
	families []*dto.MetricFamily
}

// Handler serves the metrics of a registry and of collectors that ask the
// engine, one after another: the first one has all the time. Scrapes within a
// second get the same answer.
func Handler(static *prometheus.Registry, collectors ...Collector) http.Handler {
	var latest atomic.Pointer[snapshot]
	gather := func(ctx context.Context) ([]*dto.MetricFamily, error) {
		begin := time.Now()
		if s := latest.Load(); s != nil && begin.Sub(s.begin).Abs() < snapshotLasts {
			return s.families, nil
		}
		scrape := prometheus.NewRegistry()
		scrape.MustRegister(scraped{ctx, collectors})
		// What the scrape itself adds to the static metrics is in its answer.
		families, err := prometheus.Gatherers{scrape, static}.Gather()
		if err == nil && ctx.Err() == nil { // else another scrape may have time for more
			latest.Store(&snapshot{begin, families})
		}
		return families, err
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), ScrapeTimeout(r.Header))
		defer cancel()
		g := prometheus.GathererFunc(func() ([]*dto.MetricFamily, error) { return gather(ctx) })
		promhttp.HandlerFor(g, promhttp.HandlerOpts{EnableOpenMetrics: true}).ServeHTTP(w, r)
	})
}

// scraped makes Collectors a prometheus.Collector. It describes nothing, because
// their series come and go.
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
