package web_test

import (
	"context"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/alecthomas/kingpin/v2"

	"github.com/camunda-autoscaler/camunda-autoscaler/service/logging"
	"github.com/camunda-autoscaler/camunda-autoscaler/service/web"
)

func config(t *testing.T, args ...string) web.Config {
	t.Helper()
	app := kingpin.New("test", "")
	c := web.AddFlags(app, ":0")
	if _, err := app.Parse(args); err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	c.Listener = l
	return *c
}

// A rolling update must not cut off a scrape in flight.
func TestStopLetsRequestsFinish(t *testing.T) {
	c := config(t)
	started, finish := make(chan struct{}), make(chan struct{})
	handler := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		close(started)
		<-finish
		io.WriteString(w, "complete")
	})
	ctx, stop := context.WithCancel(t.Context())
	stopped := make(chan error, 1)
	go func() { stopped <- web.Serve(ctx, handler, c, slog.New(slog.DiscardHandler)) }()

	body := make(chan string, 1)
	go func() {
		resp, err := http.Get("http://" + c.Listener.Addr().String())
		if err != nil {
			body <- err.Error()
			return
		}
		defer resp.Body.Close()
		b, _ := io.ReadAll(resp.Body)
		body <- string(b)
	}()
	<-started
	stop()
	close(finish)
	if got := <-body; got != "complete" {
		t.Errorf("the request in flight got %q", got)
	}
	if err := <-stopped; err != nil {
		t.Errorf("Serve returned %v after a requested stop", err)
	}
}

func TestBadWebConfigIsAnError(t *testing.T) {
	file := filepath.Join(t.TempDir(), "web.yml")
	if err := os.WriteFile(file, []byte("tls_server_confg: {}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	err := web.Serve(t.Context(), http.NotFoundHandler(), config(t, "--web.config.file="+file), slog.New(slog.DiscardHandler))
	if err == nil || !strings.Contains(err.Error(), "tls_server_confg") {
		t.Errorf("got error %v, want one that names the unknown field", err)
	}
}

func TestPaths(t *testing.T) {
	notReady := errors.New("engine not reached yet")
	mux, err := web.NewMux(web.Page{Name: "camunda-exporter"}, "/metrics",
		http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "up 1\n") }),
		func() error { return notReady })
	if err != nil {
		t.Fatal(err)
	}
	get := func(path string) (int, string) {
		w := httptest.NewRecorder()
		mux.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
		return w.Code, w.Body.String()
	}
	for _, want := range []struct {
		path, body string
		code       int
	}{
		{"/", "camunda-exporter", 200},
		{"/metrics", "up 1", 200},
		{"/-/healthy", "healthy", 200},
		{"/-/ready", "engine not reached yet", 503},
		{"/nowhere", "not found", 404},
	} {
		if code, body := get(want.path); code != want.code || !strings.Contains(body, want.body) {
			t.Errorf("%s: %d %q, want %d and %q in it", want.path, code, body, want.code, want.body)
		}
	}
	notReady = nil
	if code, _ := get("/-/ready"); code != 200 {
		t.Errorf("/-/ready: %d when ready", code)
	}
}

// A program that detects that it is stuck reports it, so that it is restarted.
func TestAlive(t *testing.T) {
	var stuck error
	mux, err := web.NewMux(web.Page{}, "/metrics", http.NotFoundHandler(), func() error { return nil }, func() error { return stuck })
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []struct {
		stuck error
		code  int
	}{{nil, 200}, {errors.New("stuck"), 503}} {
		stuck = want.stuck
		w := httptest.NewRecorder()
		mux.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/-/healthy", nil))
		if w.Code != want.code {
			t.Errorf("%v: %d, want %d", want.stuck, w.Code, want.code)
		}
	}
}

func TestTelemetryPath(t *testing.T) {
	for path, ok := range map[string]bool{
		"/metrics": true, "/engine/metrics": true, "/metrics.prom": true,
		"": false, "/": false, "metrics": false, "/-/ready": false, "/-/": false, "/a b": false, "/{x": false, "/{x}": false,
		"/metrics/": false, "//metrics": false, "/a/../b": false, "GET /metrics": false, "/a?b": false, "/a#b": false, "/a%20b": false, "/ü": false,
	} {
		t.Run(path, func(t *testing.T) {
			app := kingpin.New("test", "")
			web.AddFlags(app, ":0")
			_, err := app.Parse([]string{"--web.telemetry-path=" + path})
			if ok != (err == nil) || err != nil && !strings.Contains(err.Error(), "--web.telemetry-path: ") {
				t.Errorf("error %v, want it accepted: %t", err, ok)
			}
			_, err = web.NewMux(web.Page{}, path, http.NotFoundHandler(), func() error { return nil })
			if ok != (err == nil) {
				t.Errorf("NewMux returns %v, want it accepted: %t", err, ok)
			}
		})
	}
}

// pipes is a listener without a network, as synctest needs it.
type pipes struct {
	net.Listener
	conns chan net.Conn
}

func (p pipes) Accept() (net.Conn, error) {
	if c, ok := <-p.conns; ok {
		return c, nil
	}
	return nil, net.ErrClosed
}

// A peer that sends nothing, or never ends its request, does not hold its
// connection.
func TestSilentPeersAreDisconnected(t *testing.T) {
	for name, test := range map[string]struct {
		send   string
		within time.Duration
	}{
		"nothing sent":    {"", 10 * time.Second},
		"unfinished body": {"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nhalf", 30 * time.Second},
		"idle":            {"GET / HTTP/1.1\r\nHost: x\r\n\r\n", 2 * time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			c := config(t)
			synctest.Test(t, func(t *testing.T) {
				l := pipes{c.Listener, make(chan net.Conn)}
				c.Listener = l
				ctx, stop := context.WithCancel(t.Context())
				served := make(chan error, 1)
				go func() {
					served <- web.Serve(ctx, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { io.ReadAll(r.Body) }), c, slog.New(slog.DiscardHandler))
				}()
				ours, theirs := net.Pipe()
				l.conns <- theirs
				begin := time.Now()
				go io.WriteString(ours, test.send)
				io.Copy(io.Discard, ours) // until it is closed
				if took := time.Since(begin); took > test.within+time.Second {
					t.Errorf("the connection was closed after %s, want %s", took, test.within)
				}
				close(l.conns)
				stop()
				<-served
			})
		})
	}
}

// What net/http writes to its own log goes to ours, in its format.
func TestHandshakeErrorsAreLogged(t *testing.T) {
	c := config(t, "--web.config.file="+tlsConfig(t))
	out := &lines{written: make(chan string, 10)}
	logs, err := logging.New(out, logging.Config{Level: "warn", Format: "logfmt"})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	served := make(chan error, 1)
	go func() { served <- web.Serve(ctx, http.NotFoundHandler(), c, logs.Slog) }()
	conn, err := net.Dial("tcp", c.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	io.WriteString(conn, "this is no TLS\r\n\r\n")
	line := <-out.written
	if !strings.Contains(line, ` level=warn msg="HTTP server error" err="TLS handshake error from 127.0.0.1:`) {
		t.Errorf("got %q", line)
	}
	conn.Close()
	stop()
	if err := <-served; err != nil {
		t.Error(err)
	}
}

type lines struct{ written chan string }

func (l *lines) Write(p []byte) (int, error) {
	l.written <- string(p)
	return len(p), nil
}

// tlsConfig returns a --web.config.file with a certificate of httptest's.
func tlsConfig(t *testing.T) string {
	t.Helper()
	s := httptest.NewTLSServer(http.NotFoundHandler())
	defer s.Close()
	pair := s.TLS.Certificates[0]
	key, err := x509.MarshalPKCS8PrivateKey(pair.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for name, text := range map[string][]byte{
		"cert.pem": pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: pair.Certificate[0]}),
		"key.pem":  pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key}),
		"web.yml":  []byte("tls_server_config:\n  cert_file: cert.pem\n  key_file: key.pem\n"),
	} {
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return filepath.Join(dir, "web.yml")
}
