// Package web serves a service's metrics, health and landing page, with TLS
// and authentication by exporter-toolkit's --web.config.file.
package web

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/pprof"
	"net/url"
	"path"
	"strings"
	"time"

	"github.com/alecthomas/kingpin/v2"
	"github.com/prometheus/exporter-toolkit/web"
	"github.com/prometheus/exporter-toolkit/web/kingpinflag"
)

// Config says where and how to listen.
type Config struct {
	Flags         *web.FlagConfig
	TelemetryPath string
	Pprof         bool
	Listener      net.Listener // if set, used instead of the flags' addresses
}

// AddFlags adds exporter-toolkit's --web.* flags and --web.telemetry-path to
// the application, which rejects a path that cannot be served.
func AddFlags(app *kingpin.Application, defaultAddress string) *Config {
	c := &Config{Flags: kingpinflag.AddFlags(app, defaultAddress)}
	app.Flag("web.telemetry-path", "Path under which to expose metrics.").
		Default("/metrics").StringVar(&c.TelemetryPath)
	app.Flag("web.enable-pprof", "Serve profiles of this process under /debug/pprof/, to everything that reaches the port.").
		BoolVar(&c.Pprof)
	app.Action(func(*kingpin.ParseContext) error {
		if err := checkTelemetryPath(c.TelemetryPath); err != nil {
			return fmt.Errorf("--web.telemetry-path: %w", err)
		}
		return nil
	})
	return c
}

// checkTelemetryPath returns an error unless metrics can be served at the path:
// http.ServeMux takes some paths for patterns, and panics on others.
func checkTelemetryPath(p string) error {
	const want = "want a path such as /metrics"
	switch {
	case !strings.HasPrefix(p, "/") || p == "/" || strings.HasPrefix(p, "/-/"):
		return fmt.Errorf("%q is not free; %s", p, want)
	case p != path.Clean(p) || strings.ContainsAny(p, " {}?#%") || (&url.URL{Path: p}).EscapedPath() != p:
		return fmt.Errorf("%q is no plain path; %s", p, want)
	}
	return nil
}

// NewMux returns the paths that every service has: the landing page, metrics,
// /-/healthy (200 as long as the process answers and is alive) and /-/ready
// (200), or 503 with the error's text.
func NewMux(page Page, telemetryPath string, metrics http.Handler, ready func() error, alive ...func() error) (*http.ServeMux, error) {
	if err := checkTelemetryPath(telemetryPath); err != nil {
		return nil, fmt.Errorf("path of the metrics: %w", err)
	}
	page.Links = append([]web.LandingLinks{
		{Address: telemetryPath, Text: "Metrics"},
		{Address: "/-/healthy", Text: "Healthy", Description: "whether the process is alive"},
		{Address: "/-/ready", Text: "Ready", Description: "whether it does its work"},
	}, page.Links...)
	mux := http.NewServeMux()
	if page.Instead != nil {
		mux.Handle("/{$}", page.Instead)
	} else {
		mux.Handle("/{$}", page)
	}
	mux.Handle(telemetryPath, metrics)
	mux.Handle("/-/healthy", check("healthy", alive...))
	mux.Handle("/-/ready", check("ready", ready))
	return mux, nil
}

// check answers with the word, or 503 with the first error.
func check(word string, checks ...func() error) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		for _, c := range checks {
			if err := c(); err != nil {
				http.Error(w, err.Error(), http.StatusServiceUnavailable)
				return
			}
		}
		io.WriteString(w, word+"\n")
	}
}

// Bounds of one connection. A slow or silent peer must not hold a file
// descriptor for long; nothing that is served here reads or takes longer.
const (
	readHeaderTimeout = 10 * time.Second
	readTimeout       = 30 * time.Second
	idleTimeout       = 2 * time.Minute
	maxHeaderBytes    = 64 << 10
)

// drainTimeout bounds how long a stop waits for requests in flight. It is below
// the 30 s that Kubernetes grants a Pod.
const drainTimeout = 10 * time.Second

// Serve answers requests until ctx ends, then lets those in flight finish and
// returns nil. It returns an error if it cannot listen or the web configuration
// is bad.
func Serve(ctx context.Context, handler http.Handler, c Config, logger *slog.Logger) error {
	if c.Pprof {
		handler = withPprof(handler)
	}
	server := &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: readHeaderTimeout,
		ReadTimeout:       readTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeaderBytes,
		ErrorLog:          slog.NewLogLogger(serverErrors{logger.Handler()}, slog.LevelWarn), // failed TLS handshakes, among others
	}
	failed := make(chan error, 1)
	go func() {
		if c.Listener != nil {
			failed <- web.Serve(c.Listener, server, c.Flags, logger)
		} else {
			failed <- web.ListenAndServe(server, c.Flags, logger)
		}
	}()
	select {
	case err := <-failed:
		return fmt.Errorf("serve HTTP: %w", err)
	case <-ctx.Done():
	}
	drain, cancel := context.WithTimeout(context.WithoutCancel(ctx), drainTimeout)
	defer cancel()
	if err := server.Shutdown(drain); err != nil && !errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("stop serving HTTP: %w", err)
	}
	if err := <-failed; !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve HTTP: %w", err)
	}
	return nil
}

// withPprof adds the paths that "go tool pprof" reads.
func withPprof(next http.Handler) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/", next)
	mux.HandleFunc("/debug/pprof/", pprof.Index)
	mux.HandleFunc("/debug/pprof/cmdline", pprof.Cmdline)
	mux.HandleFunc("/debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("/debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("/debug/pprof/trace", pprof.Trace)
	return mux
}

// serverErrors gives the lines of net/http's own log one fixed message.
type serverErrors struct{ slog.Handler }

func (h serverErrors) Handle(ctx context.Context, line slog.Record) error {
	r := slog.NewRecord(line.Time, line.Level, "HTTP server error", 0)
	r.AddAttrs(slog.String("err", strings.TrimPrefix(strings.TrimSpace(line.Message), "http: ")))
	return h.Handler.Handle(ctx, r)
}
