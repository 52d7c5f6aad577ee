package main

import (
	"strings"
	"testing"

	"github.com/camunda-autoscaler/camunda-autoscaler/examples/payments/rig"
	"github.com/camunda-autoscaler/camunda-autoscaler/testbed/kube"
)

// testManifests has the API server check each overlay.
func testManifests(t *testing.T, r *rig.Rig) {
	for _, folder := range []string{"overlays/ingress", "overlays/real-antaeus", "overlays/gitops"} {
		t.Run(folder, func(t *testing.T) {
			if err := r.Cluster.Check(t.Context(), rig.Namespace, render(t, folder)...); err != nil {
				t.Error(err)
			}
		})
	}
	t.Run("what cannot be is refused", func(t *testing.T) {
		all := render(t, ".")
		for _, o := range all {
			if o["kind"] == "Deployment" {
				o["spec"].(kube.Object)["strategi"] = "Recreate"
			}
		}
		if err := r.Cluster.Check(t.Context(), rig.Namespace, all...); err == nil || !strings.Contains(err.Error(), "strategi") {
			t.Errorf("a misspelt key is taken: %v", err)
		}
	})
}

func render(t *testing.T, folder string) []kube.Object {
	t.Helper()
	all, err := rig.Render(t.Context(), folder)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// Flux's own objects need its CRDs, so only what they name is checked.
func TestFlux(t *testing.T) {
	for _, o := range render(t, "overlays/gitops/flux") {
		spec := o["spec"].(kube.Object)
		if o["kind"] == "Kustomization" && spec["path"] != "./examples/payments/kubernetes/overlays/gitops" {
			t.Errorf("Flux applies %v", spec["path"])
		}
	}
}
