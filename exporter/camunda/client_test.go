package camunda_test

import (
	"context"
	"fmt"
	"io"
	stdlog "log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-kit/log"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/camunda-autoscaler/camunda-autoscaler/exporter/camunda"
	httpclient "github.com/camunda-autoscaler/camunda-autoscaler/service/client"
)

// client returns a client of the given server, and its metrics.
func client(t *testing.T, address, engine string) (*camunda.Client, *prometheus.Registry) {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	return clientWith(t, u, engine, must(httpclient.New("", "test", log.NewNopLogger())))
}

func clientWith(t *testing.T, u *url.URL, engine string, h *http.Client) (*camunda.Client, *prometheus.Registry) {
	t.Helper()
	t.Cleanup(h.CloseIdleConnections)
	reg := prometheus.NewRegistry()
	return camunda.NewClient(u, engine, h, camunda.NewMetrics(reg)), reg
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// answering returns the address of a server with one answer for everything.
func answering(t *testing.T, status int, contentType, body string) string {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", contentType)
		w.WriteHeader(status)
		io.WriteString(w, body)
	}))
	t.Cleanup(s.Close)
	return s.URL + "/engine-rest"
}

var query = camunda.HistoryQuery{
	From: time.Date(2026, 3, 1, 10, 0, 0, 0, time.UTC),
	To:   time.Date(2026, 3, 1, 10, 0, 9, 999999999, time.UTC),
}

// Camunda reads Z, +00:00 and microseconds wrongly or not at all, and a raw +
// is a blank in a query. Requests have none of that, whatever the input.
func TestRequestIsWrittenAsEnginesReadIt(t *testing.T) {
	var got *http.Request
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got = r
		w.Header().Set("Content-Type", "application/json")
		io.WriteString(w, `{"count":1}`)
	}))
	defer s.Close()
	kolkata := time.FixedZone("", 5*3600+1800)
	for _, test := range []struct {
		name, engine, path, raw string
		change                  func(*camunda.HistoryQuery)
	}{
		{
			name: "both bounds, to the millisecond", path: "/engine-rest/history/process-instance/count",
			raw: "startedAfter=2026-03-01T10%3A00%3A00.000%2B0000&startedBefore=2026-03-01T10%3A00%3A09.999%2B0000",
		},
		{
			name: "times in another zone", path: "/engine-rest/history/process-instance/count",
			raw:    "startedAfter=2026-03-01T10%3A00%3A00.000%2B0000&startedBefore=2026-03-01T10%3A00%3A09.999%2B0000",
			change: func(q *camunda.HistoryQuery) { q.From, q.To = q.From.In(kolkata), q.To.In(kolkata) },
		},
		{
			name: "microseconds", path: "/engine-rest/history/process-instance/count",
			raw:    "startedAfter=2026-03-01T10%3A00%3A00.120%2B0000&startedBefore=2026-03-01T10%3A00%3A09.999%2B0000",
			change: func(q *camunda.HistoryQuery) { q.From = q.From.Add(120573 * time.Microsecond) },
		},
		{
			name: "another engine", engine: "a b", path: "/engine-rest/engine/a%20b/history/process-instance/count",
			raw: "startedAfter=2026-03-01T10%3A00%3A00.000%2B0000&startedBefore=2026-03-01T10%3A00%3A09.999%2B0000",
		},
		{
			name: "all filters", path: "/engine-rest/history/process-instance/count",
			raw: "processDefinitionKey=in%26out&rootProcessInstances=true" +
				"&startedAfter=2026-03-01T10%3A00%3A00.000%2B0000&startedBefore=2026-03-01T10%3A00%3A09.999%2B0000&tenantIdIn=a%2Cb",
			change: func(q *camunda.HistoryQuery) {
				q.ProcessDefinitionKey, q.RootOnly, q.Tenants = "in&out", true, []string{"a", "b"}
			},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			for _, slash := range []string{"", "/"} {
				c, _ := client(t, s.URL+"/engine-rest"+slash, test.engine)
				q := query
				if test.change != nil {
					test.change(&q)
				}
				if _, err := c.CountHistory(t.Context(), camunda.HistoryCount, q); err != nil {
					t.Fatal(err)
				}
				if got.URL.EscapedPath() != test.path {
					t.Errorf("asked for %s, want %s", got.URL.EscapedPath(), test.path)
				}
				if got.URL.RawQuery != test.raw {
					t.Errorf("asked with\n%s, want\n%s", got.URL.RawQuery, test.raw)
				}
			}
		})
	}
}

// Nothing but a count is a count. Each failure has its cause and tells what is
// wrong.
func TestAnswers(t *testing.T) {
	const (
		j    = "application/json"
		html = "text/html;charset=utf-8"
	)
	for _, test := range []struct {
		name, contentType, body string
		status                  int
		want                    uint64
		cause                   camunda.Cause
		text                    string // in the error
	}{
		{"a count", j, `{"count":42}`, 200, 42, "", ""},
		{"a count with a charset and more fields", "application/json; charset=UTF-8", ` {"x":[1], "count":7}` + "\n", 200, 7, "", ""},
		{"zero", j, `{"count":0}`, 200, 0, "", ""},
		{"the largest", j, `{"count":1000000000000}`, 200, 1_000_000_000_000, "", ""},
		{"more than there can be", j, `{"count":1000000000001}`, 200, 0, camunda.Nonsense, "no usable count"},
		{"too large", j, `{"count":9223372036854775808}`, 200, 0, camunda.Nonsense, "no usable count"},
		{"negative", j, `{"count":-1}`, 200, 0, camunda.Nonsense, `no usable count in the answer {"count":-1}`},
		{"a fraction", j, `{"count":1.5}`, 200, 0, camunda.Nonsense, "no usable count"},
		{"an exponent", j, `{"count":1e3}`, 200, 0, camunda.Nonsense, "no usable count"},
		{"a string", j, `{"count":"12"}`, 200, 0, camunda.Nonsense, "no usable count"},
		{"null", j, `{"count":null}`, 200, 0, camunda.Nonsense, "no usable count"},
		{"no count", j, `{"Count":3}`, 200, 0, camunda.Nonsense, "no count"},
		{"a list", j, `[{"count":3}]`, 200, 0, camunda.Nonsense, "no object"},
		{"truncated", j, `{"count":1`, 200, 0, camunda.NotJSON, `not JSON: {"count":1`},
		{"two answers", j, `{"count":1}{"count":2}`, 200, 0, camunda.NotJSON, "not JSON"},
		{"nothing", j, "", 200, 0, camunda.NotJSON, "not JSON"},
		{"a login page", html, "<html>", 200, 0, camunda.NotJSON, "text/html"},
		{"no content", j, "", 204, 0, camunda.Nonsense, "204"},
		{"without end", j, `{"count":1,"x":"` + strings.Repeat("x", 1<<20) + `"}`, 200, 0, camunda.Nonsense, "more than 65536 bytes"},
		{"wrong context path", html, "<html>404</html>", 404, 0, camunda.HTTP4xx, "/engine-rest?"},
		{"unknown engine", j, `{"type":"InvalidRequestException","message":"No process engine available"}`, 400, 0, camunda.HTTP4xx, "InvalidRequestException: No process engine available"},
		{"bad date in a body that is not JSON", "text/plain", "bad date", 400, 0, camunda.HTTP4xx, "400"},
		{"database down", j, `{"type":"ProcessEngineException","message":"no connection"}`, 500, 0, camunda.HTTP5xx, "no connection"},
		{"bad gateway", html, "<html>", 502, 0, camunda.HTTP5xx, "502"},
		{"no credentials", "", "", 401, 0, camunda.Unauthorized, "rejects the credentials"},
		{"forbidden", j, `{"type":"AuthorizationException","message":"not you"}`, 403, 0, camunda.Forbidden, "not you"},
	} {
		t.Run(test.name, func(t *testing.T) {
			c, reg := client(t, answering(t, test.status, test.contentType, test.body), "")
			n, err := c.CountHistory(t.Context(), camunda.HistoryCount, query)
			cause, _ := camunda.CauseOf(err)
			if n != test.want || cause != test.cause {
				t.Fatalf("got %d, %q (%v), want %d, %q", n, cause, err, test.want, test.cause)
			}
			if err != nil && (!strings.Contains(err.Error(), test.text) || len(err.Error()) > 500 || strings.Contains(err.Error(), "\n")) {
				t.Errorf("error is %q, want %q in one short line", err, test.text)
			}
			wantErrors(t, reg, test.cause)
		})
	}
}

// wantErrors checks that one error of this cause was counted, or that there is
// no series at all: an error that never happened has none.
func wantErrors(t *testing.T, reg *prometheus.Registry, cause camunda.Cause) {
	t.Helper()
	want := ""
	if cause != "" {
		want = "# HELP camunda_exporter_request_errors_total Failed requests to the engine's REST API. A series appears with its first failure.\n" +
			"# TYPE camunda_exporter_request_errors_total counter\n" +
			fmt.Sprintf("camunda_exporter_request_errors_total{cause=%q,endpoint=\"history_count\"} 1\n", cause)
	}
	if err := testutil.GatherAndCompare(reg, strings.NewReader(want), "camunda_exporter_request_errors_total"); err != nil {
		t.Error(err)
	}
}

func TestNoAnswer(t *testing.T) {
	hang := make(chan struct{})
	hanging := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		select {
		case <-hang:
		case <-r.Context().Done():
		}
	}))
	defer hanging.Close()
	defer close(hang)
	half := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Content-Length", "100")
		io.WriteString(w, `{"count":1}`)
	}))
	defer half.Close()
	encrypted := httptest.NewUnstartedServer(http.NotFoundHandler())
	encrypted.Config.ErrorLog = stdlog.New(io.Discard, "", 0)
	encrypted.StartTLS()
	defer encrypted.Close()
	gone := httptest.NewServer(http.NotFoundHandler())
	gone.Close()

	brief := func() (context.Context, context.CancelFunc) {
		return context.WithTimeout(t.Context(), 20*time.Millisecond)
	}
	canceled := func() (context.Context, context.CancelFunc) {
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(20*time.Millisecond, cancel)
		return ctx, cancel
	}
	patient := func() (context.Context, context.CancelFunc) { return context.WithCancel(t.Context()) }
	for _, test := range []struct {
		name, address string
		ctx           func() (context.Context, context.CancelFunc)
		cause         camunda.Cause
	}{
		{"the engine hangs", hanging.URL, brief, camunda.Timeout},
		{"the scraper went away", hanging.URL, canceled, camunda.Canceled},
		{"nothing listens", gone.URL, patient, camunda.Connection},
		{"the answer is cut off", half.URL, patient, camunda.Connection},
		{"a certificate without trust", encrypted.URL, patient, camunda.TLS},
		{"no TLS there", strings.Replace(half.URL, "http:", "https:", 1), patient, camunda.TLS},
	} {
		t.Run(test.name, func(t *testing.T) {
			c, reg := client(t, test.address, "")
			ctx, cancel := test.ctx()
			defer cancel()
			_, err := c.CountHistory(ctx, camunda.HistoryCount, query)
			if cause, _ := camunda.CauseOf(err); cause != test.cause {
				t.Fatalf("cause is %q (%v), want %q", cause, err, test.cause)
			}
			wantErrors(t, reg, test.cause)
		})
	}
}

// Connections and goroutines do not pile up, whatever the engine does.
func TestFaultsLeakNothing(t *testing.T) {
	var connections atomic.Int64
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		switch r.URL.Query().Get("processDefinitionKey") {
		case "large":
			w.WriteHeader(500)
			io.WriteString(w, strings.Repeat("x", 1<<20))
		case "abort":
			panic(http.ErrAbortHandler)
		case "nonsense":
			io.WriteString(w, `{"count":`)
		case "hang":
			time.Sleep(50 * time.Millisecond)
		}
	}))
	s.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		switch state {
		case http.StateNew:
			connections.Add(1)
		case http.StateClosed:
			connections.Add(-1)
		}
	}
	s.Start()
	defer s.Close()
	c, _ := client(t, s.URL, "")
	before := runtime.NumGoroutine()
	for _, fault := range []string{"large", "abort", "nonsense", "hang"} {
		for range 100 {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			if fault == "hang" {
				ctx, cancel = context.WithTimeout(t.Context(), 5*time.Millisecond)
			}
			q := query
			q.ProcessDefinitionKey = fault
			if _, err := c.CountHistory(ctx, camunda.HistoryCount, q); err == nil {
				t.Errorf("%s: no error", fault)
			}
			cancel()
		}
	}
	const few = 10
	for deadline := time.Now().Add(20 * time.Second); runtime.NumGoroutine() > before+few || connections.Load() > few; runtime.Gosched() {
		if time.Now().After(deadline) {
			t.Fatalf("%d goroutines after 400 faults, %d before; %d connections", runtime.NumGoroutine(), before, connections.Load())
		}
	}
}

// Another address's count is not the engine's, and a redirect may lose the
// query, so that everything would be counted.
func TestRedirectIsAnError(t *testing.T) {
	target := answering(t, 200, "application/json", `{"count":5}`)
	s := httptest.NewServer(http.RedirectHandler(target, http.StatusFound))
	defer s.Close()
	c, _ := client(t, s.URL, "")
	n, err := c.CountHistory(t.Context(), camunda.HistoryCount, query)
	if cause, _ := camunda.CauseOf(err); cause != camunda.HTTP3xx || !strings.Contains(err.Error(), "302 Found to "+target) {
		t.Errorf("got %d, %v", n, err)
	}
}

func TestClock(t *testing.T) {
	for name, test := range map[string]struct {
		date   string
		known  bool
		behind time.Duration
	}{
		"right":     {time.Now().UTC().Format(http.TimeFormat), true, 0},
		"behind":    {time.Now().UTC().Add(-30 * time.Second).Format(http.TimeFormat), true, 30 * time.Second},
		"no header": {"yesterday", false, 0},
	} {
		t.Run(name, func(t *testing.T) {
			s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Date", test.date)
				w.Header().Set("Content-Type", "application/json")
				io.WriteString(w, `{"count":5}`)
			}))
			defer s.Close()
			c, _ := client(t, s.URL, "")
			if _, err := c.CountHistory(t.Context(), camunda.HistoryCount, query); err != nil {
				t.Fatal(err)
			}
			if got := c.Clock(time.Now()); got.Known != test.known || (got.Behind-test.behind).Abs() > 3*time.Second {
				t.Errorf("Date %q: got %+v", test.date, got)
			}
		})
	}
}

func TestOtherQuestions(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		body, ok := map[string]string{
			"/process-instance?maxResults=1&tenantIdIn=a%2Cb":       `[{"id":"i1"}]`,
			"/process-instance?maxResults=1":                        `[]`,
			"/history/process-instance?maxResults=1":                `[{"x":1}]`,
			"/history/process-instance/count?processInstanceIds=i1": `{"count":1}`,
			"/history/process-instance/count?processInstanceIds=i2": `{"count":0}`,
			"/metrics/root-process-instance-start/sum":              `{"result":12}`,
		}[r.URL.RequestURI()]
		if !ok {
			w.WriteHeader(500)
		}
		io.WriteString(w, body)
	}))
	defer s.Close()
	c, _ := client(t, s.URL, "")
	ctx := t.Context()
	if id, err := c.AnyRunning(ctx, []string{"a", "b"}); id != "i1" || err != nil {
		t.Errorf("running: %q, %v", id, err)
	}
	if id, err := c.AnyRunning(ctx, nil); id != "" || err != nil {
		t.Errorf("running: %q, %v", id, err)
	}
	if found, err := c.AnyInHistory(ctx); found || err == nil {
		t.Errorf("an item without id is an instance: %t, %v", found, err)
	}
	if found, err := c.InHistory(ctx, "i1"); !found || err != nil {
		t.Errorf("i1 in history: %t, %v", found, err)
	}
	if found, err := c.InHistory(ctx, "i2"); found || err != nil {
		t.Errorf("i2 in history: %t, %v", found, err)
	}
	if n, err := c.RootStarts(ctx); n != 12 || err != nil {
		t.Errorf("root starts: %d, %v", n, err)
	}
}

func FuzzCount(f *testing.F) {
	f.Add(`{"count":1}`)
	f.Add(`{"count":-1}`)
	var body string
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		io.WriteString(w, body)
	}))
	defer s.Close()
	u, err := url.Parse(s.URL)
	if err != nil {
		f.Fatal(err)
	}
	c := camunda.NewClient(u, "", s.Client(), camunda.NewMetrics(prometheus.NewRegistry()))
	f.Fuzz(func(t *testing.T, answer string) {
		body = answer
		n, err := c.CountHistory(t.Context(), camunda.HistoryCount, query)
		if err == nil && !strings.Contains(answer, fmt.Sprint(n)) {
			t.Errorf("%q was read as %d", answer, n)
		}
		if err != nil && n != 0 {
			t.Errorf("%q gives %d and %v", answer, n, err)
		}
	})
}

func write(t *testing.T, text string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "engine.yml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}
