package scale

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/camunda-autoscaler/camunda-autoscaler/testbed/ports"
	"github.com/camunda-autoscaler/camunda-autoscaler/testbed/process"
	"github.com/camunda-autoscaler/camunda-autoscaler/tests/scale/scraped"
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

// scrape reads the scaler's metrics, compressed as Prometheus does.
func (s *Scaler) scrape(ctx context.Context) (scraped.Metrics, error) {
	compressed, err := s.get(ctx, "/metrics", "Accept-Encoding", "gzip")
	if err != nil {
		return scraped.Metrics{}, err
	}
	return scraped.Parse(compressed)
}
