package kube

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"testing"
	"time"
)

// TestCluster starts one control plane and looks at it from several sides.
func TestCluster(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Minute) // a first build included
	defer cancel()
	cluster, err := Start(ctx, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cluster.Stop)

	t.Run("a Deployment gets its Pods", func(t *testing.T) {
		for range 2 { // which adds up
			if err := cluster.StartNodes(ctx, 1); err != nil {
				t.Fatal(err)
			}
		}
		if err := cluster.Request(ctx, http.MethodPost, deployments, newDeployment("web", 3), nil); err != nil {
			t.Fatal(err)
		}
		waitForReplicas(t, cluster, "web", 3)
		scale := object{"spec": object{"replicas": 1}}
		if err := cluster.Request(ctx, http.MethodPatch, deployments+"/web/scale", scale, nil); err != nil {
			t.Fatal(err)
		}
		waitForReplicas(t, cluster, "web", 1)
	})

	t.Run("a user may do nothing at first", func(t *testing.T) {
		client, err := cluster.authority.httpClient("jane", "developers")
		if err != nil {
			t.Fatal(err)
		}
		err = get(ctx, client, cluster.URL+deployments)
		var status *StatusError
		if !errors.As(err, &status) || status.Code != http.StatusForbidden {
			t.Fatalf("got %v, want status 403", err)
		}
	})

	t.Run("the API server comes back with its data", func(t *testing.T) {
		cluster.StopAPIServer()
		if err := cluster.Request(ctx, http.MethodGet, "/readyz", nil, nil); err == nil {
			t.Fatal("the API server still answers")
		}
		if err := cluster.StartAPIServer(ctx); err != nil {
			t.Fatal(err)
		}
		scale := object{"spec": object{"replicas": 2}}
		if err := cluster.Request(ctx, http.MethodPatch, deployments+"/web/scale", scale, nil); err != nil {
			t.Fatal(err)
		}
		waitForReplicas(t, cluster, "web", 2)
	})

	t.Run("stopping twice is harmless", func(t *testing.T) {
		cluster.Stop()
		cluster.Stop()
		if err := cluster.Request(ctx, http.MethodGet, "/readyz", nil, nil); err == nil {
			t.Fatal("the API server still answers")
		}
	})
}

const deployments = "/apis/apps/v1/namespaces/default/deployments"

func newDeployment(name string, replicas int) object {
	labels := object{"app": name}
	return object{
		"apiVersion": "apps/v1",
		"kind":       "Deployment",
		"metadata":   object{"name": name},
		"spec": object{
			"replicas": replicas,
			"selector": object{"matchLabels": labels},
			"template": object{
				"metadata": object{"labels": labels},
				"spec":     object{"containers": []object{{"name": "main", "image": "none"}}},
			},
		},
	}
}

// waitForReplicas waits until that many Pods, no more, exist and are ready.
func waitForReplicas(t *testing.T, cluster *Cluster, name string, want int) {
	t.Helper()
	err := await(t.Context(), cluster.controllers, "replicas", func(ctx context.Context) error {
		var deployment struct {
			Status struct{ Replicas, ReadyReplicas int }
		}
		err := cluster.Request(ctx, http.MethodGet, deployments+"/"+name, nil, &deployment)
		if got := deployment.Status; err == nil && (got.Replicas != want || got.ReadyReplicas != want) {
			err = fmt.Errorf("%d replicas, %d of them ready; want %d", got.Replicas, got.ReadyReplicas, want)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}
