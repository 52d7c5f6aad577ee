package main

import (
	"errors"
	"maps"
	"net/http"
	"strings"
	"testing"

	"github.com/camunda-autoscaler/camunda-autoscaler/examples/payments/rig"
	"github.com/camunda-autoscaler/camunda-autoscaler/testbed/kube"
)

// testDeveloper changes the Deployments as a developer of the provider: the image's
// version, and nothing else of what RBAC alone would let through. The tests in node
// have all other verbs and objects.
func testDeveloper(t *testing.T, r *rig.Rig) {
	developer, err := r.Cluster.As("jane", "payment-provider-developers")
	if err != nil {
		t.Fatal(err)
	}
	type object = map[string]any
	pod := func(spec object) object { return object{"spec": object{"template": object{"spec": spec}}} }
	container := func(change object) object {
		var d struct {
			Spec struct {
				Template struct{ Spec struct{ Containers []object } }
			}
		}
		if err := r.Cluster.Request(t.Context(), http.MethodGet, path(rig.Provider), nil, &d); err != nil {
			t.Fatal(err)
		}
		c := d.Spec.Template.Spec.Containers[0]
		maps.Copy(c, change)
		return pod(object{"containers": []object{c}})
	}
	secret := object{"name": "SECRET", "valueFrom": object{"secretKeyRef": object{"name": "antaeus", "key": "password"}}}
	for name, test := range map[string]struct {
		deployment string
		patch      object
		refused    string // with this text; "": it is allowed
	}{
		"a new version":         {rig.Provider, container(object{"image": "payment-provider:0.2.0"}), ""},
		"with a registry":       {rig.Provider, container(object{"image": "registry.example.com:5000/team/payment-provider:10.0.1"}), ""},
		"rollout restart":       {rig.Provider, object{"spec": object{"template": object{"metadata": object{"annotations": object{"kubectl.kubernetes.io/restartedAt": "now"}}}}}, ""},
		"rollout pause":         {rig.Provider, object{"spec": object{"paused": true}}, ""},
		"a host's address":      {rig.Provider, pod(object{"hostAliases": []object{{"ip": "10.0.0.1", "hostnames": []string{"bank"}}}}), "only the image can be changed"},
		"another probe":         {rig.Provider, container(object{"livenessProbe": object{"httpGet": object{"host": "10.0.0.1", "port": 80}}}), "only the image can be changed"},
		"less of a Pod":         {rig.Provider, pod(object{"automountServiceAccountToken": nil}), "only the image can be changed"},
		"less of the container": {rig.Provider, container(object{"readinessProbe": nil}), "only the image can be changed"},
		"the strategy":          {rig.Provider, object{"spec": object{"strategy": object{"type": "Recreate", "rollingUpdate": nil}}}, "only the image can be changed"},
		"an annotation":         {rig.Provider, object{"spec": object{"template": object{"metadata": object{"annotations": object{"sidecar.istio.io/inject": "false"}}}}}, "annotations of Pods"},
		"a label of its own":    {rig.Provider, object{"metadata": object{"labels": object{"team": "antaeus"}}}, "the labels of Pods"},
		"no version":            {rig.Provider, container(object{"image": "payment-provider:latest"}), "a version such as 1.2.3"},
		"another image":         {rig.Provider, container(object{"image": "registry.example.com/shell:1.0.0"}), "a version such as 1.2.3"},
		"a second one":          {rig.Provider, pod(object{"containers": []object{container(nil)["spec"].(object)["template"].(object)["spec"].(object)["containers"].([]object)[0], {"name": "other", "image": "payment-provider:0.1.0"}}}), "the only one"},
		"an init container":     {rig.Provider, pod(object{"initContainers": []object{{"name": "first", "image": "shell"}}}), "only the image can be changed"},
		"replicas":              {rig.Provider, object{"spec": object{"replicas": 7}}, "the replicas are the scaler's"},
		"a ServiceAccount":      {rig.Provider, pod(object{"serviceAccountName": "antaeus"}), "only the image can be changed"},
		"a volume":              {rig.Provider, pod(object{"volumes": []object{{"name": "data", "persistentVolumeClaim": object{"claimName": "antaeus"}}}}), "only the image can be changed"},
		"a Secret":              {rig.Provider, container(object{"env": []object{secret}}), "only the image can be changed"},
		"a command":             {rig.Provider, container(object{"command": []string{"sh"}}), "only the image can be changed"},
		"the host":              {rig.Provider, pod(object{"hostNetwork": true}), "only the image can be changed"},
		"a label":               {rig.Provider, object{"spec": object{"template": object{"metadata": object{"labels": object{"team": "antaeus"}}}}}, "the labels of Pods"},
		"Antaeus":               {rig.Antaeus, object{"metadata": object{"annotations": object{"by": "jane"}}}, "cannot patch resource"},
	} {
		t.Run(name, func(t *testing.T) {
			err := developer.Request(t.Context(), http.MethodPatch, path(test.deployment)+"?dryRun=All", test.patch, nil)
			var status *kube.StatusError
			switch {
			case test.refused == "" && err != nil:
				t.Errorf("it is refused: %v", err)
			case test.refused != "" && (!errors.As(err, &status) || !strings.Contains(status.Body, test.refused)):
				t.Errorf("got %v, want a refusal with %q", err, test.refused)
			}
			// What is refused for the developer is nothing that the API server would refuse anyway.
			if err := r.Cluster.Request(t.Context(), http.MethodPatch, path(test.deployment)+"?dryRun=All", test.patch, nil); err != nil {
				t.Errorf("an administrator is refused as well: %v", err)
			}
		})
	}
}

func path(deployment string) string {
	return "/apis/apps/v1/namespaces/" + rig.Namespace + "/deployments/" + deployment
}
