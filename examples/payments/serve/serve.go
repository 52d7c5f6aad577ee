// Package serve runs the HTTP servers of a service until it is to end.
package serve

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Run serves each handler at its address until ctx ends or a server fails. Then it
// takes no more requests, and cuts off those that are not done after the grace.
// A request's context ends with ctx if ending is set, otherwise with its caller.
func Run(ctx context.Context, grace time.Duration, servers ...Server) error {
	listeners := make([]net.Listener, len(servers))
	for i, s := range servers {
		var err error
		if listeners[i], err = new(net.ListenConfig).Listen(ctx, "tcp", s.Address); err != nil {
			return fmt.Errorf("listen: %w", err)
		}
		defer listeners[i].Close()
	}
	failed := make(chan error, len(servers))
	all := make([]*http.Server, len(servers))
	for i, s := range servers {
		all[i] = &http.Server{
			Handler:           s.Handler,
			ReadHeaderTimeout: 5 * time.Second,
			ReadTimeout:       10 * time.Second,
			IdleTimeout:       time.Minute,
		}
		if s.Ending {
			all[i].BaseContext = func(net.Listener) context.Context { return ctx }
		}
		go func() { failed <- all[i].Serve(listeners[i]) }()
	}
	var err error
	select {
	case <-ctx.Done():
	case err = <-failed:
		err = fmt.Errorf("serve: %w", err)
	}
	limit, cancel := context.WithTimeout(context.WithoutCancel(ctx), grace)
	defer cancel()
	for _, s := range all { // the first serves the work, those behind it tell of it until the end
		if e := s.Shutdown(limit); errors.Is(e, context.DeadlineExceeded) {
			_ = s.Close()
		}
	}
	return err
}

// Server is what is served at an address.
type Server struct {
	Address string
	Handler http.Handler
	Ending  bool // requests learn by their context that the service ends
}

// Operations serves /metrics, /-/healthy and /-/ready; ready is asked at each request.
func Operations(registry *prometheus.Registry, ready func() bool) http.Handler {
	registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(registry, promhttp.HandlerOpts{}))
	mux.HandleFunc("GET /-/healthy", func(http.ResponseWriter, *http.Request) {})
	mux.HandleFunc("GET /-/ready", func(w http.ResponseWriter, _ *http.Request) {
		if !ready() {
			http.Error(w, "shutting down", http.StatusServiceUnavailable)
		}
	})
	return mux
}
