package check

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestUnits(t *testing.T) {
	for _, chart := range []string{autoscaler, demo} {
		needs(t, helmTest, chart)
	}
}

func TestLint(t *testing.T) {
	for _, helm := range []string{helm4, helm3} {
		eachRendering(t, func(t *testing.T, chart, values string) {
			needs(t, helm, "lint", "--strict", "--kube-version="+kubeVersion, "--values="+values, chart)
		})
	}
}

func TestBothHelmsRenderTheSame(t *testing.T) {
	eachRendering(t, func(t *testing.T, chart, values string) {
		// They differ in empty lines, and in the order of objects of equal rank.
		three, four := sorted(t, render(t, helm3, chart, values)), sorted(t, render(t, helm4, chart, values))
		if !bytes.Equal(three, four) {
			t.Errorf("Helm 3:\n%s\nHelm 4:\n%s", three, four)
		}
	})
}

// sorted is a rendering as JSON, sorted by the objects' identities.
func sorted(t *testing.T, text []byte) []byte {
	t.Helper()
	named, err := identities(objects(t, text))
	if err != nil {
		t.Fatal(err)
	}
	out, err := json.MarshalIndent(named, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestSchemasRefuse(t *testing.T) {
	for version := range kubernetes {
		valid := schemaCheck(t, version)
		for name, bad := range map[string]string{
			"unknown field":        "apiVersion: v1\nkind: Service\nmetadata: {name: a}\nspec: {prots: []}\n",
			"wrong type":           "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: a}\nspec: {replicas: many, selector: {}, template: {}}\n",
			"unknown custom field": "apiVersion: monitoring.coreos.com/v1\nkind: ServiceMonitor\nmetadata: {name: a}\nspec: {selector: {}, endpoint: []}\n",
		} {
			t.Run(version+"/"+name, func(t *testing.T) {
				folder := t.TempDir()
				writeFile(t, filepath.Join(folder, "bad.yaml"), []byte(bad))
				if valid(folder) == nil {
					t.Errorf("no error for\n%s", bad)
				}
			})
		}
	}
}

func TestScore(t *testing.T) {
	eachRendering(t, func(t *testing.T, chart, values string) {
		file := writeFile(t, filepath.Join(t.TempDir(), "rendered.yaml"), render(t, helm4, chart, values))
		// Ignored: CPU limits, which only slow a program down; pulls at each start; user ids above 10000 for images of
		// others; NetworkPolicies, which are an option; digests, which are the user's choice.
		needs(t, kubeScore, "score", "--output-format=ci", "--kubernetes-version=v1.30",
			"--ignore-test=container-resources,container-image-pull-policy,container-security-context-user-group-id,pod-networkpolicy,container-ephemeral-storage-request-and-limit",
			file)
	})
}

// The scaler owns the replicas of its target: a chart that sets them resets them at each upgrade.
func TestTargetHasNoReplicas(t *testing.T) {
	found := false
	for _, o := range objects(t, read(t, "k8s_resources/camunda.yaml")) {
		if o["kind"] == "Deployment" && at(o, "metadata", "name") == "camunda-deployment" {
			found = true
			if r := at(o, "spec", "replicas"); r != nil {
				t.Errorf("camunda-deployment has replicas: %v", r)
			}
		}
	}
	if !found {
		t.Error("there is no camunda-deployment in k8s_resources/camunda.yaml")
	}
}

func TestRestrictedPodSecurity(t *testing.T) {
	eachRendering(t, func(t *testing.T, chart, values string) {
		for name, spec := range podSpecs(t, render(t, helm4, chart, values)) {
			if at(spec, "securityContext", "runAsNonRoot") != true || at(spec, "securityContext", "seccompProfile", "type") != "RuntimeDefault" {
				t.Errorf("%s: its Pod's security context is not restricted", name)
			}
			for _, c := range spec["containers"].([]any) {
				c := c.(map[string]any)
				if at(c, "securityContext", "allowPrivilegeEscalation") != false || fmt.Sprint(at(c, "securityContext", "capabilities", "drop")) != "[ALL]" {
					t.Errorf("%s: container %s is not restricted", name, c["name"])
				}
			}
		}
	})
}

// A hook, a test and the Deployment run on the same nodes, from the same registry, by the same account.
func TestAllPodsTakeTheSettings(t *testing.T) {
	values := filepath.Join(t.TempDir(), "values.yaml")
	writeFile(t, values, []byte(`
imagePullSecrets: [pull]
exporter: {enabled: false}
scaler:
  config: {prometheus: {url: "http://prometheus:9090"}}
  serviceAccount: {create: false, name: own}
  extraEnv: {HTTPS_PROXY: "http://proxy:3128"}
  extraEnvFrom: [{configMapRef: {name: proxy}}]
  nodeSelector: {pool: tools}
  tolerations: [{key: tools, operator: Exists}]
  affinity: {nodeAffinity: {requiredDuringSchedulingIgnoredDuringExecution: {nodeSelectorTerms: []}}}
  priorityClassName: high
  runtimeClassName: gvisor
  hostNetwork: true
  dnsConfig: {nameservers: [192.0.2.1]}
  hostAliases: [{ip: 192.0.2.1, hostnames: [a]}]
`))
	specs := podSpecs(t, render(t, helm4, autoscaler, values))
	deployment := specs["Deployment release-camunda-autoscaler-scaler"]
	if len(specs) != 3 || deployment == nil {
		t.Fatalf("want a Deployment, a hook and a test, not %d objects", len(specs))
	}
	for name, spec := range specs {
		for _, key := range []string{
			"serviceAccountName", "imagePullSecrets", "nodeSelector", "tolerations", "affinity", "priorityClassName",
			"runtimeClassName", "hostNetwork", "dnsPolicy", "dnsConfig", "hostAliases", "securityContext",
		} {
			if want, got := fmt.Sprint(deployment[key]), fmt.Sprint(spec[key]); got != want || want == "<nil>" {
				t.Errorf("%s: %s is %s, the Deployment has %s", name, key, got, want)
			}
		}
		own, got := deployment["containers"].([]any)[0].(map[string]any), spec["containers"].([]any)[0].(map[string]any)
		for _, key := range []string{"image", "env", "envFrom", "resources", "securityContext"} {
			if want, got := fmt.Sprint(own[key]), fmt.Sprint(got[key]); got != want || want == "<nil>" {
				t.Errorf("%s: %s is %s, the Deployment has %s", name, key, got, want)
			}
		}
	}
}

// A chart within a chart gets the parent's globals, and its condition.
func TestAsSubchart(t *testing.T) {
	top, err := root()
	if err != nil {
		t.Fatal(err)
	}
	parent := t.TempDir()
	if err := os.CopyFS(filepath.Join(parent, "charts", "camunda-autoscaler"), os.DirFS(filepath.Join(top, autoscaler))); err != nil {
		t.Fatal(err)
	}
	version := strings.TrimSpace(string(read(t, "VERSION")))
	for name, text := range map[string]string{
		"Chart.yaml":  "apiVersion: v2\nname: parent\nversion: 1.0.0\ndependencies:\n  - {name: camunda-autoscaler, version: " + version + ", condition: camunda-autoscaler.enabled}\n",
		"values.yaml": "global: {imageRegistry: registry.example.com, storageClass: fast}\ncamunda-autoscaler:\n  enabled: true\n  scaler: {config: {prometheus: {url: 'http://prometheus:9090'}}}\n",
	} {
		writeFile(t, filepath.Join(parent, name), []byte(text))
	}
	for _, helm := range []string{helm3, helm4} {
		out := needs(t, helm, "template", "release", parent, "--kube-version="+kubeVersion)
		if !bytes.Contains(out, []byte("registry.example.com/camunda-autoscaler/camunda-scaler:")) {
			t.Errorf("the parent's registry is not used:\n%s", out)
		}
	}
}
