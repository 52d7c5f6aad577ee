package scaler

import (
	"fmt"
	"net/http"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"k8s.io/client-go/rest"

	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/app"
)

// late passes on what is written to a watch after a while.
type late struct {
	http.ResponseWriter
	chunks chan chunk
}

type chunk struct {
	due  time.Time
	text []byte
}

func (l late) Write(text []byte) (int, error) {
	l.chunks <- chunk{time.Now().Add(podsLate), slices.Clone(text)}
	return len(text), nil
}

// pass writes each chunk when it is due.
func (l late) pass() {
	flush := http.NewResponseController(l.ResponseWriter)
	for c := range l.chunks {
		time.Sleep(time.Until(c.due))
		_, _ = l.ResponseWriter.Write(c.text)
		_ = flush.Flush()
	}
}

const podsLate = 300 * time.Millisecond

// The ReplicaSet controller watches Pods and ReplicaSets apart. It ends the idle
// Pod even if it sees Pods later than ReplicaSets, as it does on a busy machine.
// This test is not parallel, as all share the controller manager.
func TestGentleStepsDownWhenPodsAreSeenLate(t *testing.T) {
	config, err := app.KubeConfig(cluster.Kubeconfig)
	if err != nil {
		t.Fatal(err)
	}
	transport, err := rest.TransportFor(config)
	if err != nil {
		t.Fatal(err)
	}
	proxy := newFaulty(t, cluster.URL, transport)
	proxy.begin(func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		if r.URL.Path != "/api/v1/pods" || r.URL.Query().Get("watch") == "" {
			next.ServeHTTP(w, r)
			return
		}
		l := late{w, make(chan chunk, 10_000)}
		passed := make(chan struct{})
		go func() { defer close(passed); l.pass() }()
		defer func() { close(l.chunks); <-passed }()
		next.ServeHTTP(l, r)
	})
	kubeconfig := filepath.Join(t.TempDir(), "kubeconfig")
	write(t, kubeconfig, fmt.Sprintf(`{apiVersion: v1, kind: Config, current-context: x,
clusters: [{name: x, cluster: {server: %q}}], users: [{name: x, user: {}}], contexts: [{name: x, context: {cluster: x, user: x}}]}`, proxy.URL))
	cluster.StopControllerManager()
	if err := cluster.StartControllerManager(shared, "--kubeconfig="+kubeconfig); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cluster.StopControllerManager()
		if err := cluster.StartControllerManager(shared); err != nil {
			t.Fatal(err)
		}
	})

	ns := namespace(t)
	createWorkload(t, ns, "Deployment", "camunda-deployment", 4)
	names := awaitPods(t, ns, 4)
	works := map[string]int{names[0]: 1, names[1]: 1, names[2]: 0, names[3]: 1}
	// The idle Pod worked when a step was taken last. With this alone, a busy one goes.
	path := "/api/v1/namespaces/" + ns + "/pods/" + names[2]
	mark := object{"metadata": object{"annotations": object{"controller.kubernetes.io/pod-deletion-cost": "9"}}}
	if err := cluster.Request(t.Context(), http.MethodPatch, path, mark, nil); err != nil {
		t.Fatal(err)
	}
	target := newScraped(t, busy(35, works))
	prom := startPrometheus(t, target, time.Second)
	s := startScaler(t, nil, zeroFile(t, prom, ns, fmt.Sprintf(gentle, "1h", "hold")))
	s.awaitReason(t, 0, "within_bounds")
	target.set(busy(25, works))
	awaitReplicas(t, ns, 3)
	if got := awaitPods(t, ns, 3); slices.Contains(got, names[2]) {
		t.Errorf("%v are left, but %s did not work", got, names[2])
	}
}
