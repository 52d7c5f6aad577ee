package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/camunda-autoscaler/camunda-autoscaler/charts/project"
	"github.com/camunda-autoscaler/camunda-autoscaler/testbed/build"
)

// files are contents by their paths in the checkout.
type files map[string][]byte

var steps = []func() (files, error){boards, copies, schema, readmes, manifests}

// boards evaluates the dashboards' sources. An example's JSON is beside its source.
func boards() (files, error) {
	paths, err := project.Glob("dashboards/src/*.jsonnet")
	if err != nil {
		return nil, err
	}
	examples, err := project.Glob("examples/*/*/*/files/*.jsonnet")
	if err != nil {
		return nil, err
	}
	made := files{}
	for _, path := range append(paths, examples...) {
		text, err := project.Run(project.Jsonnet, path)
		if err != nil {
			return nil, err
		}
		var board any // Jsonnet writes 0.1 as 0.10000000000000001
		if err := json.Unmarshal(text, &board); err != nil {
			return nil, fmt.Errorf("reading what %s evaluates to: %w", path, err)
		}
		if text, err = indented(board, ""); err != nil {
			return nil, err
		}
		made[strings.TrimSuffix(strings.Replace(path, "dashboards/src/", "dashboards/", 1), "net")] = append(text, '\n')
	}
	return made, nil
}

// copies puts dashboards and alerts into the charts: Helm reads no file outside of a chart.
func copies() (files, error) {
	made := files{}
	for pattern, folder := range map[string]string{
		"dashboards/*.json":             "files/dashboards",
		"alerts/camunda-autoscaler.yml": "files/alerts",
	} {
		paths, err := project.Glob(pattern)
		if err != nil {
			return nil, err
		}
		for _, path := range paths {
			text, err := project.Read(path)
			if err != nil {
				return nil, err
			}
			for _, chart := range []string{project.Autoscaler, project.Demo} {
				made[filepath.Join(chart, folder, filepath.Base(path))] = text
			}
		}
	}
	return made, nil
}

// schema puts the schema of the scaler's configuration file into that of the values, so that Helm refuses a misspelt
// key: two definitions of values.schema.json, the rest of which is written by hand.
func schema() (files, error) {
	const path = project.Autoscaler + "/values.schema.json"
	values, err := project.Read(path)
	if err != nil {
		return nil, err
	}
	text, err := project.Read("docs/config.schema.json")
	if err != nil {
		return nil, err
	}
	var config map[string]any
	if err := json.Unmarshal(text, &config); err != nil {
		return nil, fmt.Errorf("reading docs/config.schema.json: %w", err)
	}
	properties, _ := config["properties"].(map[string]any)
	targets, _ := properties["targets"].(map[string]any)
	target := targets["items"]
	if target == nil {
		return nil, errors.New("docs/config.schema.json has no targets")
	}
	targets["items"] = map[string]any{"$ref": "#/definitions/scalerTarget"}
	for _, key := range []string{"$id", "$schema", "title", "required"} { // the targets may be in scaler.targets
		delete(config, key)
	}
	if values, err = define(values, "scalerConfig", config); err != nil {
		return nil, err
	}
	if values, err = define(values, "scalerTarget", target); err != nil {
		return nil, err
	}
	return files{path: values}, nil
}

// define replaces a definition of a schema, and keeps the schema's text otherwise.
func define(schema []byte, name string, definition any) ([]byte, error) {
	place := regexp.MustCompile(`(?sm)^    "` + name + `": \{\n.*?^    \}`)
	if !place.Match(schema) {
		return nil, fmt.Errorf("values.schema.json has no definition %s", name)
	}
	text, err := indented(definition, "    ")
	if err != nil {
		return nil, err
	}
	return place.ReplaceAllLiteral(schema, fmt.Appendf(nil, "    %q: %s", name, text)), nil
}

// indented returns a value as JSON, without a newline at the end.
func indented(value any, prefix string) ([]byte, error) {
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent(prefix, "  ")
	if err := encoder.Encode(value); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(text.Bytes(), []byte("\n")), nil
}

// readmes puts the table of a chart's values into its README.md.
func readmes() (files, error) {
	made := files{}
	for _, chart := range []string{project.Autoscaler, project.Demo} {
		text, err := project.Run(project.HelmDocs, "--dry-run", "--log-level=error", "--chart-search-root="+chart)
		if err != nil {
			return nil, err
		}
		made[chart+"/README.md"] = text
	}
	return made, nil
}

// manifests renders the charts for kubectl apply -f k8s_resources: in the namespace default, in files that can be
// applied one by one.
func manifests() (files, error) {
	made := files{}
	for _, m := range []struct {
		file, release, chart string
		args                 []string
	}{
		{"camunda", "camunda-demo", project.Demo, []string{"--show-only=templates/postgres.yaml", "--show-only=templates/camunda.yaml"}},
		{"process-starter", "camunda-demo", project.Demo, []string{"--show-only=templates/starter.yaml"}},
		{"prometheus", "camunda-demo", project.Demo, []string{"--show-only=templates/prometheus.yaml"}},
		{"camunda-autoscaler", "camunda-autoscaler", project.Autoscaler, []string{"--values=" + project.Demo + "/autoscaler-values.yaml"}},
	} {
		args := []string{"template", m.release, m.chart, "--namespace=default", "--no-hooks", "--kube-version=" + project.KubeVersion}
		text, err := project.Run(project.Helm4, append(args, m.args...)...)
		if err != nil {
			return nil, err
		}
		header := fmt.Sprintf("# Made from %s by make manifests; change it there.\n", m.chart)
		made["k8s_resources/"+m.file+".yaml"] = append([]byte(header), clean(text)...)
	}
	return made, nil
}

// clean removes empty lines, and labels that say Helm installed it.
func clean(text []byte) []byte {
	var lines []string
	for line := range strings.Lines(string(text)) {
		trimmed := strings.TrimSpace(line)
		if trimmed != "" && trimmed != "app.kubernetes.io/managed-by: Helm" && !strings.HasPrefix(trimmed, "helm.sh/chart:") {
			lines = append(lines, line)
		}
	}
	return []byte(strings.Join(lines, ""))
}

func write(made files) error {
	top, err := build.Checkout()
	if err != nil {
		return err
	}
	for path, text := range made {
		path = filepath.Join(top, path)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(path, text, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// stale returns the paths of files that are missing, or differ from what update would write.
func stale() ([]string, error) {
	var paths []string
	for _, step := range steps {
		made, err := step()
		if err != nil {
			return nil, err
		}
		for path, want := range made {
			got, err := project.Read(path)
			if err != nil && !errors.Is(err, fs.ErrNotExist) {
				return nil, err
			}
			if !bytes.Equal(got, want) {
				paths = append(paths, path)
			}
		}
	}
	slices.Sort(paths)
	return paths, nil
}
