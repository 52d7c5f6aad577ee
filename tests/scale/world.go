// Package scale measures what the scaler costs with many workloads, on a real
// API server and a real Prometheus.
package scale

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/camunda-autoscaler/camunda-autoscaler/testbed/build"
	"github.com/camunda-autoscaler/camunda-autoscaler/testbed/kube"
	"github.com/camunda-autoscaler/camunda-autoscaler/testbed/prometheus"
)

const (
	namespace   = "scale"
	deployments = "/apis/apps/v1/namespaces/" + namespace + "/deployments"

	steady = 30  // per replica: no step at one replica
	high   = 120 // two steps up

	fitsHigh = 3 // replicas
)

// World is a number of Deployments, each with one replica and a load of its
// own. Nothing but the scaler acts on them: there are no controllers.
type World struct {
	Size     int
	Interval time.Duration // of scrapes and decisions
	Profiles string        // folder for the scaler's profiles; none if it is ""

	dir        string
	program    string // the scaler
	cluster    *kube.Cluster
	kubeconfig string // of the scaler
	prometheus *prometheus.Server
	exporter   *httptest.Server

	mu    sync.Mutex
	loads []load
}

// load is one workload's.
type load struct {
	value                    int
	since                    time.Time
	scrapeBegan, scrapeEnded time.Time // the first with that value
}

type object = map[string]any

// NewWorld starts a world of n Deployments whose files are in dir. It ends when
// ctx does, or by Close.
func NewWorld(ctx context.Context, dir string, n int, interval time.Duration) (w *World, err error) {
	w = &World{Size: n, Interval: interval, dir: dir, loads: make([]load, n)}
	w.Load(0)
	defer func() {
		if err != nil {
			w.Close()
		}
	}()
	products, err := build.Project(ctx, filepath.Join(dir, "products"), false)
	if err != nil {
		return w, err
	}
	w.program = products.Scaler
	if w.cluster, err = kube.Start(ctx, filepath.Join(dir, "cluster")); err != nil {
		return w, err
	}
	w.cluster.StopControllers()
	if err := w.deploy(ctx); err != nil {
		return w, err
	}
	if err := w.grant(ctx); err != nil {
		return w, err
	}
	w.exporter = httptest.NewServer(http.HandlerFunc(w.export))
	w.prometheus, err = prometheus.Start(ctx, filepath.Join(dir, "prometheus"), prometheus.Config{
		ScrapeInterval: interval, Jobs: map[string][]string{"load": {strings.TrimPrefix(w.exporter.URL, "http://")}},
	})
	return w, err
}

// Close ends what NewWorld started.
func (w *World) Close() {
	if w.prometheus != nil {
		w.prometheus.Kill()
	}
	if w.exporter != nil {
		w.exporter.Close()
	}
	if w.cluster != nil {
		w.cluster.Stop()
	}
}

func name(i int) string { return fmt.Sprintf("w%05d", i) }

// deploy creates the Deployments.
func (w *World) deploy(ctx context.Context) error {
	if err := w.cluster.Request(ctx, http.MethodPost, "/api/v1/namespaces", object{"metadata": object{"name": namespace}}, nil); err != nil {
		return err
	}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(8)
	for i := range w.Size {
		group.Go(func() error {
			labels := object{"app": name(i)}
			return w.cluster.Request(ctx, http.MethodPost, deployments, object{
				"apiVersion": "apps/v1", "kind": "Deployment", "metadata": object{"name": name(i), "labels": labels},
				"spec": object{
					"replicas": 1, "selector": object{"matchLabels": labels},
					"template": object{"metadata": object{"labels": labels}, "spec": object{"containers": []object{{"name": "main", "image": "none"}}}},
				},
			}, nil)
		})
	}
	return group.Wait()
}

// export is scraped by Prometheus.
func (w *World) export(out http.ResponseWriter, _ *http.Request) {
	began := time.Now()
	w.mu.Lock()
	loads := slices.Clone(w.loads)
	w.mu.Unlock()
	var text bytes.Buffer
	for i, l := range loads {
		fmt.Fprintf(&text, "load{workload_namespace=%q,deployment=%q} %d\n", namespace, name(i), l.value)
	}
	out.Header().Set("Content-Type", "text/plain; version=0.0.4")
	_, _ = out.Write(text.Bytes())
	w.mu.Lock()
	defer w.mu.Unlock()
	for i, l := range loads {
		if now := &w.loads[i]; now.scrapeBegan.IsZero() && now.since.Equal(l.since) {
			now.scrapeBegan, now.scrapeEnded = began, time.Now()
		}
	}
}

// Load puts a high load on the first n workloads, and the usual one on the rest.
func (w *World) Load(n int) {
	for i := range w.loads {
		value := steady
		if i < n {
			value = high
		}
		w.set(i, value)
	}
}

func (w *World) set(i, value int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.loads[i] = load{value: value, since: time.Now()}
}

// load returns the load of a workload.
func (w *World) load(i int) load {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.loads[i]
}
