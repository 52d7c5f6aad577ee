package scale

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"github.com/prometheus/procfs"
)

// Result is what was measured of one layout.
type Result struct {
	Workloads int
	Layout    Layout

	Ready, Decided            time.Duration // from the start until each target has worked, and until each workload was decided on
	RSS                       int           // bytes, at the most
	ScalerCPU, PrometheusCPU  time.Duration // in a minute
	APIServerCPU              time.Duration
	Goroutines, Connections   int // connections: to Prometheus, at the most
	QueriesAMinute            float64
	APIRequestsAMinute        float64
	LagMedian, LagP99         time.Duration
	Series                    int
	MetricsBytes, Compressed  int           // of /metrics, and as Prometheus scrapes it
	ScrapeCPU                 time.Duration // of the scaler, for one scrape
	OtherMedian, OtherP99     time.Duration // another client of Prometheus: how long its queries take
	WithoutMedian, WithoutP99 time.Duration // the same before the scaler was started
	StormFirst, StormLast     time.Duration // a tenth gets a high load: from the scrape to the first and the last write
}

// Measure runs a scaler for about twelve intervals.
func (w *World) Measure(ctx context.Context, l Layout, flags ...string) (r Result, err error) {
	r = Result{Workloads: w.Size, Layout: l}
	if r.WithoutMedian, r.WithoutP99, err = w.otherClient(ctx, w.Interval); err != nil {
		return r, err
	}
	started := time.Now()
	s, err := w.Start(ctx, l, flags...)
	if err != nil {
		return r, err
	}
	defer s.Stop()
	r.Ready = time.Since(started)
	if err := w.decided(ctx, s); err != nil {
		return r, err
	}
	r.Decided = time.Since(started)
	if err := wait(ctx, 4*w.Interval); err != nil { // spacing and phase are learned
		return r, err
	}
	if err := w.steady(ctx, s, &r); err != nil {
		return r, err
	}
	if w.Profiles != "" {
		if err := s.profile(ctx, filepath.Join(w.Profiles, fmt.Sprintf("%d %s", w.Size, l))); err != nil {
			return r, err
		}
	}
	return r, w.storm(ctx, &r)
}

// decided waits until every workload has been decided on.
func (w *World) decided(ctx context.Context, s *Scaler) error {
	for {
		m, err := s.scrape(ctx)
		if err != nil {
			return err
		}
		// One series each, or one for all of them.
		if n := m.Total("camunda_scaler_replicas"); int(n) >= w.Size {
			return nil
		}
		if err := wait(ctx, w.Interval/2); err != nil {
			return err
		}
	}
}

// steady measures six intervals in which nothing changes.
func (w *World) steady(ctx context.Context, s *Scaler, r *Result) error {
	before, err := s.scrape(ctx)
	if err != nil {
		return err
	}
	pids := []int{s.process.PID(), w.prometheus.PID(), w.cluster.APIServerPID()}
	var cpu [3]time.Duration
	for i, pid := range pids {
		if cpu[i], err = cpuTime(pid); err != nil {
			return err
		}
	}
	window := 6 * w.Interval
	aMinute := func(n float64) float64 { return n * float64(time.Minute) / float64(window) }
	watching, stop := context.WithTimeout(ctx, window)
	defer stop()
	peak := make(chan error, 1)
	go func() { peak <- w.watchPeaks(watching, s, r) }()
	if r.OtherMedian, r.OtherP99, err = w.otherClient(ctx, window); err != nil {
		return err
	}
	if err := <-peak; err != nil {
		return err
	}
	for i, pid := range pids {
		now, err := cpuTime(pid)
		if err != nil {
			return err
		}
		cpu[i] = time.Duration(aMinute(float64(now - cpu[i])))
	}
	r.ScalerCPU, r.PrometheusCPU, r.APIServerCPU = cpu[0], cpu[1], cpu[2]
	after, err := s.scrape(ctx)
	if err != nil {
		return err
	}
	r.Series, r.MetricsBytes, r.Compressed = after.Series, after.Bytes, after.Compressed
	r.Goroutines = int(after.Total("go_goroutines"))
	r.QueriesAMinute = aMinute(after.Total("camunda_scaler_query_duration_seconds") - before.Total("camunda_scaler_query_duration_seconds"))
	r.APIRequestsAMinute = aMinute(after.Total("camunda_scaler_api_request_duration_seconds") - before.Total("camunda_scaler_api_request_duration_seconds"))
	r.LagMedian, r.LagP99 = after.Quantile("camunda_scaler_loop_lag_seconds", before, .5), after.Quantile("camunda_scaler_loop_lag_seconds", before, .99)
	r.ScrapeCPU, err = s.scrapeCPU(ctx, cpu[0])
	return err
}

// scrapeCPU measures some scrapes, less what the scaler uses besides.
func (s *Scaler) scrapeCPU(ctx context.Context, aMinute time.Duration) (time.Duration, error) {
	const scrapes = 5
	before, err := cpuTime(s.process.PID())
	if err != nil {
		return 0, err
	}
	started := time.Now()
	for range scrapes {
		if _, err := s.get(ctx, "/metrics", "Accept-Encoding", "gzip"); err != nil {
			return 0, err
		}
	}
	took := time.Since(started)
	after, err := cpuTime(s.process.PID())
	besides := time.Duration(float64(aMinute) * took.Minutes())
	return (after - before - besides) / scrapes, err
}

// watchPeaks notes the highest of what goes up and down, until ctx ends.
func (w *World) watchPeaks(ctx context.Context, s *Scaler, r *Result) error {
	server, err := url.Parse(w.prometheus.URL)
	if err != nil {
		return err
	}
	port, err := strconv.ParseUint(server.Port(), 10, 64)
	if err != nil {
		return err
	}
	for ctx.Err() == nil {
		p, err := procfs.NewProc(s.process.PID())
		if err != nil {
			return err
		}
		stat, err := p.Stat()
		if err != nil {
			return err
		}
		r.RSS = max(r.RSS, stat.ResidentMemory())
		n, err := connections(p, port)
		if err != nil {
			return err
		}
		r.Connections = max(r.Connections, n)
		_ = wait(ctx, 250*time.Millisecond)
	}
	return nil
}

// connections counts a process's connections to a port.
func connections(p procfs.Proc, port uint64) (n int, err error) {
	targets, err := p.FileDescriptorTargets()
	if err != nil {
		return 0, err
	}
	fs, err := procfs.NewDefaultFS()
	if err != nil {
		return 0, err
	}
	tcp, err := fs.NetTCP() //nolint:staticcheck // netlink needs rights that a user may lack
	if err != nil {
		return 0, err
	}
	open := map[uint64]bool{} // the kernel may list one twice while others come and go
	for _, line := range tcp {
		if line.RemPort == port && slices.Contains(targets, fmt.Sprintf("socket:[%d]", line.Inode)) {
			open[line.Inode] = true
		}
	}
	return len(open), nil
}

func cpuTime(pid int) (time.Duration, error) {
	p, err := procfs.NewProc(pid)
	if err != nil {
		return 0, err
	}
	stat, err := p.Stat()
	return time.Duration(stat.CPUTime() * float64(time.Second)), err
}

// otherClient is another client of Prometheus, such as a dashboard. It measures
// how long its queries take; one without an answer for ten seconds is an error.
func (w *World) otherClient(ctx context.Context, d time.Duration) (median, p99 time.Duration, err error) {
	client := &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	var took []float64
	for end := time.Now().Add(d); time.Now().Before(end); {
		asked := time.Now()
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, w.prometheus.URL+"/api/v1/query?query=count(up)", nil)
		if err != nil {
			return 0, 0, err
		}
		resp, err := client.Do(r)
		if err != nil {
			return 0, 0, fmt.Errorf("another client of Prometheus: %w", err)
		}
		resp.Body.Close()
		took = append(took, time.Since(asked).Seconds())
		if err := wait(ctx, 50*time.Millisecond); err != nil {
			return 0, 0, err
		}
	}
	median, p99 = quantiles(took)
	return median, p99, nil
}

// storm puts a high load on a tenth of the workloads, and waits until each has
// been scaled for the first time.
func (w *World) storm(ctx context.Context, r *Result) error {
	ctx, cancel := context.WithTimeout(ctx, 3*time.Minute)
	defer cancel()
	n := max(1, w.Size/10)
	scaled, err := w.steps(ctx, n, 2, func() { w.Load(n) })
	if err != nil {
		return err
	}
	times := slices.SortedFunc(maps.Values(scaled), func(a, b []time.Time) int { return a[0].Compare(b[0]) })
	scraped := w.load(0).scrapeBegan
	r.StormFirst, r.StormLast = times[0][0].Sub(scraped), times[n-1][0].Sub(scraped)
	return nil
}

// steps returns when each of n workloads, all with one replica, first had 2, 3
// and so on up to that number of replicas after change was called.
func (w *World) steps(ctx context.Context, n, replicas int, change func()) (map[string][]time.Time, error) {
	changes, err := w.cluster.Watch(ctx, deployments+"?watch=1&resourceVersion=0")
	if err != nil {
		return nil, err
	}
	defer changes.Close()
	change()
	lines, scaled := json.NewDecoder(bufio.NewReader(changes)), map[string][]time.Time{}
	for done := 0; done < n; {
		var e struct {
			Object struct {
				Metadata struct{ Name string }
				Spec     struct{ Replicas int }
			}
		}
		if err := lines.Decode(&e); err != nil {
			return nil, fmt.Errorf("%d of %d were scaled to %d replicas: %w", done, n, replicas, err)
		}
		times := scaled[e.Object.Metadata.Name]
		for len(times) < min(e.Object.Spec.Replicas, replicas)-1 {
			if times = append(times, time.Now()); len(times) == replicas-1 {
				done++
			}
		}
		if len(times) > 0 {
			scaled[e.Object.Metadata.Name] = times
		}
	}
	return scaled, nil
}

func quantiles(v []float64) (median, p99 time.Duration) {
	if len(v) == 0 {
		return 0, 0
	}
	slices.Sort(v)
	at := func(q float64) time.Duration {
		return time.Duration(v[int(q*float64(len(v)-1))] * float64(time.Second))
	}
	return at(.5), at(.99)
}

func wait(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
