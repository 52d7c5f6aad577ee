package event

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-kit/log"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"

	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/gate"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/workload"
)

// What a real API server does with Events is tested in tests/scaler.

func TestFailureIsLoggedOnceAndStopsNothing(t *testing.T) {
	var mu sync.Mutex
	requests, allowed := 0, false
	last := make(chan struct{}) // closed by the last request
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		if requests++; requests == 1003 {
			close(last)
		}
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
	r := NewRecorder(client, gate.New(gate.Load{}), "camunda-scaler", log.NewLogfmtLogger(&text))
	record := func(n int) {
		for range n {
			r.Record(Event{Workload: workload.Ref{APIVersion: "apps/v1", Kind: "Deployment", Namespace: "bpm", Name: "web"}, Reason: "ScaledUp"})
		}
	}
	record(3)
	ctx, cancel := context.WithCancel(t.Context())
	cancel() // what is left is still created
	r.Run(ctx)
	if requests != 3 || strings.Count(text.String(), "cannot create events") != 1 {
		t.Errorf("%d requests, log:\n%s", requests, text.String())
	}
	allowed = true
	record(2000) // more than the queue holds
	ctx, cancel = context.WithCancel(t.Context())
	go func() { <-last; cancel() }()
	r.Run(ctx)
	if requests != 1003 || r.failed {
		t.Errorf("%d requests, want 1003", requests)
	}
}

// hanging is an API server that never answers.
type hanging struct {
	dynamic.NamespaceableResourceInterface
}

func (h hanging) Resource(schema.GroupVersionResource) dynamic.NamespaceableResourceInterface {
	return h
}

func (h hanging) Namespace(string) dynamic.ResourceInterface { return h }

func (h hanging) Create(ctx context.Context, _ *unstructured.Unstructured, _ metav1.CreateOptions, _ ...string) (*unstructured.Unstructured, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}

// However many Events are left, an API server that hangs does not hold up a stop
// for longer than the request under way and one more.
func TestStopIsNotHeldUp(t *testing.T) {
	for range 20 { // whichever of two that are ready Run takes
		synctest.Test(t, func(t *testing.T) {
			r := NewRecorder(hanging{}, gate.New(gate.Load{}), "camunda-scaler", log.NewNopLogger())
			for range 100 {
				r.Record(Event{})
			}
			ctx, cancel := context.WithCancel(t.Context())
			time.AfterFunc(time.Minute, cancel)
			stopped := time.Now().Add(time.Minute)
			r.Run(ctx)
			if took := time.Since(stopped); took > 2*timeout {
				t.Errorf("the stop took %s", took)
			}
		})
	}
}

// The newest Event is the one that counts. What was read is kept for half a
// minute, so that readers do not flood the API server; a failure too.
func TestHistory(t *testing.T) {
	requests, code, selector := 0, http.StatusOK, ""
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		requests++
		selector = r.FormValue("fieldSelector")
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(code)
		if code != http.StatusOK {
			io.WriteString(w, `{"kind":"Status","apiVersion":"v1","status":"Failure","reason":"Forbidden","code":403,"message":"events is forbidden"}`)
			return
		}
		io.WriteString(w, `{"kind":"EventList","apiVersion":"v1","metadata":{},"items":[
			{"lastTimestamp":"2026-11-26T10:00:10Z","reason":"ScaledUp","message":"newest"},
			{"lastTimestamp":"2026-11-26T10:00:00Z","reason":"ScaledDown","message":"older"},
			{"reason":"ScaledDown","message":"without a time"}]}`)
	}))
	defer server.Close()
	client, err := dynamic.NewForConfig(&rest.Config{Host: server.URL, QPS: -1})
	if err != nil {
		t.Fatal(err)
	}
	web := workload.Ref{APIVersion: "apps/v1", Kind: "Deployment", Namespace: "bpm", Name: "web"}
	h := NewHistory(client, "camunda-scaler")
	for range 3 {
		if got, err := h.Last(t.Context(), web); err != nil || got.Message != "newest" || got.Reason != "ScaledUp" || got.Time.Second() != 10 {
			t.Errorf("got %+v, %v", got, err)
		}
	}
	if requests != 1 || selector != "involvedObject.kind=Deployment,involvedObject.name=web,reportingComponent=camunda-scaler" {
		t.Errorf("%d requests, the last for %s", requests, selector)
	}
	code = http.StatusForbidden
	other := web
	other.Name = "other"
	for range 3 {
		if _, err := h.Last(t.Context(), other); err == nil || !strings.Contains(err.Error(), "list the Events of deployment/other in namespace bpm: events is forbidden") {
			t.Errorf("got %v", err)
		}
	}
	if requests != 2 {
		t.Errorf("%d requests", requests)
	}
	for i := range 2 * keepAll {
		h.read[workload.Ref{Name: strings.Repeat("x", i)}] = past{}
	}
	if _, _ = h.Last(t.Context(), workload.Ref{Namespace: "bpm", Name: "third"}); len(h.read) > 1 {
		t.Errorf("%d workloads are remembered", len(h.read))
	}
}
