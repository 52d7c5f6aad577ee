package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/go-kit/log"

	"github.com/camunda-autoscaler/camunda-autoscaler/examples/scan-workers/api"
	"github.com/camunda-autoscaler/camunda-autoscaler/examples/scan-workers/queue"
	"github.com/camunda-autoscaler/camunda-autoscaler/examples/scan-workers/rabbitmq"
	"github.com/camunda-autoscaler/camunda-autoscaler/examples/scan-workers/rig"
	"github.com/camunda-autoscaler/camunda-autoscaler/examples/scan-workers/steps"
	"github.com/camunda-autoscaler/camunda-autoscaler/testbed/pods"
)

const every = 2 * time.Second // scrapes and decisions

// always is a calendar that is active at any time.
func always(replicas int) []rig.Object {
	return []rig.Object{{
		"name": "office hours", "location": "Europe/Berlin", "min_replicas": replicas,
		"times": []rig.Object{{"weekdays": []string{"sunday:saturday"}}},
	}}
}

// TestExample brings all up once. Its times are a third of the README's, but for
// those of Prometheus and the ReplicaSet.
func TestExample(t *testing.T) {
	if missing := rabbitmq.Missing(); missing != "" {
		t.Skip(missing)
	}
	ways := []steps.Way{
		{Name: "scaler with busy_pods", Prefix: "gentle", Pools: 6, Target: rig.Gentle},
		{Name: "scaler without busy_pods", Prefix: "plain", Pools: 2, Target: rig.Plain},
	}
	weekday, weekend := rig.Gentle("weekday", every), rig.Gentle("weekend", every)
	weekday["calendar"] = always(2)
	r, err := rig.Up(t.Context(), t.TempDir(), rig.Options{
		Pools:  append(steps.Pools(ways, every), rig.Pool{Name: "weekday", Target: weekday}, rig.Pool{Name: "weekend", Target: weekend}),
		Scrape: every, Decide: every, Grace: 10, Give: 5 * time.Second,
	})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if t.Failed() {
			t.Logf("problems in Pods: %v", r.Problems())
		}
		r.Down()
	}()

	t.Run("with nothing to do, there are as many workers as the calendar says", func(t *testing.T) {
		reach(t, r, "weekend", 0)
		reach(t, r, "weekday", 2)
	})
	t.Run("from nothing, the first job has a worker at once", func(t *testing.T) {
		service := &api.API{URL: r.RabbitMQ.URL, Names: queue.NewNames("weekend"), Log: log.NewNopLogger()}
		go service.Run(t.Context())
		server := httptest.NewServer(service.Handler())
		defer server.Close()
		wait(t, "the API", func() bool { return call(t, http.MethodGet, server.URL+"/-/ready", "", nil) == http.StatusOK })
		sent := time.Now()
		var job queue.Job
		if status := call(t, http.MethodPost, server.URL+"/scans", `{"repository": "team/a", "commit": "c0ffee", "seconds": 1}`, &job); status != http.StatusAccepted || job.ID == "" {
			t.Fatalf("the API answers %d, %+v", status, job)
		}
		var results []queue.Result
		wait(t, "the result", func() bool {
			call(t, http.MethodGet, server.URL+"/results", "", &results)
			return len(results) > 0
		})
		if len(results) != 1 || results[0].Job != job {
			t.Errorf("the results are %+v; want one, of the job %+v", results, job)
		}
		started, ready := r.First(pods.Started, sent).Sub(sent), r.First(pods.Ready, sent).Sub(sent)
		t.Logf("the first Pod was started %.1f s after the first job, and ready after %.1f s, with scrapes and decisions every %s",
			started.Seconds(), ready.Seconds(), every)
		// A tick of the queue, a scrape and a decision; twice that on a busy machine.
		if started < 0 || started > 2*(time.Second+2*every) {
			t.Errorf("it took %s", started)
		}
	})
	t.Run("steps down interrupt nothing", func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
		defer cancel()
		panels := make(chan []string, 1)
		go func() { panels <- emptyPanels(ctx, r, text(t, workers+"/files/dashboard.json"), "gentle-1") }()
		rows, err := steps.Measure(ctx, r, ways, steps.Load{Burst: 10, Shortest: 2, Longest: 20, Bursts: 2}, t.Output())
		if err != nil {
			t.Fatal(err)
		}
		var table strings.Builder
		steps.Markdown(&table, rows)
		t.Logf("\n%s", table.String())
		for _, e := range r.Events() {
			if e.Kind == pods.Killed || e.Kind == pods.Unready {
				t.Logf("%s %s %s", e.At.UTC().Format("15:04:05.000"), e.Pod.Metadata.Name, e.Kind)
			}
		}
		gentle, plain := rows[0], rows[1]
		if gentle.Steps < 50 || gentle.Interrupted != 0 || gentle.GivenBack != 0 {
			t.Errorf("%d steps down interrupted %d jobs, and had %d given back: want 50 steps or more, and 0 jobs", gentle.Steps, gentle.Interrupted, gentle.GivenBack)
		}
		steps.WriteRemoved(t.Output(), rows, gentle.Way.Prefix)
		if gentle.Interrupted+gentle.Finished > 0 { // a busy worker was removed
			t.Logf("the scaler's log:\n%s", text(t, r.ScalerLog))
		}
		t.Logf("jobs that a removed worker finished: %d of %d workers with busy_pods, %d of %d without", gentle.Finished, gentle.Removed, plain.Finished, plain.Removed)
		if plain.Interrupted+plain.GivenBack+plain.Finished == 0 {
			t.Error("the steps without busy_pods removed no busy worker: this test cannot fail")
		}
		cancel()
		for _, empty := range <-panels {
			t.Errorf("the dashboard's panel never has a series: %s", empty)
		}
	})
}

// reach waits until a pool has a number of workers.
func reach(t *testing.T, r *rig.Rig, pool string, pods int) {
	t.Helper()
	wait(t, fmt.Sprintf("%d workers of %s", pods, pool), func() bool {
		s, err := r.State(t.Context(), pool)
		if err != nil {
			t.Fatal(err)
		}
		return s.Replicas == pods && s.Pods == pods
	})
}

func wait(t *testing.T, what string, enough func() bool) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); !enough(); time.Sleep(100 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited a minute for %s", what)
		}
	}
}

// call makes a request, and returns the status; a body of 2xx is decoded into
// result, unless that is nil.
func call(t *testing.T, method, url, body string, result any) int {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if result != nil && response.StatusCode/100 == 2 {
		if err := json.NewDecoder(response.Body).Decode(result); err != nil {
			t.Fatalf("%s %s: %v", method, url, err)
		}
	}
	return response.StatusCode
}

// emptyPanels sends the panels' queries to Prometheus until each has had a
// series, or ctx ends, and returns the queries that had none.
func emptyPanels(ctx context.Context, r *rig.Rig, dashboard, pool string) (empty []string) {
	var d struct {
		Panels []struct{ Targets []struct{ Expr string } }
	}
	if err := json.Unmarshal([]byte(dashboard), &d); err != nil {
		return []string{err.Error()}
	}
	for _, panel := range d.Panels {
		for _, target := range panel.Targets {
			empty = append(empty, strings.NewReplacer("$queue", pool, "$__rate_interval", "30s").Replace(target.Expr))
		}
	}
	for len(empty) > 0 && ctx.Err() == nil {
		var still []string
		for _, query := range empty {
			if _, ok, err := r.Prometheus.Query(ctx, query); !ok || err != nil {
				still = append(still, query)
			}
		}
		empty = still
		select {
		case <-time.After(every):
		case <-ctx.Done():
		}
	}
	return empty
}
