// Package exporter tests the exporter against real engines: Camunda 7.14 on
// Tomcat, Camunda 7.24 and Operaton.
package exporter

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/camunda-autoscaler/camunda-autoscaler/testbed/build"
	"github.com/camunda-autoscaler/camunda-autoscaler/testbed/engine"
	"github.com/camunda-autoscaler/camunda-autoscaler/testbed/ports"
	"github.com/camunda-autoscaler/camunda-autoscaler/testbed/process"
)

var (
	shared  context.Context // ends with the tests
	program string          // the exporter's
)

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	shared = ctx
	dir, err := os.MkdirTemp("", "tests-exporter-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	products, err := build.Project(ctx, dir, true)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	program = products.Exporter
	return m.Run()
}

// everyEngine runs a test against each kind of engine.
func everyEngine(t *testing.T, test func(t *testing.T, d engine.Distribution)) {
	for _, d := range []engine.Distribution{engine.Tomcat714, engine.Camunda724, engine.Operaton} {
		t.Run(d.String(), func(t *testing.T) {
			t.Parallel()
			test(t, d)
		})
	}
}

func startEngine(t testing.TB, spec engine.Spec) *engine.Engine {
	t.Helper()
	e, err := engine.Start(shared, t.TempDir(), spec)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(e.Stop)
	return e
}

// exporter is a running one.
type exporter struct {
	address string
	logFile string
	process *process.Process
}

func startExporter(t *testing.T, args ...string) *exporter {
	t.Helper()
	x := &exporter{logFile: filepath.Join(t.TempDir(), "exporter.log")}
	err := ports.Retry(1, func(free []int) (err error) {
		x.address = ports.Address(free[0])
		x.process, err = process.Start(shared, process.Spec{
			Name: "camunda-exporter", Path: program, Log: x.logFile,
			Args: append([]string{"--web.listen-address=" + x.address}, args...),
		})
		if err != nil {
			return err
		}
		return x.process.Await(t.Context(), "the exporter", func(ctx context.Context) error {
			_, err := get(ctx, "http://"+x.address+"/-/ready", "")
			return err
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { x.process.Stop(10 * time.Second) })
	return x
}

func get(ctx context.Context, address, scrapeTimeout string) (string, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return "", err
	}
	if scrapeTimeout != "" {
		r.Header.Set("X-Prometheus-Scrape-Timeout-Seconds", scrapeTimeout)
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s: %s", address, resp.Status, body)
	}
	return string(body), err
}

// metrics are the exporter's, by name with labels.
type metrics struct {
	text string
}

func (x *exporter) scrape(t *testing.T) metrics {
	t.Helper()
	text, err := get(t.Context(), "http://"+x.address+"/metrics", "5")
	if err != nil {
		t.Fatal(err)
	}
	return metrics{text}
}

// Series that the tests ask for.
const (
	up       = "camunda_up"
	recent   = `camunda_process_instances_recently_started{window="10s"}`
	total    = "camunda_process_instances_started_total"
	readable = "camunda_history_readable"
)

// value returns a series' value, and whether it is there.
func (m metrics) value(t *testing.T, series string) (float64, bool) {
	t.Helper()
	found := regexp.MustCompile(`(?m)^` + regexp.QuoteMeta(series) + ` (\S+)$`).FindStringSubmatch(m.text)
	if found == nil {
		return 0, false
	}
	v, err := strconv.ParseFloat(found[1], 64)
	if err != nil {
		t.Fatal(err)
	}
	return v, true
}

// absent is the value of a series that must not be there.
const absent = -1

func (m metrics) want(t *testing.T, want map[string]float64) {
	t.Helper()
	if diff := m.differ(t, want); diff != "" {
		t.Error(diff)
	}
}

func (m metrics) differ(t *testing.T, want map[string]float64) string {
	t.Helper()
	var diff []string
	for series, v := range want {
		got, ok := m.value(t, series)
		switch {
		case !ok && v != absent:
			diff = append(diff, fmt.Sprintf("%s is absent, want %v", series, v))
		case ok && got != v:
			diff = append(diff, fmt.Sprintf("%s is %v, want %v (%v: absent)", series, got, v, absent))
		}
	}
	return strings.Join(diff, "; ")
}

// await scrapes once a second until the metrics have the given values.
func (x *exporter) await(t *testing.T, within time.Duration, want map[string]float64) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), within)
	defer cancel()
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		diff := x.scrape(t).differ(t, want)
		if diff == "" {
			return
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatalf("after %s: %s\n%s", within, diff, x.log(t))
		}
	}
}

func (x *exporter) log(t *testing.T) string {
	t.Helper()
	b, err := os.ReadFile(x.logFile)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// wantLog checks how many lines hold all the parts.
func (x *exporter) wantLog(t *testing.T, times int, parts ...string) {
	t.Helper()
	n := 0
lines:
	for line := range strings.Lines(x.log(t)) {
		for _, part := range parts {
			if !strings.Contains(line, part) {
				continue lines
			}
		}
		n++
	}
	if n != times {
		t.Errorf("%d lines with %q, want %d:\n%s", n, parts, times, x.log(t))
	}
}
