package e2e

import (
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/camunda-autoscaler/camunda-autoscaler/charts/project"
)

// installedPairs are features that users combine, and of which one changes the other's objects.
var installedPairs = [][2]string{
	{"dashboards", "several targets"},
	{"dashboards", "annotations of everything"},
	{"network policies", "all namespaces"},
	{"another namespace", "several targets"},
	{"another namespace", "disruption budget by remaining Pods"},
	{"existing ConfigMap", "init containers and sidecars"},
	{"existing Secret", "environment as a map"},
}

// TestValueSets installs and uninstalls the sets of values that are for this, with both versions of Helm, on a real
// control plane whose nodes kwok plays.
func TestValueSets(t *testing.T) {
	ctx := t.Context()
	s := newShell(t, 1)
	s.run("kubectl create namespace elsewhere && kubectl create namespace shop")
	s.write("own.yaml", `
{apiVersion: v1, kind: List, items: [
  {apiVersion: v1, kind: ConfigMap, metadata: {name: own}, data: {scaler.yml: "{}"}},
  {apiVersion: v1, kind: Secret, metadata: {name: own}, stringData: {config.yml: "{}"}},
]}`)
	base := filepath.Join(t.TempDir(), "base.yaml")
	if err := os.WriteFile(base, []byte("scaler: {config: {prometheus: {url: 'http://prometheus:9090'}}}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	sets := installedSets(t)
	for _, pair := range installedPairs {
		one, two := sets[pair[0]], sets[pair[1]]
		if one == nil || two == nil {
			t.Fatalf("there are no two sets %q", pair)
		}
		sets[pair[0]+" and "+pair[1]] = slices.Concat(one, two)
	}
	for _, name := range []string{project.Helm3, project.Helm4} {
		h := newHelm(ctx, t, "..", name, s.kubeconfig)
		t.Run(name, func(t *testing.T) {
			for set, paths := range sets {
				t.Run(set, func(t *testing.T) {
					t.Parallel() // it is mostly waiting
					s := s.in(t)
					own := fmt.Sprintf("%s-%x", name, sha256.Sum256([]byte(set)))[:20] // a release's name has at most 53 letters
					s.run("kubectl create namespace " + own + " && kubectl --namespace=" + own + " create --filename=own.yaml")
					args := []string{"install", own, project.Autoscaler, "--namespace=" + own, "--wait", "--timeout=2m", "--values=" + base}
					for _, path := range paths {
						args = append(args, "--values="+path)
					}
					h.mustRun(ctx, t, args...)
					h.mustRun(ctx, t, "uninstall", own, "--namespace="+own, "--wait", "--timeout=2m")
				})
			}
		})
	}
	if left := s.run("kubectl get clusterroles,clusterrolebindings --output=name | grep camunda || true"); left != "" {
		t.Errorf("helm uninstall left %s", left)
	}
}

// installedSets returns files with the sets of ../charts/check that are installed, by their names; a list with one file each.
func installedSets(t *testing.T) map[string][]string {
	t.Helper()
	text, err := os.ReadFile("../charts/check/testdata/sets.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var sets map[string]map[string]any
	if err := yaml.Unmarshal(text, &sets); err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	files := map[string][]string{}
	for set, values := range sets {
		name, ok := strings.CutPrefix(set, "installed ")
		if !ok {
			continue
		}
		text, err := yaml.Marshal(values)
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(folder, strings.ReplaceAll(name, " ", "-")+".yaml")
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
		files[name] = []string{path}
	}
	if len(files) < 12 {
		t.Fatalf("only %d sets are for installing", len(files))
	}
	return files
}
