package scaler

import (
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/camunda-autoscaler/camunda-autoscaler/testbed/engine"
	"github.com/camunda-autoscaler/camunda-autoscaler/testbed/ports"
	"github.com/camunda-autoscaler/camunda-autoscaler/testbed/process"
	"github.com/camunda-autoscaler/camunda-autoscaler/testbed/prometheus"
)

// TestEngineFaults is the part of the fault matrix before Prometheus: a real
// engine under a real load, and the real exporter. Three replicas are right for
// the load of 120, and their bounds (60 and 300) are far from it, as a busy
// machine starts instances in bursts. Whenever it cannot be told, they stay; and
// also while, after a fault, the window is not full again, for the file demands
// scale_down_coverage.
func TestEngineFaults(t *testing.T) {
	t.Parallel() // with TestFaults: it mostly waits
	dir := t.TempDir()
	e, err := engine.Start(t.Context(), filepath.Join(dir, "engine"), engine.Spec{
		Database: engine.Database{URL: "jdbc:h2:file:" + filepath.Join(dir, "h2"), User: "sa", Password: "sa"},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(e.Kill)
	before := newFaulty(t, strings.TrimSuffix(e.URL, "/engine-rest"), http.DefaultTransport)
	run := func(name, program, address string, args ...string) *process.Process {
		p, err := process.Start(t.Context(), process.Spec{
			Name: name, Path: program, Log: filepath.Join(dir, name+".log"), Args: append(args, "--web.listen-address="+address),
		})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(p.Kill)
		return p
	}
	free, err := ports.Free(2)
	if err != nil {
		t.Fatal(err)
	}
	address := ports.Address(free[0])
	startExporter := func() *process.Process {
		return run("camunda-exporter", products.Exporter, address, "--camunda.url="+before.URL+"/engine-rest", "--camunda.timeout=2s")
	}
	exporter := startExporter()
	run("camunda-process-starter", products.Starter, ports.Address(free[1]), "--camunda.host="+e.URL, "--starts-per-interval=120")
	m := &matrix{loads: newLoads(t)}
	m.prometheus, err = prometheus.Start(t.Context(), filepath.Join(dir, "prometheus"), prometheus.Config{
		ScrapeInterval: time.Second, Jobs: map[string][]string{"camunda-exporter": {address}, "rig": {strings.TrimPrefix(m.loads.URL, "http://")}},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(m.prometheus.Kill)
	const recent = `camunda_process_instances_recently_started{window="10s"}`
	m.awaitAnswer(t, recent+" > 80")
	r := m.newRig(t, 3, steady)
	r.startWithFile(t, `
prometheus: {url: PROMETHEUS}
interval: 1s
targets:
  - name: camunda-deployment
    workload: {namespace: NAMESPACE}
    scale_down_coverage: 20s
    rule: {scale_up_at: 100}
`)
	for _, f := range []struct {
		name       string
		begin, end func(t *testing.T)
	}{
		{"exporter-killed", func(*testing.T) { exporter.Kill() }, func(*testing.T) { exporter = startExporter() }},
		{"engine-hangs", func(*testing.T) { e.Pause() }, func(*testing.T) { e.Resume() }},
		{"engine-down", func(*testing.T) { e.Kill() }, func(t *testing.T) {
			if err := e.Start(shared); err != nil {
				t.Fatal(err)
			}
		}},
		{"engine-clock-off", func(*testing.T) { before.begin(engineClock(-time.Minute)) }, func(t *testing.T) {
			before.begin(engineClock(time.Minute))
			m.awaitAnswer(t, "camunda_clock_skew_seconds > 50")
			r.stay(t, 2, "no_data")
			before.end()
		}},
	} {
		t.Run(f.name, func(t *testing.T) {
			r.awaitHolds(t, "no_data", "", func() { f.begin(t) })
			generation := r.generation(t)
			f.end(t)
			m.awaitAnswer(t, recent+" > 80")
			r.stay(t, 3, "within_bounds")
			if got := r.generation(t); got != generation {
				t.Errorf("the Deployment was written %d times", got-generation)
			}
		})
	}
	r.wantSteps(t, "")
}

// engineClock makes an engine's clock be off by that: the Date of its answers,
// and the start times that it is asked for.
func engineClock(by time.Duration) fault {
	const layout = "2006-01-02T15:04:05.000-0700"
	return func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		query := url.Values{}
		for key, values := range r.URL.Query() {
			for _, v := range values {
				if at, err := time.Parse(layout, v); err == nil {
					v = at.Add(-by).Format(layout)
				}
				query.Add(key, v)
			}
		}
		r.URL.RawQuery = query.Encode()
		told := httptest.NewRecorder()
		next.ServeHTTP(told, r)
		maps.Copy(w.Header(), told.Header())
		if date, err := http.ParseTime(told.Header().Get("Date")); err == nil {
			w.Header().Set("Date", date.Add(by).UTC().Format(http.TimeFormat))
		}
		w.WriteHeader(told.Code)
		_, _ = w.Write(told.Body.Bytes())
	}
}
