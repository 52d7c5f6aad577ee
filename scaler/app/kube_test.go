package app

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-kit/log"
	"k8s.io/client-go/rest"

	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/gate"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/workload"
)

// A kubeconfig is looked for where kubectl looks for it, but in a Pod the
// service account comes before the home directory. Without any, the error names
// what was tried.
func TestKubeConfig(t *testing.T) {
	dir := t.TempDir()
	home := filepath.Join(dir, "home")
	file := func(path, server string) string {
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		text := fmt.Sprintf(`{apiVersion: v1, kind: Config, current-context: x, contexts: [{name: x, context: {cluster: x, user: x, namespace: other}}],
clusters: [{name: x, cluster: {server: %q}}], users: [{name: x, user: {}}]}`, server)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	file(filepath.Join(home, ".kube", "config"), "https://home")
	named, missing := file(filepath.Join(dir, "named"), "https://named"), filepath.Join(dir, "missing")
	broken := filepath.Join(dir, "broken")
	if err := os.WriteFile(broken, []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	const tried = "--kubeconfig and KUBECONFIG are not set, this is not a Pod (KUBERNETES_SERVICE_HOST is not set), and "
	for _, c := range []struct {
		name, kubeconfig, home, pod string
		host, err                   string
	}{
		{name: "named", kubeconfig: named, home: home, host: "https://named"},
		{name: "named in a Pod", kubeconfig: named, home: home, pod: "10.0.0.1", host: "https://named"},
		{name: "several named, one missing", kubeconfig: missing + string(filepath.ListSeparator) + named, home: home, host: "https://named"},
		{name: "home", home: home, host: "https://home"},
		{name: "Pod before home", home: home, pod: "10.0.0.1", err: "use the Pod's service account: open /var/run/secrets/"},
		{name: "named and missing", kubeconfig: missing, home: home, err: "read the kubeconfig " + missing},
		{name: "named and broken", kubeconfig: broken, home: home, err: "read the kubeconfig " + broken},
		{name: "nothing at home", home: dir, err: tried + filepath.Join(dir, ".kube", "config") + " does not exist: set --kubeconfig"},
		{name: "no home", err: tried + "there is no home directory to look for .kube/config in: set --kubeconfig"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Setenv("KUBERNETES_SERVICE_HOST", c.pod)
			t.Setenv("KUBERNETES_SERVICE_PORT", "443")
			got, err := kubeConfig(c.kubeconfig, c.home)
			switch {
			case c.err != "" && (err == nil || !strings.HasPrefix(err.Error(), c.err)):
				t.Errorf("got %v, want %s", err, c.err)
			case c.err == "" && (err != nil || got.Host != c.host):
				t.Errorf("got %v, %v, want %s", got, err, c.host)
			}
		})
	}
}

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
			for verb, request := range map[string]func(*workload.Workload) error{
				"read": func(w *workload.Workload) error { _, err := w.Get(t.Context()); return err },
				"write": func(w *workload.Workload) error {
					return w.Set(t.Context(), workload.Scale{ResourceVersion: "1", Replicas: 1}, 2)
				},
				"list": func(w *workload.Workload) error { _, err := w.ScaledByHPA(t.Context()); return err },
			} {
				kube, err := NewKube(&rest.Config{Host: server.URL, QPS: -1}, gate.Load{}, log.NewNopLogger())
				if err != nil {
					t.Fatal(err)
				}
				requests.Store(0)
				started := time.Now()
				err = request(kube.Workload(workload.Ref{APIVersion: "apps/v1", Kind: "Deployment", Namespace: "default", Name: "web"}))
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

// What the API server says of too many requests is heard by all: the next one
// waits for as long as it asked.
func TestTooManyRequestsSlowAllDown(t *testing.T) {
	var at []time.Time
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if at = append(at, time.Now()); len(at) == 1 {
			w.Header().Set("Retry-After", "1")
		}
		w.WriteHeader(http.StatusTooManyRequests)
	}))
	defer server.Close()
	kube, err := NewKube(&rest.Config{Host: server.URL, QPS: -1}, gate.Load{}, log.NewNopLogger())
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"first", "second"} {
		if err := kube.Workload(workload.Ref{APIVersion: "apps/v1", Kind: "Deployment", Namespace: "default", Name: name}).Set(t.Context(), workload.Scale{}, 2); workload.CauseOf(err) != workload.CauseThrottled {
			t.Errorf("got %v", err)
		}
	}
	if len(at) != 2 || at[1].Sub(at[0]) < time.Second {
		t.Errorf("requests at %v, want two, a second apart", at)
	}
}
