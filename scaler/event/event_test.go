package event

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/go-kit/log"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"

	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/workload"
)

// What a real API server does with Events is tested in tests/scaler.

func TestFailureIsLoggedOnceAndStopsNothing(t *testing.T) {
	var mu sync.Mutex
	requests, allowed := 0, false
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		requests++
		w.Header().Set("Content-Type", "application/json")
		if !allowed {
			w.WriteHeader(http.StatusForbidden)
			io.WriteString(w, `{"kind":"Status","apiVersion":"v1","status":"Failure","reason":"Forbidden","code":403,"message":"no"}`)
			return
		}
		io.Copy(w, r.Body)
	}))
	defer server.Close()
	client, err := dynamic.NewForConfig(&rest.Config{Host: server.URL, QPS: -1})
	if err != nil {
		t.Fatal(err)
	}
	var text strings.Builder
	r := NewRecorder(client, "camunda-scaler", log.NewLogfmtLogger(&text))
	run := func(n int) {
		for range n {
			r.Record(Event{Workload: workload.Ref{APIVersion: "apps/v1", Kind: "Deployment", Namespace: "bpm", Name: "web"}, Reason: "ScaledUp"})
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel() // what is left is still created
		r.Run(ctx)
	}
	run(3)
	if requests != 3 || strings.Count(text.String(), "cannot create events") != 1 {
		t.Errorf("%d requests, log:\n%s", requests, text.String())
	}
	allowed = true
	run(2000) // more than the queue holds
	if requests != 1003 || r.failed {
		t.Errorf("%d requests, want 1003", requests)
	}
}
