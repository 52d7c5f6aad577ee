package main

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sort"
	"strings"
)

// The charts.
const (
	autoscaler = "charts/camunda-autoscaler"
	demo       = "charts/camunda-demo"
)

// kubeVersion is what Helm takes for the cluster's when there is none.
const kubeVersion = "1.36.0"

// generate returns every file that is made from others, by its path in the
// checkout.
func generate() (map[string][]byte, error) {
	files := map[string][]byte{}
	for _, step := range []func(map[string][]byte) error{copies, readmes, manifests} {
		if err := step(files); err != nil {
			return nil, err
		}
	}
	return files, nil
}

// copies: Helm cannot read what lies outside of a chart.
func copies(files map[string][]byte) error {
	top, err := root()
	if err != nil {
		return err
	}
	for pattern, folder := range map[string]string{
		"dashboards/*.json":             "files/dashboards",
		"alerts/camunda-autoscaler.yml": "files/alerts",
	} {
		paths, err := filepath.Glob(filepath.Join(top, pattern))
		if err != nil || len(paths) == 0 {
			return fmt.Errorf("there is no %s: %w", pattern, err)
		}
		for _, path := range paths {
			text, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			for _, chart := range []string{autoscaler, demo} {
				files[filepath.Join(chart, folder, filepath.Base(path))] = text
			}
		}
	}
	return nil
}

// readmes puts each chart's values into its README.md.
func readmes(files map[string][]byte) error {
	for _, chart := range []string{autoscaler, demo} {
		text, err := runTool(helmDocs, "--dry-run", "--log-level=error", "--chart-search-root="+chart)
		if err != nil {
			return err
		}
		files[chart+"/README.md"] = text
	}
	return nil
}

// manifests renders both charts for `kubectl apply -f k8s_resources`: in the
// namespace default, one file an object's kind and name.
func manifests(files map[string][]byte) error {
	for _, r := range []struct{ release, chart string }{{"camunda-demo", demo}, {"camunda-autoscaler", autoscaler}} {
		args := []string{"template", r.release, r.chart, "--namespace=default", "--no-hooks", "--kube-version=" + kubeVersion}
		if r.chart == autoscaler {
			args = append(args, "--values="+demo+"/autoscaler-values.yaml")
		}
		text, err := runTool(helm4, args...)
		if err != nil {
			return err
		}
		header := fmt.Sprintf("# Made from %s by make manifests; change it there.\n", r.chart)
		files["k8s_resources/"+r.release+".yaml"] = append([]byte(header), clean(text)...)
	}
	return nil
}

// clean takes out what Helm leaves behind: empty lines, and its own label.
func clean(text []byte) []byte {
	var lines []string
	for _, line := range strings.Split(string(text), "\n") {
		if strings.TrimSpace(line) == "" || strings.HasPrefix(strings.TrimSpace(line), "app.kubernetes.io/managed-by: Helm") || strings.Contains(line, "helm.sh/chart:") {
			continue
		}
		lines = append(lines, line)
	}
	return []byte(strings.Join(lines, "\n") + "\n")
}

// write puts the files in their places.
func write(files map[string][]byte) error {
	top, err := root()
	if err != nil {
		return err
	}
	for path, text := range files {
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

// stale lists the files that are missing, or not what they would be made to.
func stale(files map[string][]byte) ([]string, error) {
	top, err := root()
	if err != nil {
		return nil, err
	}
	var paths []string
	for path, want := range files {
		got, err := os.ReadFile(filepath.Join(top, path))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
		if !bytes.Equal(got, want) {
			paths = append(paths, path)
		}
	}
	sort.Strings(paths)
	return paths, nil
}
