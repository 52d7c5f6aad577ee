package fleet

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-kit/log"
	v1 "github.com/prometheus/client_golang/api/prometheus/v1"
	"k8s.io/client-go/rest"

	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/config"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/gate"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/kubeapi"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/loop"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/metrics"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/workload"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/workload/fake"
)

// When all workloads of a group act at once, and the API server is slow, those
// go first that are furthest beyond their bound, and those that get less last.
func TestWorstOffFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const most = 4 // in flight
		server, load := fake.New(), map[string]float64{}
		for i := range 30 {
			load[fmt.Sprintf("up-%02d", i)] = 60 // on two replicas
		}
		for i := range 10 {
			load[fmt.Sprintf("down-%02d", i)] = 60
		}
		for name := range load {
			server.Create(fake.Object{Namespace: "bpm", Name: name, UID: name, Replicas: 2, Ready: 2})
		}
		var mu sync.Mutex
		var written []string
		server.Hook(func(_ context.Context, r fake.Request) *fake.Failure {
			if r.Verb == "patch" {
				mu.Lock()
				written = append(written, r.Name)
				mu.Unlock()
				time.Sleep(100 * time.Millisecond)
			}
			return nil
		})
		client, err := kubeapi.NewREST(&rest.Config{Host: "http://api.test", QPS: -1}, &http.Client{Transport: server})
		if err != nil {
			t.Fatal(err)
		}
		cluster := workload.New(client, gate.New(gate.Load{InFlight: most}), log.NewNopLogger())
		prom := &tenants{load: load}
		f := New(Options{
			Connect:   func(config.Prometheus) (v1.API, error) { return prom, nil },
			Workloads: func(ref workload.Ref) loop.Scaler { return cluster.Workload(ref) },
			Watch:     cluster.Watch,
			Metrics:   metrics.New(),
			Logger:    log.NewNopLogger(),
		})
		if err := f.Apply(parse(t, tenantsTarget)); err != nil {
			t.Fatal(err)
		}
		stop := lead(t, f)
		time.Sleep(time.Minute) // spacing is learned, and nothing is left to be read
		prom.set(func() {
			for i := range 30 {
				load[fmt.Sprintf("up-%02d", i)] = float64(101 + i)
			}
			for i := range 10 {
				load[fmt.Sprintf("down-%02d", i)] = float64(i)
			}
		})
		time.Sleep(20 * time.Second)
		stop()
		if len(written) < len(load) {
			t.Fatalf("%d writes: %v", len(written), written)
		}
		// The first come as they are, when nothing waits yet.
		rest := written[most:len(load)]
		want := slices.SortedFunc(maps.Keys(load), func(a, b string) int {
			if up := strings.Compare(b[:1], a[:1]); up != 0 {
				return up
			}
			if strings.HasPrefix(a, "down") {
				return strings.Compare(a, b)
			}
			return strings.Compare(b, a)
		})
		want = slices.DeleteFunc(want, func(name string) bool { return slices.Contains(written[:most], name) })
		// Those that go out at one instant have no order.
		for got := range slices.Chunk(rest, most) {
			slices.SortFunc(got, func(a, b string) int { return slices.Index(want, a) - slices.Index(want, b) })
		}
		if !slices.Equal(rest, want) {
			t.Errorf("after %v\ngot  %v\nwant %v", written[:most], rest, want)
		}
	})
}
