package app

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-kit/log"
	v1 "github.com/prometheus/client_golang/api/prometheus/v1"

	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/config"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/fleet"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/loop"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/metrics"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/workload"
	"github.com/camunda-autoscaler/camunda-autoscaler/service/logging"
)

func newTestReloader(file string, load func() (config.Config, error)) *reloader {
	m := metrics.New()
	targets := fleet.New(fleet.Options{
		Connect:   func(config.Prometheus) (v1.API, error) { return nil, nil },
		Workloads: func(workload.Ref) loop.Scaler { return &counted{} },
		Metrics:   m, Logger: log.NewNopLogger(),
	})
	return newReloader(Options{Load: load, Watch: file, Loggers: logging.Loggers{Kit: log.NewNopLogger()}}, targets, m)
}

// A watched file is reloaded once for each change of its content, and not while
// it cannot be read. ConfigMaps are replaced by a link, as here.
func TestAutoReload(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		folder := t.TempDir()
		file := filepath.Join(folder, "config.yml")
		write := func(text string) {
			t.Helper()
			next := filepath.Join(folder, "next")
			if err := errors.Join(os.WriteFile(next, []byte(text), 0o644), os.Rename(next, file)); err != nil {
				t.Fatal(err)
			}
		}
		loads := 0
		write("one")
		r := newTestReloader(file, func() (config.Config, error) { loads++; return config.Config{}, errors.New("not valid") })
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		go r.run(ctx, nil)
		want := func(n int) {
			t.Helper()
			time.Sleep(time.Minute)
			synctest.Wait()
			if loads != n {
				t.Errorf("%d reloads so far, want %d", loads, n)
			}
		}
		want(0)
		write("two")
		want(1) // it failed, and is not tried again until the file changes
		if err := os.Remove(file); err != nil {
			t.Fatal(err)
		}
		want(1)
		write("two")
		want(1)
		write("one")
		want(2)
		cancel()
		synctest.Wait()
	})
}

// Whoever can reach the port cannot keep the scaler busy with reloads.
func TestReloadsAreLimited(t *testing.T) {
	loads := 0
	r := newTestReloader("", func() (config.Config, error) { loads++; return config.Config{}, errors.New("not valid") })
	codes := map[int]int{}
	for range 300 {
		w := httptest.NewRecorder()
		r.ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/-/reload", nil))
		codes[w.Code]++
	}
	if loads < 10 || loads > 12 || codes[http.StatusTooManyRequests] != 300-loads {
		t.Errorf("%d reloads, answers %v", loads, codes)
	}
}
