package workload

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/go-kit/log"
	"github.com/go-kit/log/level"
	"k8s.io/client-go/rest"

	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/gate"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/kubeapi"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/workload/fake"
)

// web is the workload of most tests.
var web = Ref{"apps/v1", "Deployment", "bpm", "web"}

func newServer() *fake.Server {
	return fake.New(fake.Object{Namespace: "bpm", Name: "web", UID: "u", Replicas: 1, Ready: 1})
}

// fixture is a cluster in memory.
type fixture struct {
	*fake.Server
	*Cluster
	gate *gate.Gate
	text *strings.Builder // logged at info and above
}

func newFixture(t *testing.T, s *fake.Server, l gate.Load) *fixture {
	t.Helper()
	client, err := kubeapi.NewREST(&rest.Config{Host: "http://api.test", QPS: -1}, &http.Client{Transport: s})
	if err != nil {
		t.Fatal(err)
	}
	text := &strings.Builder{}
	through := gate.New(l)
	return &fixture{s, New(client, through, level.NewFilter(log.NewLogfmtLogger(log.NewSyncWriter(text)), level.AllowInfo())), through, text}
}

// simulate runs a test in virtual time.
func simulate(t *testing.T, s *fake.Server, test func(t *testing.T, f *fixture)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, s, gate.Load{})
		test(t, f)
		f.Watch(nil)
	})
}

// whileWatching runs a test in virtual time while one workload is watched, and
// returns what is logged at info and above.
func whileWatching(t *testing.T, s *fake.Server, test func(t *testing.T, w *Workload)) (logged string) {
	t.Helper()
	simulate(t, s, func(t *testing.T, f *fixture) {
		f.Watch([]Ref{web})
		synctest.Wait()
		test(t, f.Workload(web))
		f.Watch(nil)
		logged = f.text.String()
	})
	return logged
}

func mustGet(t *testing.T, w *Workload) Scale {
	t.Helper()
	scale, err := w.Get(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return scale
}

// names returns refs of so many Deployments in a namespace, which the server
// gets.
func names(s *fake.Server, namespace string, n int) (refs []Ref) {
	for i := range n {
		name := fmt.Sprintf("web-%05d", i)
		s.Create(fake.Object{Namespace: namespace, Name: name, UID: namespace + name, Replicas: 1, Ready: 1})
		refs = append(refs, Ref{"apps/v1", "Deployment", namespace, name})
	}
	return refs
}

// newWorkload returns a workload on a server that answers as h does.
func newWorkload(t *testing.T, h http.HandlerFunc) *Workload {
	t.Helper()
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	client, err := kubeapi.NewREST(&rest.Config{Host: server.URL, QPS: -1}, http.DefaultClient)
	if err != nil {
		t.Fatal(err)
	}
	return New(client, gate.New(gate.Load{}), log.NewNopLogger()).Workload(web)
}

func status(code int, reason string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(code)
		fmt.Fprintf(w, `{"kind":"Status","apiVersion":"v1","status":"Failure","reason":%q,"code":%d,"message":"no"}`, reason, code)
	}
}

func set(t *testing.T, w *Workload, read Scale, replicas int32) error {
	t.Helper()
	return w.Set(context.WithoutCancel(t.Context()), read, replicas)
}
