package prometheus

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/camunda-autoscaler/camunda-autoscaler/testbed/build"
	"github.com/camunda-autoscaler/camunda-autoscaler/testbed/ports"
	"github.com/camunda-autoscaler/camunda-autoscaler/testbed/process"
)

func TestServer(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Minute) // a first build included
	defer cancel()
	server, err := Start(ctx, t.TempDir(), Config{ScrapeInterval: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Kill)
	itself := Config{ScrapeInterval: time.Second, Jobs: map[string][]string{"itself": {server.address}}}
	if err := server.Reload(ctx, itself); err != nil {
		t.Fatal(err)
	}
	awaitOne(t, server, `up{job="itself"}`)

	url := server.URL
	server.Stop()
	server.Stop() // harmless
	if err := server.Start(ctx); err != nil {
		t.Fatal(err)
	}
	if server.URL != url {
		t.Errorf("started again at %s, want %s", server.URL, url)
	}
	// It still knows what it scraped before.
	awaitOne(t, server, `count_over_time(up{job="itself"}[1m]) > bool 0`)
}

func TestBrokenConfigurationIsReported(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Minute)
	defer cancel()
	_, err := Start(ctx, t.TempDir(), Config{YAML: "nonsense: true"})
	if err == nil || !strings.Contains(err.Error(), "nonsense") {
		t.Fatalf("got %v, want the complaint from Prometheus's log", err)
	}
}

func TestPromtool(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Minute)
	defer cancel()
	path, err := Promtool(ctx)
	if err != nil {
		t.Fatal(err)
	}
	check := exec.CommandContext(ctx, path, "check", "metrics")
	check.Stdin = strings.NewReader("# HELP started_total Started.\n# TYPE started_total counter\nstarted_total 1\n")
	if text, err := check.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
}

// awaitOne waits until a query's result is a single 1.
func awaitOne(t *testing.T, server *Server, query string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	err := server.process.Await(ctx, query, func(ctx context.Context) error {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, server.URL+"/api/v1/query?query="+url.QueryEscape(query), nil)
		if err != nil {
			return err
		}
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			return err
		}
		defer response.Body.Close()
		var answer struct {
			Error string
			Data  struct{ Result []struct{ Value [2]any } }
		}
		if err := json.NewDecoder(response.Body).Decode(&answer); err != nil {
			return err
		}
		if r := answer.Data.Result; len(r) != 1 || r[0].Value[1] != "1" {
			return fmt.Errorf("got %v %s", r, answer.Error)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestTakenPortIsRecognised is what Start's second try with another port rests on.
func TestTakenPortIsRecognised(t *testing.T) {
	taken, err := net.Listen("tcp", ports.Host+":0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	folder, err := build.Folder(t.Context(), build.Prometheus)
	if err != nil {
		t.Fatal(err)
	}
	address := taken.Addr().String()
	s := &Server{URL: "http://" + address, dir: t.TempDir(), program: filepath.Join(folder, "prometheus"), address: address}
	if err := s.write(Config{}); err != nil {
		t.Fatal(err)
	}
	if err := s.Start(t.Context()); !process.AddressInUse(err) {
		t.Errorf("got %v", err)
	}
}
