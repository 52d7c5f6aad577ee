package fleet

import (
	"fmt"
	"net/http"
	"os"
	"runtime"
	"runtime/pprof"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-kit/log"
	v1 "github.com/prometheus/client_golang/api/prometheus/v1"
	"k8s.io/client-go/rest"

	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/config"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/gate"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/journal"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/kubeapi"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/loop"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/metrics"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/workload"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/workload/fake"
)

// memory returns what is in use once the garbage is collected: heap and stacks.
func memory() (heap, stacks int) {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return int(m.HeapAlloc), int(m.StackInuse)
}

// What a member of a group takes, a few minutes after the start: its loop, its
// metrics, its journal, what is known of its workload, and neither a goroutine nor
// stack while it waits. MEMBERS sets how many there are, HEAP a file for a profile.
func TestMemoryOfAMember(t *testing.T) {
	n := 1000
	if text := os.Getenv("MEMBERS"); text != "" {
		var err error
		if n, err = strconv.Atoi(text); err != nil {
			t.Fatalf("MEMBERS: %v", err)
		}
	}
	synctest.Test(t, func(t *testing.T) {
		server, load := fake.New(), map[string]float64{}
		for i := range n {
			name := fmt.Sprintf("tenant-%05d", i)
			load[name] = float64(20 + i%25)
			server.Create(fake.Object{Namespace: "bpm", Name: name, UID: name, Replicas: 1, Ready: 1})
		}
		client, err := kubeapi.NewREST(&rest.Config{Host: "http://api.test", QPS: -1}, &http.Client{Transport: server})
		if err != nil {
			t.Fatal(err)
		}
		cluster := workload.New(client, gate.New(gate.Load{}), log.NewNopLogger())
		heap, stacks := memory()
		f := New(Options{
			Connect:   func(config.Prometheus) (v1.API, error) { return &tenants{load: load}, nil },
			Workloads: func(ref workload.Ref) loop.Scaler { return cluster.Workload(ref) },
			Watch:     cluster.Watch,
			Metrics:   metrics.New(),
			Journal:   journal.New(32 << 20),
			Logger:    log.NewNopLogger(),
		})
		if err := f.Apply(parse(t, tenantsTarget)); err != nil {
			t.Fatal(err)
		}
		stop := lead(t, f)
		defer stop()
		time.Sleep(95 * time.Second) // between two samples
		synctest.Wait()
		usedHeap, usedStacks := memory()
		heap, stacks = (usedHeap-heap)/n, (usedStacks-stacks)/n
		goroutines := runtime.NumGoroutine()
		t.Logf("%d bytes of heap and %d of stack for each of %d members, %d goroutines", heap, stacks, n, goroutines)
		if heap > 10_000 || stacks > 1000 || goroutines > 50 {
			t.Error("want at most 10,000 bytes of heap, 1,000 of stack, and 50 goroutines in all")
		}
		if file := os.Getenv("HEAP"); file != "" {
			w, err := os.Create(file)
			if err != nil {
				t.Fatal(err)
			}
			defer w.Close()
			if err := pprof.WriteHeapProfile(w); err != nil {
				t.Fatal(err)
			}
		}
	})
}
