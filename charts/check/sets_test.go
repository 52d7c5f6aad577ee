package check

import (
	"bytes"
	"maps"
	"path/filepath"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// pairedFeatures are what users combine.
var pairedFeatures = []string{
	"existing service accounts", "installed pull secrets as strings", "installed environment as a map",
	"installed annotations of everything", "installed disruption budget by remaining Pods", "private CA in a volume",
	"password of the engine", "TLS and passwords of our own servers", "installed dashboards", "dashboards of the exporter alone",
	"monitors of kube-prometheus-stack", "installed network policies", "installed existing ConfigMap", "installed all namespaces",
	"installed several targets", "OpenShift", "installed init containers and sidecars", "installed another namespace",
	"one scaler without a Lease", "dry run without hooks",
}

// contradictions are pairs that the chart refuses: a file of one's own leaves no room for other targets.
var contradictions = map[string]bool{
	"installed existing ConfigMap and private CA in a volume":    true,
	"installed all namespaces and installed existing ConfigMap":  true,
	"installed several targets and installed existing ConfigMap": true,
}

func TestValueSets(t *testing.T) {
	check := checker(t)
	rendered := t.TempDir()
	for name, values := range valueSets(t) {
		t.Run(name, func(t *testing.T) {
			file := valuesFile(t, merged(base(), values))
			four := render(t, helm4, autoscaler, file)
			if three := sorted(t, render(t, helm3, autoscaler, file)); !bytes.Equal(three, sorted(t, four)) {
				t.Errorf("Helm 3:\n%s\nHelm 4:\n%s", three, four)
			}
			if text := scalerFile(t, four); text != "" {
				if _, err := check(text, checkFlags(t, four)...); err != nil {
					t.Errorf("%v\n%s", err, text)
				}
			}
			writeFile(t, filepath.Join(rendered, strings.ReplaceAll(name, " ", "-")+".yaml"), four)
		})
	}
	checkSchemas(t, rendered)
}

// TestPairsOfFeatures finds templates that work alone, but together give two objects of one name, or an invalid one.
func TestPairsOfFeatures(t *testing.T) {
	sets := valueSets(t)
	rendered := t.TempDir()
	t.Run("rendered", func(t *testing.T) {
		for i, one := range pairedFeatures {
			for _, two := range pairedFeatures[:i] {
				name := one + " and " + two
				t.Run(name, func(t *testing.T) {
					t.Parallel()
					out, err := template(helm4, autoscaler, valuesFile(t, merged(base(), merged(sets[one], sets[two]))))
					if contradictions[name] {
						if err == nil {
							t.Error("no error")
						}
						return
					}
					if err != nil {
						t.Fatal(err)
					}
					if _, err := identities(objects(t, out)); err != nil {
						t.Error(err)
					}
					writeFile(t, filepath.Join(rendered, strings.ReplaceAll(name, " ", "-")+".yaml"), out)
				})
			}
		}
	})
	checkSchemas(t, rendered)
}

func TestCIValues(t *testing.T) {
	rendered := t.TempDir()
	eachRendering(t, func(t *testing.T, chart, values string) {
		out := render(t, helm4, chart, values)
		if _, err := identities(objects(t, out)); err != nil {
			t.Error(err)
		}
		writeFile(t, filepath.Join(rendered, filepath.Base(chart)+"-"+filepath.Base(values)), out)
	})
	checkSchemas(t, rendered)
}

func TestRefusedValues(t *testing.T) {
	var refused []struct {
		Values map[string]any
		Error  string
	}
	unmarshal(t, "charts/check/testdata/refused.yaml", &refused)
	for _, c := range refused {
		t.Run(strings.ReplaceAll(c.Error, ",", ""), func(t *testing.T) { // Helm takes a comma in a path for the next path
			for _, helm := range []string{helm3, helm4} {
				_, err := template(helm, autoscaler, valuesFile(t, merged(base(), c.Values)))
				if err == nil || !strings.Contains(err.Error(), c.Error) {
					t.Errorf("%s says %v", helm, err)
				}
			}
		})
	}
}

// Helm merges maps but replaces lists, so a single number of a target can be set only in the map.
func TestSetOneNumberOfATarget(t *testing.T) {
	out := needs(t, helm4, "template", "release", autoscaler, "--namespace=bpm", "--kube-version="+kubeVersion,
		"--set=scaler.config.prometheus.url=http://prometheus:9090", "--set=scaler.targets.camunda.rule.max_replicas=8")
	var file struct {
		Targets []struct {
			Name, Query string
			Rule        map[string]any
		}
	}
	if err := yaml.Unmarshal([]byte(scalerFile(t, out)), &file); err != nil {
		t.Fatal(err)
	}
	if len(file.Targets) != 1 || file.Targets[0].Name != "camunda" || file.Targets[0].Query == "" ||
		file.Targets[0].Rule["max_replicas"] != 8 || file.Targets[0].Rule["scale_up_at"] != 50 {
		t.Errorf("the targets are %+v", file.Targets)
	}
}

// base is what every set needs.
func base() map[string]any {
	return map[string]any{"scaler": map[string]any{"config": map[string]any{"prometheus": map[string]any{"url": "http://prometheus-operated.monitoring:9090"}}}}
}

// valueSets returns testdata/sets.yaml.
func valueSets(t *testing.T) map[string]map[string]any {
	t.Helper()
	var sets map[string]map[string]any
	unmarshal(t, "charts/check/testdata/sets.yaml", &sets)
	for _, name := range pairedFeatures {
		if sets[name] == nil {
			t.Fatalf("testdata/sets.yaml has no set %q", name)
		}
	}
	return sets
}

// merged puts values over others, as Helm does with several files.
func merged(under, over map[string]any) map[string]any {
	all := maps.Clone(under)
	for key, value := range over {
		below, isMap := all[key].(map[string]any)
		if above, ok := value.(map[string]any); ok && isMap {
			value = merged(below, above)
		}
		all[key] = value
	}
	return all
}

func unmarshal(t *testing.T, path string, into any) {
	t.Helper()
	if err := yaml.Unmarshal(read(t, path), into); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
}

func valuesFile(t *testing.T, values map[string]any) string {
	t.Helper()
	text, err := yaml.Marshal(values)
	if err != nil {
		t.Fatal(err)
	}
	return writeFile(t, filepath.Join(t.TempDir(), "values.yaml"), text)
}

// checkSchemas checks the manifests in a folder against the schemas of both versions of Kubernetes.
func checkSchemas(t *testing.T, folder string) {
	t.Helper()
	for version := range kubernetes {
		if err := schemaCheck(t, version)(folder); err != nil {
			t.Errorf("Kubernetes %s: %v", version, err)
		}
	}
}
