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

// What monitors the Pods, and what lets it in, names labels and ports that they have.
func TestMonitoring(t *testing.T) {
	all := append(render(t, "."), render(t, "monitoring")...)
	find := func(kind, name string) kube.Object {
		for _, o := range all {
			if o["kind"] == kind && o["metadata"].(kube.Object)["name"] == name {
				return o["spec"].(kube.Object)
			}
		}
		t.Fatalf("there is no %s %s", kind, name)
		return nil
	}
	monitor, policy := find("PodMonitor", "payments"), find("NetworkPolicy", "metrics")
	open := map[any]bool{}
	for _, p := range policy["ingress"].([]any)[0].(kube.Object)["ports"].([]any) {
		open[p.(kube.Object)["port"]] = true
	}
	for _, name := range []string{rig.Provider, rig.Antaeus} {
		template := find("Deployment", name)["template"].(kube.Object)
		labels := template["metadata"].(kube.Object)["labels"].(kube.Object)
		for what, selector := range map[string]any{"PodMonitor": monitor["selector"], "NetworkPolicy": policy["podSelector"]} {
			for key, value := range selector.(kube.Object)["matchLabels"].(kube.Object) {
				if labels[key] != value {
					t.Errorf("the %s selects %s: %v, and the Pods of %s have %v", what, key, value, name, labels)
				}
			}
		}
		endpoint := monitor["podMetricsEndpoints"].([]any)[0].(kube.Object)
		var found bool
		for _, p := range template["spec"].(kube.Object)["containers"].([]any)[0].(kube.Object)["ports"].([]any) {
			if p := p.(kube.Object); p["name"] == endpoint["port"] {
				found = open[p["containerPort"]]
			}
		}
		if !found {
			t.Errorf("%s has no port %v that the policy lets Prometheus reach", name, endpoint["port"])
		}
	}
}
