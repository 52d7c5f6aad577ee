package collector_test

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-kit/log"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil/promlint"

	"github.com/camunda-autoscaler/camunda-autoscaler/exporter/camunda"
	"github.com/camunda-autoscaler/camunda-autoscaler/exporter/collector"
	"github.com/camunda-autoscaler/camunda-autoscaler/exporter/instances"
)

var update = flag.Bool("update", false, "write the golden files")

// engine is a REST API in this process, as synctest requires: no time passes
// while it answers.
type engine struct {
	mu      sync.Mutex
	asked   int
	answer  func(r *http.Request) (status int, body string)
	skew    time.Duration
	latency time.Duration
}

func (e *engine) RoundTrip(r *http.Request) (*http.Response, error) {
	e.mu.Lock()
	e.asked++
	answer, latency := e.answer, e.latency
	e.mu.Unlock()
	if latency > 0 {
		select {
		case <-time.After(latency):
		case <-r.Context().Done():
			return nil, r.Context().Err()
		}
	}
	status, body := answer(r)
	if err := r.Context().Err(); err != nil {
		return nil, err // it took too long to answer
	}
	contentType := "application/json"
	if !strings.HasPrefix(body, "{") && !strings.HasPrefix(body, "[") {
		contentType = "text/html"
	}
	return &http.Response{
		StatusCode: status, Status: fmt.Sprint(status, " ", http.StatusText(status)), Request: r,
		Header: http.Header{
			"Content-Type": {contentType},
			"Date":         {time.Now().Add(e.skew).UTC().Format(http.TimeFormat)},
		},
		Body: io.NopCloser(strings.NewReader(body)),
	}, nil
}

func (e *engine) requests() int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.asked
}

func (e *engine) set(answer func(r *http.Request) (int, string)) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.answer = answer
}

// counting answers every count with n, or with the number of the key.
func counting(n int, keys map[string]int) func(*http.Request) (int, string) {
	return func(r *http.Request) (int, string) {
		if key := r.URL.Query().Get("processDefinitionKey"); key != "" {
			return 200, fmt.Sprintf(`{"count":%d}`, keys[key])
		}
		return 200, fmt.Sprintf(`{"count":%d}`, n)
	}
}

func always(status int, body string) func(*http.Request) (int, string) {
	return func(*http.Request) (int, string) { return status, body }
}

// exporter is the exporter without its network.
type exporter struct {
	engine  *engine
	started *collector.Started
	handler http.Handler
	log     bytes.Buffer
}

// newExporter returns an exporter without the optional collectors.
func newExporter(t testing.TB, answer func(*http.Request) (int, string), keys ...string) *exporter {
	t.Helper()
	return assemble(t, answer, keys, collector.SetOptions{})
}

// assemble returns an exporter with optional collectors. Time must be that of a
// bubble.
func assemble(t testing.TB, answer func(*http.Request) (int, string), keys []string, set collector.SetOptions) *exporter {
	t.Helper()
	return assembleWindow(t, answer, 10*time.Second, keys, set)
}

func assembleWindow(t testing.TB, answer func(*http.Request) (int, string), window time.Duration, keys []string, set collector.SetOptions) *exporter {
	t.Helper()
	x := &exporter{engine: &engine{answer: answer}}
	u, err := url.Parse("http://camunda/engine-rest")
	if err != nil {
		t.Fatal(err)
	}
	static := prometheus.NewRegistry()
	client := camunda.NewClient(u, "", &http.Client{Transport: x.engine}, camunda.NewMetrics(static))
	o := instances.Options{Window: window, SettleLag: time.Second, RecountHorizon: 10 * time.Minute}
	now := time.Now()
	logger := log.NewLogfmtLogger(log.NewSyncWriter(&x.log))
	x.started = collector.NewStarted(client, o, 10*time.Second, now, logger)
	set.Counted, set.Begin, set.Keys, set.Timeout = o, now, keys, time.Second
	x.handler = collector.Handler(static, x.started, collector.NewSet(client, x.started, set, logger))
	if _, ok := t.(*testing.T); ok {
		t.Cleanup(func() { time.Sleep(time.Hour) }) // until what is unanswered was given up
	}
	return x
}

// scrape returns /metrics after a pause.
func (x *exporter) scrape(t testing.TB, pause time.Duration) string {
	t.Helper()
	time.Sleep(pause)
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/metrics", nil)
	w := httptest.NewRecorder()
	x.handler.ServeHTTP(w, r)
	if w.Code != http.StatusOK {
		t.Errorf("a scrape answers %d: %s", w.Code, w.Body)
	}
	return w.Body.String()
}

// golden compares a scrape with a file, and lints it. The metrics of requests are
// in one of the files only.
func golden(t *testing.T, name, got string, withRequests bool) {
	t.Helper()
	if problems, err := promlint.New(strings.NewReader(got)).Lint(); err != nil || len(problems) > 0 {
		t.Errorf("lint: %v, %v", problems, err)
	}
	if !withRequests {
		var kept []string
		for line := range strings.Lines(got) {
			if !strings.Contains(line, "camunda_exporter_request_") {
				kept = append(kept, line)
			}
		}
		got = strings.Join(kept, "")
	}
	file := filepath.Join("testdata", name+".prom")
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s differs; got\n%s\nwant\n%s", file, got, want)
	}
}

// wantLog compares the lines of a level, of optional collectors only if some
// are wanted.
func wantLog(t *testing.T, x *exporter, level string, lines ...string) {
	t.Helper()
	of := strings.Contains(strings.Join(lines, ""), "collector=")
	var got []string
	for line := range strings.Lines(x.log.String()) {
		if strings.HasPrefix(line, "level="+level+" ") && (of || !strings.Contains(line, "collector=")) {
			got = append(got, line)
		}
	}
	if len(got) != len(lines) {
		t.Fatalf("%d lines at %s, want %d:\n%s", len(got), level, len(lines), x.log.String())
	}
	for i, part := range lines {
		if !strings.Contains(got[i], part) {
			t.Errorf("line %q, want %q in it", got[i], part)
		}
	}
}

func TestMetricsOfAnEngineThatAnswers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := newExporter(t, counting(42, map[string]int{"invoice": 30}), "invoice", "idle")
		x.engine.skew = 2 * time.Second
		x.engine.latency = 2 * time.Millisecond
		golden(t, "up", x.scrape(t, 10*time.Second), true)
		wantLog(t, x, "info", "engine answers", "history is readable")
	})
}

// It starts and serves without an engine, and exports no 0.
func TestMetricsWithoutAnEngine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := newExporter(t, always(502, "<html>"), "invoice")
		golden(t, "never_up", x.scrape(t, 0), false)
	})
}

// Whatever fails, the gauge is absent and the counter stays.
func TestMetricsOfFaults(t *testing.T) {
	for name, answer := range map[string]func(*http.Request) (int, string){
		"HTML 404":       always(404, "<html>not found</html>"),
		"HTML 200":       always(200, "<html>log in</html>"),
		"JSON 500":       always(500, `{"type":"ProcessEngineException","message":"no database"}`),
		"400":            always(400, `{"type":"InvalidRequestException","message":"No process engine available"}`),
		"401":            always(401, ""),
		"403":            always(403, ""),
		"negative":       always(200, `{"count":-1}`),
		"another answer": always(200, `{"version":"7.24.0"}`),
		"truncated":      always(200, `{"count":4`),
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				x := newExporter(t, counting(42, map[string]int{"invoice": 30}), "invoice")
				x.scrape(t, 10*time.Second)
				x.engine.set(answer)
				var got string
				for range 5 {
					got = x.scrape(t, 5*time.Second)
				}
				golden(t, "down", got, false)
				wantLog(t, x, "error", "cannot count started instances")

				x.engine.set(counting(42, nil))
				if got := x.scrape(t, 10*time.Minute); !strings.Contains(got, "camunda_up 1\n") {
					t.Errorf("it does not recover: %s", got)
				}
				wantLog(t, x, "info", "engine answers", "history is readable", "engine answers")
			})
		})
	}
}

func TestMetricsOfAnUnreadableHistory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := newExporter(t, func(r *http.Request) (int, string) {
			switch r.URL.Path {
			case "/engine-rest/process-instance":
				return 200, `[{"id":"0815"}]`
			case "/engine-rest/history/process-instance/count":
				return 200, `{"count":0}`
			}
			return 404, "{}"
		})
		for range 20 {
			golden(t, "unreadable", x.scrape(t, 10*time.Second), false)
		}
		wantLog(t, x, "error", "READ_HISTORY")
		wantLog(t, x, "error", "0815")
		x.engine.set(counting(5, nil))
		if got := x.scrape(t, 10*time.Second); !strings.Contains(got, "camunda_history_readable 1\n") ||
			!strings.Contains(got, `camunda_process_instances_recently_started{window="10s"} 5`) {
			t.Errorf("the grant is not noticed: %s", got)
		}
	})
}

// An idle engine is 0 if that is known to be true, and else has no number.
func TestMetricsOfAnIdleEngine(t *testing.T) {
	for name, test := range map[string]struct {
		history, meter string
		golden         string
		warning        []string
	}{
		"history has shown instances":      {`[{"id":"1"}]`, `{"result":7}`, "idle", nil},
		"nothing was ever started":         {`[]`, `{"result":0}`, "new", nil},
		"history is empty for some reason": {`[]`, `{"result":7}`, "unknown", []string{"history is empty and may be unreadable"}},
		"the meter may not be read":        {`[]`, `{}`, "unknown", []string{"history is empty and may be unreadable"}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				x := newExporter(t, func(r *http.Request) (int, string) {
					switch {
					case strings.HasSuffix(r.URL.Path, "/count"):
						return 200, `{"count":0}`
					case strings.HasSuffix(r.URL.Path, "/sum"):
						return 200, test.meter
					case strings.Contains(r.URL.Path, "/history/"):
						return 200, test.history
					}
					return 200, `[]`
				})
				golden(t, test.golden, x.scrape(t, 10*time.Second), false)
				x.scrape(t, 2*time.Minute)
				wantLog(t, x, "error")
				wantLog(t, x, "warn", test.warning...)
			})
		})
	}
}

// A scrape is answered half a second before the scraper gives up, while the
// engine hangs.
func TestScrapeWhileTheEngineHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := newExporter(t, counting(42, nil))
		x.scrape(t, 10*time.Second)
		x.engine.mu.Lock()
		x.engine.latency = time.Hour
		x.engine.mu.Unlock()
		time.Sleep(10 * time.Second)
		for i := range 3 {
			r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/metrics", nil)
			r.Header.Set("X-Prometheus-Scrape-Timeout-Seconds", "5")
			w := httptest.NewRecorder()
			begin := time.Now()
			x.handler.ServeHTTP(w, r)
			// The first scrape waits. Others do not: its request still does.
			if took := time.Since(begin); took != map[bool]time.Duration{true: 4500 * time.Millisecond}[i == 0] {
				t.Errorf("scrape %d was answered after %v", i, took)
			}
			if got := w.Body.String(); !strings.Contains(got, "\ncamunda_up 0\n") || strings.Contains(got, "recently_started{") {
				t.Errorf("got\n%s", got)
			}
		}
		synctest.Wait()
		wantLog(t, x, "error", "cause=timeout")
		if got := x.scrape(t, 0); !strings.Contains(got, `camunda_exporter_request_errors_total{cause="timeout",endpoint="history_count"} 1`) {
			t.Errorf("the timeout is not counted as such: %s", got)
		} else {
			golden(t, "timeout", got, true)
		}
	})
}

func TestWrongClockIsLoggedOnChange(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := newExporter(t, counting(1, nil))
		for _, skew := range []int{0, 2, -2, 40, 39, 0, -40, -41, 0} {
			x.engine.skew = time.Duration(skew) * time.Second
			for range 6 {
				x.scrape(t, 10*time.Second)
			}
		}
		wantLog(t, x, "warn", "engine_ahead=40s", "engine_ahead=-39s")
		wantLog(t, x, "info", "engine answers", "history is readable", "counted again", "counted again")
	})
}

// With a clock that is wrong by more than a few seconds, windows would end long
// ago. One node of many is enough.
func TestNoRecentInstancesWhileAClockIsWrong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := newExporter(t, counting(42, map[string]int{"invoice": 30}), "invoice")
		recent := func() int {
			text := x.scrape(t, 10*time.Second)
			return len(regexp.MustCompile("(?m)^[a-z_]+(recently_started|window_end_timestamp_seconds)[ {]").FindAllString(text, -1))
		}
		if n := recent(); n != 4 {
			t.Errorf("%d series, want 4", n)
		}
		for _, skew := range []time.Duration{-time.Minute, time.Minute, -5 * time.Second} {
			x.engine.skew = skew
			if n := recent(); n != 0 {
				t.Errorf("%d series with a clock that is %s ahead", n, skew)
			}
			x.engine.skew = 0 // the next answers come from other nodes
			for range 2 {
				if n := recent(); n != 0 {
					t.Errorf("%d series soon after a clock was %s ahead", n, skew)
				}
			}
			x.scrape(t, time.Minute)
			if n := recent(); n != 4 {
				t.Errorf("%d series in the end, want 4", n)
			}
		}
	})
}

// Two hundred scrapers cost the engine no more than one request a second for
// the window, and few for the totals and checks: in these 8 s at most two to
// catch up, and two checks.
func TestManyScrapers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := newExporter(t, counting(42, nil))
		x.engine.latency = 5 * time.Millisecond
		const seconds, others = 8, 4
		begin := time.Now()
		var all sync.WaitGroup
		var scrapes atomic.Int64
		for i := range 200 {
			all.Go(func() {
				time.Sleep(time.Duration(i) * 3 * time.Millisecond)
				for time.Since(begin) < seconds*time.Second-500*time.Millisecond {
					ctx, cancel := context.WithTimeout(t.Context(), time.Duration(2+i%10)*time.Millisecond) // some leave early
					x.handler.ServeHTTP(httptest.NewRecorder(), httptest.NewRequestWithContext(ctx, http.MethodGet, "/metrics", nil))
					cancel()
					scrapes.Add(1)
					time.Sleep(490 * time.Millisecond)
				}
			})
		}
		all.Wait()
		if x.engine.requests() > seconds+others || x.engine.requests() < seconds/2 {
			t.Errorf("%d scrapes in %d seconds cost %d requests", scrapes.Load(), seconds, x.engine.requests())
		}
	})
}

func BenchmarkScrape(b *testing.B) {
	for _, bench := range []struct {
		name   string
		answer func(*http.Request) (int, string)
	}{{"up", counting(42, nil)}, {"down", always(500, "{}")}} {
		b.Run(bench.name, func(b *testing.B) {
			x := newExporter(b, bench.answer)
			r := httptest.NewRequestWithContext(b.Context(), http.MethodGet, "/metrics", nil)
			b.ReportAllocs()
			for b.Loop() {
				x.handler.ServeHTTP(httptest.NewRecorder(), r)
			}
		})
	}
}
