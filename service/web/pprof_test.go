package web_test

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"github.com/camunda-autoscaler/camunda-autoscaler/service/web"
)

// Profiles are served only if they were asked for, next to everything else.
func TestPprof(t *testing.T) {
	for _, test := range []struct {
		name string
		args []string
		want int
	}{
		{"off by default", nil, http.StatusNotFound},
		{"on", []string{"--web.enable-pprof"}, http.StatusOK},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := config(t, test.args...)
			mux := http.NewServeMux()
			mux.HandleFunc("/{$}", func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "landing") })
			ctx, stop := context.WithCancel(t.Context())
			stopped := make(chan error, 1)
			go func() { stopped <- web.Serve(ctx, mux, c, slog.New(slog.DiscardHandler)) }()
			get := func(path string) (int, string) {
				resp, err := http.Get("http://" + c.Listener.Addr().String() + path)
				if err != nil {
					t.Fatal(err)
				}
				defer resp.Body.Close()
				body, err := io.ReadAll(resp.Body)
				if err != nil {
					t.Fatal(err)
				}
				return resp.StatusCode, string(body)
			}
			if code, body := get("/debug/pprof/goroutine?debug=1"); code != test.want || code == http.StatusOK && !strings.Contains(body, "goroutine profile") {
				t.Errorf("the profile is answered with %d: %.60s", code, body)
			}
			if code, body := get("/"); code != http.StatusOK || body != "landing" {
				t.Errorf("the page is answered with %d: %s", code, body)
			}
			stop()
			if err := <-stopped; err != nil {
				t.Error(err)
			}
		})
	}
}
