package scale

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"math"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"github.com/camunda-autoscaler/camunda-autoscaler/testbed/ports"
	"github.com/camunda-autoscaler/camunda-autoscaler/testbed/process"
)

// Layout is how the workloads are put into the configuration.
type Layout string

// The layouts.
const (
	OneQuery Layout = "one query" // a group: its labels name the workloads
	Separate Layout = "separate"  // a target for each workload
)

func (w *World) config(l Layout) string {
	var text strings.Builder
	fmt.Fprintf(&text, "prometheus: {url: %s}\ninterval: %s\ntargets:\n", w.prometheus.URL, w.Interval)
	if l == OneQuery {
		text.WriteString("  - {name: all, workloads: {namespace_label: workload_namespace, name_label: deployment}, query: load}\n")
		return text.String()
	}
	for i := range w.Size {
		fmt.Fprintf(&text, "  - {workload: {namespace: %s, name: %s}, query: 'load{deployment=%q}'}\n", namespace, name(i), name(i))
	}
	return text.String()
}

// Scaler is a running scaler.
type Scaler struct {
	process *process.Process
	url     string
	log     string
}

// Start starts a scaler, and returns when it is ready.
func (w *World) Start(ctx context.Context, l Layout, flags ...string) (*Scaler, error) {
	file := filepath.Join(w.dir, "scaler.yml")
	if err := os.WriteFile(file, []byte(w.config(l)), 0o644); err != nil {
		return nil, err
	}
	s := &Scaler{log: filepath.Join(w.dir, "scaler.log")}
	err := ports.Retry(1, func(free []int) (err error) {
		address := ports.Address(free[0])
		s.url = "http://" + address
		s.process, err = process.Start(ctx, process.Spec{
			Name: "camunda-scaler", Path: w.program, Log: s.log,
			Args: append([]string{"--config.file=" + file, "--kubeconfig=" + w.kubeconfig, "--web.listen-address=" + address, "--web.enable-pprof"}, flags...),
		})
		if err != nil {
			return err
		}
		return s.process.AwaitReady(ctx, "the scaler", s.url+"/-/ready", 5*time.Minute)
	})
	if err != nil && s.process != nil {
		s.process.Kill()
	}
	return s, err
}

// Stop ends the scaler.
func (s *Scaler) Stop() { s.process.Stop(10 * time.Second) }

// profile writes a heap profile and a CPU profile of half a minute to files
// whose names start with that.
func (s *Scaler) profile(ctx context.Context, prefix string) error {
	for kind, path := range map[string]string{"heap": "heap?gc=1", "cpu": "profile?seconds=30"} {
		text, err := s.get(ctx, "/debug/pprof/"+path)
		if err != nil {
			return err
		}
		if err := os.WriteFile(prefix+" "+kind+".pprof", text, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// get returns the body of what the scaler serves at a path.
func (s *Scaler) get(ctx context.Context, path string, headers ...string) ([]byte, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, s.url+path, nil)
	if err != nil {
		return nil, err
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s: %s", path, resp.Status)
	}
	return io.ReadAll(resp.Body)
}

// metrics is one scrape.
type metrics struct {
	families                  map[string]*dto.MetricFamily
	bytes, compressed, series int
}

// scrape reads the scaler's metrics, compressed as Prometheus does, and takes them
// apart if parse is set.
func (s *Scaler) scrape(ctx context.Context, parse bool) (m metrics, err error) {
	compressed, err := s.get(ctx, "/metrics", "Accept-Encoding", "gzip")
	if m.compressed = len(compressed); err != nil || !parse {
		return m, err
	}
	z, err := gzip.NewReader(bytes.NewReader(compressed))
	if err != nil {
		return m, err
	}
	text, err := io.ReadAll(z)
	if m.bytes = len(text); err != nil {
		return m, err
	}
	parser := expfmt.NewTextParser(model.UTF8Validation)
	m.families, err = parser.TextToMetricFamilies(bytes.NewReader(text))
	for _, f := range m.families {
		m.series += len(f.GetMetric())
	}
	return m, err
}

// total is the sum of a family's counters, or of its histograms' counts.
func (m metrics) total(name string) (sum float64) {
	for _, one := range m.families[name].GetMetric() {
		sum += one.GetCounter().GetValue() + one.GetGauge().GetValue() + float64(one.GetHistogram().GetSampleCount())
	}
	return sum
}

// mean returns the mean of a histogram, of the series with that operation.
func (m metrics) mean(name, operation string) time.Duration {
	var sum, n float64
	for _, one := range m.families[name].GetMetric() {
		if operation == "" || one.GetLabel()[0].GetValue() == operation {
			sum += one.GetHistogram().GetSampleSum()
			n += float64(one.GetHistogram().GetSampleCount())
		}
	}
	return time.Duration(sum / max(1, n) * float64(time.Second))
}

// quantile returns that of a histogram's observations since before, as Prometheus
// has it: linear between two buckets. 0 if there were none.
func (m metrics) quantile(name string, before metrics, q float64) time.Duration {
	now, then := m.buckets(name), before.buckets(name)
	if len(now) == 0 || len(then) != len(now) || now[len(now)-1].GetCumulativeCount() == then[len(now)-1].GetCumulativeCount() {
		return 0
	}
	rise := func(i int) float64 { return float64(now[i].GetCumulativeCount() - then[i].GetCumulativeCount()) }
	rank := q * rise(len(now)-1)
	var from, below float64 // the bucket's lower bound, and how many are below it
	for i, b := range now {
		if n := rise(i); n > 0 && n >= rank {
			if math.IsInf(b.GetUpperBound(), 1) {
				break // more than the last bound
			}
			from += (b.GetUpperBound() - from) * (rank - below) / (n - below)
			break
		}
		from, below = b.GetUpperBound(), rise(i)
	}
	return time.Duration(from * float64(time.Second))
}

func (m metrics) buckets(name string) []*dto.Bucket {
	if all := m.families[name].GetMetric(); len(all) > 0 {
		return all[0].GetHistogram().GetBucket()
	}
	return nil
}

// values are those of a family's gauges.
func (m metrics) values(name string) (v []float64) {
	for _, one := range m.families[name].GetMetric() {
		v = append(v, one.GetGauge().GetValue())
	}
	return v
}
