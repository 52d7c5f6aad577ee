// Package scaler tests the scaler against a real API server and a real
// Prometheus.
package scaler

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"k8s.io/client-go/rest"

	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/app"
	"github.com/camunda-autoscaler/camunda-autoscaler/testbed/build"
	"github.com/camunda-autoscaler/camunda-autoscaler/testbed/kube"
)

// What all tests share: one cluster, each test in a namespace of its own, and
// the programs. The controller-manager runs, but there are no nodes.
var (
	shared   context.Context // ends with the tests
	cluster  *kube.Cluster
	products build.Products
	program  string // the scaler's
)

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	shared = ctx
	dir, err := os.MkdirTemp("", "tests-scaler-")
	if err != nil {
		return failed(err)
	}
	defer os.RemoveAll(dir)
	if products, err = build.Project(ctx, filepath.Join(dir, "products"), true); err != nil {
		return failed(err)
	}
	program = products.Scaler
	if cluster, err = kube.Start(ctx, filepath.Join(dir, "cluster")); err != nil {
		return failed(err)
	}
	defer cluster.Stop()
	return m.Run()
}

func failed(err error) int {
	fmt.Fprintln(os.Stderr, err)
	return 1
}

type object = map[string]any

// namespace makes a namespace for the test.
func namespace(t *testing.T) string {
	t.Helper()
	name := strings.Trim(strings.ToLower(strings.NewReplacer("_", "-", "/", "-").Replace(t.Name())), "-")
	name = strings.Trim(name[:min(len(name), 60)], "-")
	create(t, "/api/v1/namespaces", object{"apiVersion": "v1", "kind": "Namespace", "metadata": object{"name": name}})
	return name
}

// create creates an object as administrator.
func create(t *testing.T, path string, o object) {
	t.Helper()
	if err := cluster.Request(t.Context(), http.MethodPost, path, o, nil); err != nil {
		t.Fatal(err)
	}
}

// createWorkload creates a Deployment, ReplicaSet or StatefulSet.
func createWorkload(t *testing.T, namespace, kind, name string, replicas int) {
	t.Helper()
	w := workloadOf(kind, name)
	w["spec"].(object)["replicas"] = replicas
	create(t, "/apis/apps/v1/namespaces/"+namespace+"/"+strings.ToLower(kind)+"s", w)
}

// workloadOf is a manifest without replicas.
func workloadOf(kind, name string) object {
	labels := object{"app": name}
	spec := object{
		"selector": object{"matchLabels": labels},
		"template": object{
			"metadata": object{"labels": labels},
			"spec":     object{"containers": []object{{"name": "main", "image": "none"}}},
		},
	}
	if kind == "StatefulSet" {
		spec["serviceName"] = name
	}
	return object{"apiVersion": "apps/v1", "kind": kind, "metadata": object{"name": name}, "spec": spec}
}

// apply is kubectl apply --server-side.
func apply(t *testing.T, path, manager string, o object) {
	t.Helper()
	config, err := app.KubeConfig(cluster.Kubeconfig)
	if err != nil {
		t.Fatal(err)
	}
	client, err := rest.HTTPClientFor(config)
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(o)
	if err != nil {
		t.Fatal(err)
	}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPatch, cluster.URL+path+"?fieldManager="+manager, bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/apply-patch+yaml")
	resp, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if body, _ := io.ReadAll(resp.Body); resp.StatusCode/100 != 2 {
		t.Fatalf("apply %s: %s: %s", path, resp.Status, body)
	}
}

// replicas reads spec.replicas from the workload itself, not its scale.
func replicas(t *testing.T, namespace, resource, name string) int {
	t.Helper()
	var got struct{ Spec struct{ Replicas int } }
	if err := cluster.Request(t.Context(), http.MethodGet, "/apis/"+resource[:strings.LastIndex(resource, "/")]+"/namespaces/"+namespace+"/"+resource[strings.LastIndex(resource, "/")+1:]+"/"+name, nil, &got); err != nil {
		t.Fatal(err)
	}
	return got.Spec.Replicas
}

// startAPIServer ends a StopAPIServer.
func startAPIServer(t *testing.T) {
	t.Helper()
	if err := cluster.StartAPIServer(shared); err != nil {
		t.Fatal(err)
	}
}

// await polls until probe returns "", or fails with what it last returned.
func await(t *testing.T, probe func() string) {
	t.Helper()
	last := ""
	for deadline := time.Now().Add(3 * time.Minute); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		if last = probe(); last == "" {
			return
		}
	}
	t.Fatalf("not within three minutes: %s", last)
}

// exitCode returns the code of a process that has ended, -1 if it was killed.
func exitCode(err error) int {
	var exit *exec.ExitError
	switch {
	case err == nil:
		return 0
	case errors.As(err, &exit):
		return exit.ExitCode()
	default:
		return -1
	}
}

// runWithInput runs a program and returns what it prints.
func runWithInput(ctx context.Context, input, path string, args ...string) (string, error) {
	c := exec.CommandContext(ctx, path, args...)
	c.Stdin = strings.NewReader(input)
	out, err := c.CombinedOutput()
	return string(out), err
}
