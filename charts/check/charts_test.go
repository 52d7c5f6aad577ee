// Package check tests the charts, dashboards and alerts with the tools of their users.
package check

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/camunda-autoscaler/camunda-autoscaler/charts/project"
	"github.com/camunda-autoscaler/camunda-autoscaler/testbed/build"
)

const (
	autoscaler  = project.Autoscaler
	demo        = project.Demo
	kubeVersion = project.KubeVersion

	helm4       = project.Helm4
	helm3       = project.Helm3
	helmTest    = project.HelmTest
	kubeconform = project.Kubeconform
	kubeScore   = project.KubeScore
	amtool      = project.Amtool
	promtool    = project.Promtool
)

var (
	root    = build.Checkout
	run     = project.Command
	runTool = project.Run
)

// needs runs a tool that has to succeed.
func needs(t *testing.T, tool string, args ...string) []byte {
	t.Helper()
	out, err := runTool(tool, args...)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// eachRendering calls f with each of the charts' ci/*.yaml.
func eachRendering(t *testing.T, f func(t *testing.T, chart, values string)) {
	t.Helper()
	for _, chart := range []string{autoscaler, demo} {
		paths, err := project.Glob(chart + "/ci/*.yaml")
		if err != nil {
			t.Fatal(err)
		}
		for _, values := range paths {
			t.Run(filepath.Base(chart)+"/"+filepath.Base(values), func(t *testing.T) { f(t, chart, values) })
		}
	}
}

func render(t *testing.T, helm, chart, values string) []byte {
	t.Helper()
	out, err := template(helm, chart, values)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func template(helm, chart, values string) ([]byte, error) {
	return runTool(helm, "template", "release", chart, "--namespace=bpm", "--kube-version="+kubeVersion, "--values="+values)
}

func objects(t *testing.T, text []byte) []map[string]any {
	t.Helper()
	all, err := parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func parse(text []byte) ([]map[string]any, error) {
	var all []map[string]any
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	for {
		var o map[string]any
		err := decoder.Decode(&o)
		if errors.Is(err, io.EOF) {
			return all, nil
		}
		if err != nil {
			return nil, err
		}
		if o != nil {
			all = append(all, o)
		}
	}
}

// at returns a field of an object, nil if it is not there.
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

// identities returns objects by kind, namespace and name: two that share them overwrite each other in the cluster.
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

// podSpecs returns the specs of all Pods by their objects' kinds and names.
func podSpecs(t *testing.T, text []byte) map[string]map[string]any {
	t.Helper()
	all := map[string]map[string]any{}
	for _, o := range objects(t, text) {
		if spec, ok := at(o, "spec", "template", "spec").(map[string]any); ok {
			all[fmt.Sprint(o["kind"], " ", at(o, "metadata", "name"))] = spec
		}
	}
	if len(all) == 0 {
		t.Fatal("no Pods: the test covers nothing")
	}
	return all
}

// schemaCheck returns a check of manifests against the schemas of one version of Kubernetes.
func schemaCheck(t *testing.T, version string) func(folder string) error {
	t.Helper()
	schemas := t.TempDir()
	if err := writeSchemas(schemas, version); err != nil {
		t.Fatal(err)
	}
	return func(folder string) error {
		_, err := runTool(kubeconform, "-strict", "-summary", "-schema-location", schemas+"/{{.ResourceKind}}{{.KindSuffix}}.json", folder)
		return err
	}
}

func writeFile(t *testing.T, path string, text []byte) string {
	t.Helper()
	if err := os.WriteFile(path, text, 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}
