package dashboards

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/camunda-autoscaler/camunda-autoscaler/testbed/prometheus"
)

// History makes up what two Pods of a scaler and an exporter would have
// exported: days of it in seconds, and more targets than a test can run. The
// metrics' names are the products' own.
type History struct {
	From, To time.Time
	Scrape   time.Duration
	Targets  int // at most 100
	Changes  []Change
}

// Change is one of a target's replicas.
type Change struct {
	At     time.Time
	Target string
	Action string // up, down, or foreign
	Reason string
}

// Serve has a Prometheus in dir that knows the history, and fills in Changes.
func (h *History) Serve(ctx context.Context, dir string) (*prometheus.Server, error) {
	return serve(ctx, dir, h.Scrape, h.write)
}

// serve has a Prometheus in dir that knows what is written, one scrape after the
// other.
func serve(ctx context.Context, dir string, scrape time.Duration, write func(io.Writer)) (*prometheus.Server, error) {
	promtool, err := prometheus.Promtool(ctx)
	if err != nil {
		return nil, err
	}
	text := filepath.Join(dir, "history.txt")
	file, err := os.Create(text)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	buffer := bufio.NewWriterSize(file, 1<<20)
	write(buffer)
	fmt.Fprintln(buffer, "# EOF")
	if err := buffer.Flush(); err != nil {
		return nil, err
	}
	out, err := exec.CommandContext(ctx, promtool, "tsdb", "create-blocks-from", "openmetrics", "--quiet", "--max-block-duration=24h", text, filepath.Join(dir, "data")).CombinedOutput()
	if err != nil {
		return nil, fmt.Errorf("store the history: %w: %s", err, out)
	}
	// Blocks that were made so have no marks where a series ends: none is known
	// for longer than to the next scrape.
	return prometheus.Start(ctx, dir, prometheus.Config{Lookback: scrape})
}

// series writes samples of one scrape.
type series struct {
	io.Writer
	at   time.Time
	host string // labels of the Pod
}

func (s series) put(name, labels string, value float64) {
	if labels != "" {
		labels += ","
	}
	fmt.Fprintf(s, "%s{%s%s} %g %d.%03d\n", name, labels, s.host, value, s.at.Unix(), s.at.Nanosecond()/1e6)
}

const pods = `namespace="shop",job="camunda-scaler",pod="camunda-scaler-%d",instance="10.244.%d.17:8080"`

func (h *History) write(w io.Writer) {
	random := uint32(1)
	next := func() float64 { // the same numbers in every run
		random = random*1664525 + 1013904223
		return float64(random>>8) / (1 << 24)
	}
	targets := make([]*target, h.Targets)
	for i := range targets {
		targets[i] = newTarget(i, next)
	}
	change := h.From.Add(h.To.Sub(h.From)*6/10 + h.Scrape) // of the leader; at no step's end
	queries, requests, lags, engine := &durations{}, &durations{}, &durations{}, &engineHistory{started: h.From}
	const tick = 10 * time.Second
	for at := h.From; !at.After(h.To); at = at.Add(tick) {
		if at.Equal(change) {
			for _, t := range targets {
				t.handOver()
			}
		}
		for _, t := range targets {
			h.Changes = append(h.Changes, t.decide(at, h, next)...)
			queries.observe(.002 + .004*next())
			requests.observe(.003 + .003*next())
			lags.observe(.4 + .002*float64(t.replicas))
		}
		engine.tick(at)
		if at.Sub(h.From)%h.Scrape != 0 {
			continue
		}
		// The Pod that leads is replaced: the second one leads then.
		leader, standby, started := 1, 2, h.From.Add(-time.Hour)
		if !at.Before(change) {
			leader, standby, started = 2, 3, change
		}
		for _, pod := range []int{leader, standby} {
			s := series{w, at, fmt.Sprintf(pods, pod, pod)}
			leads := pod == leader
			if pod == 2 {
				started = h.From.Add(-time.Hour)
			}
			ownMetrics(s, `camunda_scaler_build_info`, started, next)
			s.put("camunda_scaler_leader", "", truth(leads))
			s.put("camunda_scaler_interval_seconds", "", 10)
			s.put("camunda_scaler_config_last_reload_successful", "", 1)
			for _, t := range targets {
				t.put(s, leads, at, h.Scrape)
			}
			putRule(s, tenants, false)
			if leads {
				queries.put(s, "camunda_scaler_query_duration_seconds", "")
				queries.put(s, "camunda_scaler_query_queue_duration_seconds", "")
				lags.put(s, "camunda_scaler_loop_lag_seconds", "")
				requests.put(s, "camunda_scaler_api_request_duration_seconds", `operation="read",`)
				requests.put(s, "camunda_scaler_api_request_duration_seconds", `operation="write",`)
			}
		}
		s := series{w, at, `namespace="shop",job="camunda-exporter",pod="camunda-exporter-1",instance="10.244.3.9:8080"`}
		ownMetrics(s, `camunda_exporter_build_info`, h.From.Add(-time.Hour), next)
		engine.put(s, next)
	}
}

func truth(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

func ownMetrics(s series, info string, started time.Time, next func() float64) {
	s.put("up", "", 1)
	s.put(info, `version="1.0.0"`, 1)
	s.put("process_start_time_seconds", "", float64(started.Unix()))
	s.put("process_cpu_seconds_total", "", s.at.Sub(started).Seconds()*.004)
	s.put("process_resident_memory_bytes", "", math.Round(28e6+2e6*next()))
	s.put("go_goroutines", "", math.Round(100+10*next()))
}

// durations is a histogram.
type durations struct {
	counts [8]float64
	sum    float64
}

var bounds = [...]float64{.001, .0025, .005, .01, .1, 1, 5}

func (d *durations) observe(seconds float64) {
	i := 0
	for i < len(bounds) && seconds > bounds[i] {
		i++
	}
	d.counts[i]++
	d.sum += seconds
}

func (d *durations) put(s series, name, labels string) {
	total := 0.0
	for i, n := range d.counts {
		total += n
		le := "+Inf"
		if i < len(bounds) {
			le = fmt.Sprint(bounds[i])
		}
		s.put(name+"_bucket", labels+`le="`+le+`"`, total)
	}
	labels = strings.TrimSuffix(labels, ",")
	s.put(name+"_count", labels, total)
	s.put(name+"_sum", labels, d.sum)
}
