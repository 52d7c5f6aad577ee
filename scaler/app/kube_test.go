package app

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"k8s.io/client-go/rest"

	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/workload"
)

// Whatever the API server answers, a request is made once, at once, and its
// failure is what it says: not a timeout, and not a conflict of a write with
// itself.
func TestOneRequestEach(t *testing.T) {
	fail := func(code int, reason, after string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			if after != "" {
				w.Header().Set("Retry-After", after)
			}
			w.WriteHeader(code)
			fmt.Fprintf(w, `{"kind":"Status","apiVersion":"v1","status":"Failure","reason":%q,"code":%d,"message":"no"}`, reason, code)
		}
	}
	for _, c := range []struct {
		name string
		fail http.HandlerFunc
		want workload.Cause
	}{
		{"429", fail(429, "TooManyRequests", ""), workload.CauseThrottled},
		{"429 with Retry-After 0", fail(429, "TooManyRequests", "0"), workload.CauseThrottled},
		{"429 with Retry-After 1", fail(429, "TooManyRequests", "1"), workload.CauseThrottled},
		{"429 with Retry-After 30", fail(429, "TooManyRequests", "30"), workload.CauseThrottled},
		{"500 with Retry-After 1", fail(500, "InternalError", "1"), workload.CauseServer},
		{"503 with Retry-After 1", fail(503, "ServiceUnavailable", "1"), workload.CauseServer},
		{"closed connection", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, workload.CauseConnection},
	} {
		t.Run(c.name, func(t *testing.T) {
			var requests atomic.Int32
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				requests.Add(1)
				c.fail(w, r)
			}))
			defer server.Close()
			workloads, err := NewWorkloads(&rest.Config{Host: server.URL, QPS: -1})
			if err != nil {
				t.Fatal(err)
			}
			for verb, request := range map[string]func(*workload.Workload) error{
				"read": func(w *workload.Workload) error { _, err := w.Get(t.Context()); return err },
				"write": func(w *workload.Workload) error {
					return w.Set(t.Context(), workload.Scale{ResourceVersion: "1", Replicas: 1}, 2)
				},
				"list": func(w *workload.Workload) error { _, err := w.ScaledByHPA(t.Context()); return err },
			} {
				requests.Store(0)
				started := time.Now()
				err := request(workloads.New(workload.Ref{APIVersion: "apps/v1", Kind: "Deployment", Namespace: "default", Name: "web"}))
				if err == nil || workload.CauseOf(err) != c.want {
					t.Errorf("%s: got %v (%s), want %s", verb, err, workload.CauseOf(err), c.want)
				}
				if n, took := requests.Load(), time.Since(started); n != 1 || took > time.Second {
					t.Errorf("%s: %d requests in %s, want one at once", verb, n, took)
				}
			}
		})
	}
}
