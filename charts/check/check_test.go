package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// needs builds a tool, in the test's own time.
func needs(t *testing.T, name string, args ...string) []byte {
	t.Helper()
	out, err := runTool(name, args...)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// valueFiles lists what a chart is rendered with: its ci folder.
func valueFiles(t *testing.T, chart string) []string {
	t.Helper()
	top, err := root()
	if err != nil {
		t.Fatal(err)
	}
	paths, err := filepath.Glob(filepath.Join(top, chart, "ci", "*.yaml"))
	if err != nil || len(paths) == 0 {
		t.Fatalf("%s has no ci/*.yaml (%v)", chart, err)
	}
	return paths
}

// eachRendering calls f with every rendering of both charts.
func eachRendering(t *testing.T, f func(t *testing.T, chart, values string)) {
	for _, chart := range []string{autoscaler, demo} {
		for _, values := range valueFiles(t, chart) {
			t.Run(filepath.Base(chart)+"/"+filepath.Base(values), func(t *testing.T) { f(t, chart, values) })
		}
	}
}

func render(t *testing.T, helm, chart, values string) []byte {
	t.Helper()
	return needs(t, helm, "template", "release", chart, "--namespace=somewhere", "--kube-version="+kubeVersion, "--values="+values)
}

func objects(t *testing.T, text []byte) []map[string]any {
	t.Helper()
	var all []map[string]any
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	for {
		var o map[string]any
		err := decoder.Decode(&o)
		if errors.Is(err, io.EOF) {
			return all
		}
		if err != nil {
			t.Fatal(err)
		}
		if o != nil {
			all = append(all, o)
		}
	}
}

func at(o map[string]any, path ...string) any {
	var v any = o
	for _, key := range path {
		m, ok := v.(map[string]any)
		if !ok {
			return nil
		}
		v = m[key]
	}
	return v
}

func TestNothingIsStale(t *testing.T) {
	files, err := generate()
	if err != nil {
		t.Fatal(err)
	}
	paths, err := stale(files)
	if err != nil {
		t.Fatal(err)
	}
	if len(paths) > 0 {
		t.Errorf("not what they would be made to: %s\nmake manifests makes them", strings.Join(paths, ", "))
	}
}

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
		// They differ in empty lines, and in the order of what has equal rank.
		three, four := byName(t, render(t, helm3, chart, values)), byName(t, render(t, helm4, chart, values))
		if !bytes.Equal(three, four) {
			t.Errorf("Helm 3:\n%s\nHelm 4:\n%s", three, four)
		}
	})
}

// Two objects of one kind, namespace and name overwrite each other in the cluster.
func TestNoTwoObjectsShareAName(t *testing.T) {
	eachRendering(t, func(t *testing.T, chart, values string) {
		if _, err := identities(objects(t, render(t, helm4, chart, values))); err != nil {
			t.Error(err)
		}
	})
}

// identities returns objects by kind, namespace and name.
func identities(all []map[string]any) (map[string]any, error) {
	named := map[string]any{}
	for _, o := range all {
		group, _, _ := strings.Cut(fmt.Sprint(o["apiVersion"]), "/v")
		id := fmt.Sprint(group, " ", o["kind"], " ", at(o, "metadata", "namespace"), "/", at(o, "metadata", "name"))
		if _, taken := named[id]; taken {
			return nil, fmt.Errorf("two objects are %s", id)
		}
		named[id] = o
	}
	return named, nil
}

// byName is the rendering as JSON, sorted.
func byName(t *testing.T, text []byte) []byte {
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

func TestSchemas(t *testing.T) {
	for version := range kubernetes {
		folder := t.TempDir()
		if err := writeSchemas(folder, version); err != nil {
			t.Fatal(err)
		}
		valid := func(text []byte) error {
			file := filepath.Join(t.TempDir(), "rendered.yaml")
			if err := os.WriteFile(file, text, 0o644); err != nil {
				t.Fatal(err)
			}
			_, err := runTool(kubeconform, "-strict", "-summary", "-schema-location", folder+"/{{.ResourceKind}}{{.KindSuffix}}.json", file)
			return err
		}
		eachRendering(t, func(t *testing.T, chart, values string) {
			if err := valid(render(t, helm4, chart, values)); err != nil {
				t.Errorf("Kubernetes %s: %v", version, err)
			}
		})
		t.Run("they do refuse", func(t *testing.T) {
			for _, bad := range []string{
				"apiVersion: v1\nkind: Service\nmetadata: {name: a}\nspec: {prots: []}\n",
				"apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: a}\nspec: {replicas: many, selector: {}, template: {}}\n",
				"apiVersion: monitoring.coreos.com/v1\nkind: ServiceMonitor\nmetadata: {name: a}\nspec: {selector: {}, endpoint: []}\n",
			} {
				if valid([]byte(bad)) == nil {
					t.Errorf("Kubernetes %s: no error for\n%s", version, bad)
				}
			}
		})
	}
}

func TestScore(t *testing.T) {
	eachRendering(t, func(t *testing.T, chart, values string) {
		file := filepath.Join(t.TempDir(), "rendered.yaml")
		if err := os.WriteFile(file, render(t, helm4, chart, values), 0o644); err != nil {
			t.Fatal(err)
		}
		// Not taken over: limits of the CPU, which only slow a program down; pulling
		// at every start; user ids above 10000 for images of others; a NetworkPolicy,
		// which is an option; a digest, which is the user's choice.
		needs(t, kubeScore, "score", "--output-format=ci", "--kubernetes-version=v1.30",
			"--ignore-test=container-resources,container-image-pull-policy,container-security-context-user-group-id,pod-networkpolicy,container-ephemeral-storage-request-and-limit",
			file)
	})
}

// The target's replicas are the scaler's: what a chart says would be set again
// at every upgrade.
func TestNobodySaysTheTargetsReplicas(t *testing.T) {
	top, err := root()
	if err != nil {
		t.Fatal(err)
	}
	found := false
	for _, file := range []string{"camunda-demo.yaml", "camunda-autoscaler.yaml"} {
		text, err := os.ReadFile(filepath.Join(top, "k8s_resources", file))
		if err != nil {
			t.Fatal(err)
		}
		for _, o := range objects(t, text) {
			if o["kind"] == "Deployment" && at(o, "metadata", "name") == "camunda-deployment" {
				found = true
				if r := at(o, "spec", "replicas"); r != nil {
					t.Errorf("camunda-deployment has replicas: %v", r)
				}
			}
		}
	}
	if !found {
		t.Error("there is no camunda-deployment in k8s_resources")
	}
}

// Every Pod keeps to the restricted Pod Security Standard.
func TestRestricted(t *testing.T) {
	eachRendering(t, func(t *testing.T, chart, values string) {
		pods := 0
		for _, o := range objects(t, render(t, helm4, chart, values)) {
			spec, _ := at(o, "spec", "template", "spec").(map[string]any)
			if o["kind"] == "Pod" {
				spec, _ = o["spec"].(map[string]any)
			}
			if spec == nil {
				continue
			}
			pods++
			name := fmt.Sprint(o["kind"], " ", at(o, "metadata", "name"))
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
		if pods == 0 {
			t.Error("no Pods: the test looks at nothing")
		}
	})
}

// A chart within a chart meets the parent's globals, and its condition.
func TestAsSubchart(t *testing.T) {
	top, err := root()
	if err != nil {
		t.Fatal(err)
	}
	parent := t.TempDir()
	if err := os.MkdirAll(filepath.Join(parent, "charts"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.CopyFS(filepath.Join(parent, "charts", "camunda-autoscaler"), os.DirFS(filepath.Join(top, autoscaler))); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"Chart.yaml":  "apiVersion: v2\nname: parent\nversion: 1.0.0\ndependencies:\n  - {name: camunda-autoscaler, version: 0.1.0, condition: camunda-autoscaler.enabled}\n",
		"values.yaml": "global: {imageRegistry: registry.example.com, storageClass: fast}\ncamunda-autoscaler:\n  enabled: true\n  scaler: {config: {prometheus: {url: 'http://prometheus:9090'}}}\n",
	} {
		if err := os.WriteFile(filepath.Join(parent, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	out := needs(t, helm4, "template", "release", parent, "--kube-version="+kubeVersion)
	if !bytes.Contains(out, []byte("registry.example.com/camunda-autoscaler/camunda-scaler:")) {
		t.Errorf("the parent's registry is not used:\n%s", out)
	}
}
