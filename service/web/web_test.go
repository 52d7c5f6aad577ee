package web_test

import (
	"context"
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

	"github.com/alecthomas/kingpin/v2"

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

// A rolling update must not cut a scrape that has begun.
func TestStopLetsRequestsFinish(t *testing.T) {
	c := config(t)
	begun, finish := make(chan struct{}), make(chan struct{})
	handler := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		close(begun)
		<-finish
		io.WriteString(w, "whole")
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
	<-begun
	stop()
	close(finish)
	if got := <-body; got != "whole" {
		t.Errorf("the request under way got %q", got)
	}
	if err := <-stopped; err != nil {
		t.Errorf("Serve returned %v after a stop that was asked for", err)
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

// A service that can tell that it is stuck is restarted for it.
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
