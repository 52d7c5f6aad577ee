package scaler

import (
	"net/http"
	"testing"

	"github.com/go-kit/log"

	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/app"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/gate"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/workload"
)

// newWorkload returns a workload as the scaler itself would make it.
func newWorkload(t *testing.T, kubeconfig string, ref workload.Ref) *workload.Workload {
	t.Helper()
	c, err := app.KubeConfig(kubeconfig)
	if err != nil {
		t.Fatal(err)
	}
	kube, err := app.NewKube(c, gate.Load{}, log.NewNopLogger())
	if err != nil {
		t.Fatal(err)
	}
	return kube.Workload(ref)
}

func TestScaleSubresource(t *testing.T) {
	t.Parallel()
	ns := namespace(t)
	create(t, "/apis/apiextensions.k8s.io/v1/customresourcedefinitions", engineCRD)
	await(t, func() string {
		if err := cluster.Request(t.Context(), http.MethodGet, "/apis/example.com/v1/namespaces/"+ns+"/engines", nil, nil); err != nil {
			return err.Error()
		}
		return ""
	})
	createWorkload(t, ns, "Deployment", "web", 1)
	createWorkload(t, ns, "ReplicaSet", "web", 1)
	createWorkload(t, ns, "StatefulSet", "web", 1)
	create(t, "/apis/example.com/v1/namespaces/"+ns+"/engines", object{
		"apiVersion": "example.com/v1", "kind": "Engine", "metadata": object{"name": "web"}, "spec": object{"replicas": 1},
	})
	for _, c := range []struct{ apiVersion, kind, resource string }{
		{"apps/v1", "Deployment", "apps/v1/deployments"},
		{"apps/v1", "ReplicaSet", "apps/v1/replicasets"},
		{"apps/v1", "StatefulSet", "apps/v1/statefulsets"},
		{"example.com/v1", "Engine", "example.com/v1/engines"},
	} {
		t.Run(c.kind, func(t *testing.T) {
			w := newWorkload(t, cluster.Kubeconfig, workload.Ref{APIVersion: c.apiVersion, Kind: c.kind, Namespace: ns, Name: "web"})
			read, err := w.Get(t.Context())
			if err != nil || read.Replicas != 1 {
				t.Fatalf("got %+v, %v; want 1 replica", read, err)
			}
			if err := w.Set(t.Context(), read, 3); err != nil {
				t.Fatal(err)
			}
			if got := replicas(t, ns, c.resource, "web"); got != 3 {
				t.Errorf("%s has %d replicas, want 3", c.kind, got)
			}
			if read, err = w.Get(t.Context()); err != nil || read.Replicas != 3 {
				t.Errorf("got %+v, %v; want 3 replicas", read, err)
			}
			// Zero is left out of the answer by the server, and is no error.
			// (The controllers write the status meanwhile, which is a conflict.)
			await(t, func() string {
				if read, err = w.Get(t.Context()); err != nil {
					return err.Error()
				}
				if err := w.Set(t.Context(), read, 0); err != nil {
					return err.Error()
				}
				return ""
			})
			if read, err = w.Get(t.Context()); err != nil || read.Replicas != 0 {
				t.Errorf("got %+v, %v; want 0 replicas", read, err)
			}
		})
	}
}

var engineCRD = object{
	"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
	"metadata": object{"name": "engines.example.com"},
	"spec": object{
		"group": "example.com", "scope": "Namespaced",
		"names": object{"plural": "engines", "singular": "engine", "kind": "Engine"},
		"versions": []object{{
			"name": "v1", "served": true, "storage": true,
			"schema": object{"openAPIV3Schema": object{"type": "object", "properties": object{
				"spec":   object{"type": "object", "properties": object{"replicas": object{"type": "integer"}}},
				"status": object{"type": "object", "properties": object{"replicas": object{"type": "integer"}}},
			}}},
			"subresources": object{"status": object{}, "scale": object{
				"specReplicasPath": ".spec.replicas", "statusReplicasPath": ".status.replicas",
			}},
		}},
	},
}

// A write that is based on an old read must not undo what happened since.
func TestStaleResourceVersionIsAConflict(t *testing.T) {
	t.Parallel()
	ns := namespace(t)
	createWorkload(t, ns, "Deployment", "web", 1)
	w := newWorkload(t, cluster.Kubeconfig, workload.Ref{APIVersion: "apps/v1", Kind: "Deployment", Namespace: ns, Name: "web"})
	read, err := w.Get(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	byHand := object{"spec": object{"replicas": 7}}
	if err := cluster.Request(t.Context(), http.MethodPatch, "/apis/apps/v1/namespaces/"+ns+"/deployments/web/scale", byHand, nil); err != nil {
		t.Fatal(err)
	}
	err = w.Set(t.Context(), read, 2)
	if cause := workload.CauseOf(err); err == nil || cause != workload.CauseConflict {
		t.Errorf("got %v (%s), want a conflict", err, cause)
	}
	if got := replicas(t, ns, "apps/v1/deployments", "web"); got != 7 {
		t.Errorf("%d replicas, want the 7 that were set by hand", got)
	}
}

func TestCauses(t *testing.T) {
	ns := namespace(t)
	createWorkload(t, ns, "Deployment", "web", 1)
	stranger, err := cluster.UserKubeconfig("stranger")
	if err != nil {
		t.Fatal(err)
	}
	web := workload.Ref{APIVersion: "apps/v1", Kind: "Deployment", Namespace: ns, Name: "web"}
	check := func(name, kubeconfig string, ref workload.Ref, want workload.Cause) {
		t.Run(name, func(t *testing.T) {
			_, err := newWorkload(t, kubeconfig, ref).Get(t.Context())
			if got := workload.CauseOf(err); err == nil || got != want {
				t.Errorf("got %v (%s), want %s", err, got, want)
			}
			t.Log(err)
		})
	}
	missing, kindless, scaleless := web, web, web
	missing.Name = "nothing"
	kindless.APIVersion, kindless.Kind = "example.org/v1", "Engine"
	scaleless.APIVersion, scaleless.Kind = "v1", "ConfigMap"
	check("no rights", stranger, web, workload.CauseForbidden)
	check("no such workload", cluster.Kubeconfig, missing, workload.CauseNotFound)
	check("no such kind", cluster.Kubeconfig, kindless, workload.CauseNotFound)
	check("no scale subresource", cluster.Kubeconfig, scaleless, workload.CauseNotFound)

	t.Run("invalid", func(t *testing.T) {
		w := newWorkload(t, cluster.Kubeconfig, web)
		read, err := w.Get(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		err = w.Set(t.Context(), read, -1)
		if got := workload.CauseOf(err); err == nil || got != workload.CauseRejected {
			t.Errorf("got %v (%s), want rejected", err, got)
		}
	})

	cluster.PauseAPIServer()
	await(t, func() string { // it may still give an answer or two
		if _, err := newWorkload(t, cluster.Kubeconfig, web).Get(t.Context()); err == nil {
			return "the paused API server answers"
		}
		return ""
	})
	check("API server hangs", cluster.Kubeconfig, web, workload.CauseTimeout)
	cluster.ResumeAPIServer()
	cluster.StopAPIServer()
	check("API server down", cluster.Kubeconfig, web, workload.CauseConnection)
	startAPIServer(t)
	if _, err := newWorkload(t, cluster.Kubeconfig, web).Get(t.Context()); err != nil {
		t.Errorf("after the API server came back: %v", err)
	}
}
