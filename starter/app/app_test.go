package app

import (
	"bytes"
	"context"
	"flag"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-kit/log"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/prometheus/client_golang/prometheus/testutil/promlint"

	"github.com/camunda-autoscaler/camunda-autoscaler/starter/pace"
)

var update = flag.Bool("update", false, "write testdata/metrics.txt")

func parse(t *testing.T, args ...string) (Options, error) {
	t.Helper()
	command, o := NewCommand()
	_, err := command.Flags.Parse(args)
	return *o, err
}

func TestDefaults(t *testing.T) {
	opts, err := parse(t)
	if err != nil {
		t.Fatal(err)
	}
	if opts.Host != "camunda-service:8080" || opts.Rate != (pace.Rate{Starts: 5, Interval: 10 * time.Second}) {
		t.Errorf("got %s and %s", opts.Host, opts.Rate)
	}
}

// The names are those of the original starter's environment.
func TestEnvironment(t *testing.T) {
	t.Setenv("CAMUNDA_HOST", "engine:1234")
	t.Setenv("N_PROCESS_STARTED", "120")
	t.Setenv("QUIET_TIME_S", "20")
	opts, err := parse(t)
	if err != nil {
		t.Fatal(err)
	}
	if opts.Host != "engine:1234" || opts.Rate != (pace.Rate{Starts: 120, Interval: 20 * time.Second}) {
		t.Errorf("got %s and %s", opts.Host, opts.Rate)
	}
	opts, err = parse(t, "--starts-per-interval=7", "--interval=1500ms", "--camunda.host=http://other/rest")
	if err != nil || opts.Host != "http://other/rest" || opts.Rate != (pace.Rate{Starts: 7, Interval: 1500 * time.Millisecond}) {
		t.Errorf("a flag must win over the environment: got %s and %s, %v", opts.Host, opts.Rate, err)
	}
}

func TestBadInput(t *testing.T) {
	for arg, want := range map[string]string{
		"--camunda.host=ftp://x":     "or host:port",
		"--starts-per-interval=-1":   "from 0 to 1000000",
		"--starts-per-interval=many": `"many" is not a whole number`,
		"--starts-per-interval=5.5":  `"5.5" is not a whole number`,
		"--interval=soon":            "a number of seconds",
		"--interval=0":               "want 1ms or more",
		"--interval=NaN":             "a number of seconds",
		"--camunda.timeout=0s":       "0s is not above 0",
		"--max-concurrent-starts=0":  "0 is below 1",
	} {
		t.Run(arg, func(t *testing.T) {
			if _, err := parse(t, arg); err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("got %v, want an error with %q", err, want)
			}
		})
	}
}

func TestRateOverHTTP(t *testing.T) {
	for name, c := range map[string]struct {
		method, target, body string
		code                 int
		want                 string
	}{
		"read":          {"GET", "/rate", "", 200, `{"starts_per_interval":120,"interval":"10s"}`},
		"number":        {"PUT", "/rate", "500\n", 200, `{"starts_per_interval":500,"interval":"10s"}`},
		"zero":          {"PUT", "/rate", "0", 200, `{"starts_per_interval":0,"interval":"10s"}`},
		"JSON":          {"PUT", "/rate", `{"starts_per_interval":5,"interval":"2s"}`, 200, `{"starts_per_interval":5,"interval":"2s"}`},
		"JSON, part":    {"PUT", "/rate", `{"starts_per_interval":5}`, 200, `{"starts_per_interval":5,"interval":"10s"}`},
		"query":         {"PUT", "/rate?starts=7", "", 200, `{"starts_per_interval":7,"interval":"10s"}`},
		"word":          {"PUT", "/rate", "many", 400, `"many" is not a whole number; send a number of starts as in 120`},
		"fraction":      {"PUT", "/rate", "1.5", 400, "not a whole number"},
		"negative":      {"PUT", "/rate", "-1", 400, "from 0 to 1000000"},
		"too many":      {"PUT", "/rate", "1000001", 400, "from 0 to 1000000"},
		"huge":          {"PUT", "/rate", "99999999999999999999", 400, "not a whole number"},
		"nothing":       {"PUT", "/rate", "", 400, "no rate given"},
		"empty object":  {"PUT", "/rate", "{}", 400, "no rate given"},
		"unknown key":   {"PUT", "/rate", `{"starts":5}`, 400, `unknown field "starts"`},
		"wrong type":    {"PUT", "/rate", `{"starts_per_interval":"5"}`, 400, "starts_per_interval"},
		"bad interval":  {"PUT", "/rate", `{"interval":"soon"}`, 400, `"soon" is not a duration`},
		"zero interval": {"PUT", "/rate", `{"interval":"0s"}`, 400, "want 1ms or more"},
		"trailing":      {"PUT", "/rate", `{"starts_per_interval":5}6`, 400, "unexpected data"},
		"two rates":     {"PUT", "/rate?starts=5", "6", 400, "more than one"},
		"too long":      {"PUT", "/rate", strings.Repeat("1", 2000), 400, "too large"},
		"other method":  {"POST", "/rate", "5", 405, "Method Not Allowed"},
	} {
		t.Run(name, func(t *testing.T) {
			old := pace.Rate{Starts: 120, Interval: 10 * time.Second}
			r := newRunner(&fakeEngine{}, Options{Rate: old, MaxConcurrent: 1}, log.NewNopLogger(), prometheus.NewRegistry())
			mux := http.NewServeMux()
			addRate(mux, r, log.NewNopLogger())
			w := httptest.NewRecorder()
			mux.ServeHTTP(w, httptest.NewRequest(c.method, c.target, strings.NewReader(c.body)))
			if w.Code != c.code || !strings.Contains(w.Body.String(), c.want) {
				t.Errorf("got %d %q, want %d and %q in it", w.Code, w.Body, c.code, c.want)
			}
			if c.code != 200 && r.Rate() != old {
				t.Errorf("bad input changed the rate to %s", r.Rate())
			}
		})
	}
}

func TestMetrics(t *testing.T) {
	synctest.Test(t, testMetrics) // so that a start takes no time
}

func testMetrics(t *testing.T) {
	registry := prometheus.NewRegistry()
	r := newRunner(&fakeEngine{}, Options{Rate: pace.Rate{Starts: 120}, MaxConcurrent: 1}, log.NewNopLogger(), registry)
	r.skip(2)
	r.metrics.requested.Inc()
	r.timeout = time.Second
	r.start(t.Context())
	w := httptest.NewRecorder()
	promhttp.HandlerFor(registry, promhttp.HandlerOpts{}).ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	got := w.Body.Bytes()

	problems, err := promlint.New(bytes.NewReader(got)).Lint()
	if err != nil || len(problems) > 0 {
		t.Errorf("promlint: %v %v", problems, err)
	}
	if *update {
		if err := os.WriteFile("testdata/metrics.txt", got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile("testdata/metrics.txt")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("metrics differ from testdata/metrics.txt (go test -update writes it):\n%s", got)
	}
}

// The whole program against an engine's answers, from flags to a stop.
func TestRun(t *testing.T) {
	var starts atomic.Int32
	engine := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/start") {
			starts.Add(1)
		}
		io.WriteString(w, `{"id":"1"}`)
	}))
	defer engine.Close()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer // read when the command has returned
	command, opts := NewCommand()
	opts.Web.Listener = l
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan int, 1)
	go func() {
		done <- command.Execute(ctx, []string{"--camunda.host=" + engine.URL, "--starts-per-interval=100", "--interval=1s"}, io.Discard, &out)
	}()
	deadline := time.Now().Add(30 * time.Second)
	for starts.Load() < 5 && time.Now().Before(deadline) {
		time.Sleep(time.Millisecond)
	}
	for path, want := range map[string]string{
		"/": "camunda-process-starter", "/-/healthy": "healthy", "/-/ready": "ready",
		"/rate":    `{"starts_per_interval":100,"interval":"1s"}`,
		"/metrics": "camunda_starter_build_info",
	} {
		resp, err := http.Get("http://" + l.Addr().String() + path)
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(resp.Body)
		resp.Body.Close()
		if resp.StatusCode != http.StatusOK || !strings.Contains(string(body), want) {
			t.Errorf("%s: %d %.200s, want %q in it", path, resp.StatusCode, body, want)
		}
	}
	stop()
	if code := <-done; code != 0 {
		t.Errorf("exit code %d", code)
	}
	if starts.Load() < 5 || !strings.Contains(out.String(), "msg=stopped") {
		t.Errorf("%d starts; log:\n%s", starts.Load(), &out)
	}
}

func TestExitCodes(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	bad := filepath.Join(t.TempDir(), "http.yml")
	if err := os.WriteFile(bad, []byte("basic_auht: {}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		arg  string
		code int
		want string
	}{
		"unknown flag":   {"--rate=5", 2, "unknown long flag '--rate'"},
		"bad path":       {"--web.telemetry-path=/-/ready", 2, `--web.telemetry-path: "/-/ready" is not free`},
		"bad file":       {"--camunda.config.file=" + bad, 2, bad + ": line 1: field basic_auht not found"},
		"missing file":   {"--camunda.config.file=/nowhere", 2, "/nowhere"},
		"address in use": {"--web.listen-address=" + l.Addr().String(), 1, "in use"},
	} {
		t.Run(name, func(t *testing.T) {
			command, _ := NewCommand()
			var out bytes.Buffer
			code := command.Execute(t.Context(), []string{test.arg, "--camunda.host=127.0.0.1:1"}, io.Discard, &out)
			if code != test.code || !strings.Contains(out.String(), test.want) {
				t.Errorf("exit code %d, want %d and %q in\n%s", code, test.code, test.want, out.String())
			}
		})
	}
}
