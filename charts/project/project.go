// Package project knows where the project's files are, and runs the programs that check them.
package project

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/camunda-autoscaler/camunda-autoscaler/testbed/build"
)

// The charts, below the checkout's top.
const (
	Autoscaler = "charts/camunda-autoscaler"
	Demo       = "charts/camunda-demo"
)

// KubeVersion is what Helm takes for the cluster's version when there is none.
const KubeVersion = "1.36.0"

// The tools of ../../tools, and promtool. The charts promise to work with both versions of Helm.
const (
	Helm4       = "helm"
	Helm3       = "helm3"
	HelmDocs    = "helm-docs"
	Jsonnet     = "jsonnet"
	HelmTest    = "helm-unittest"
	Kubeconform = "kubeconform"
	KubeScore   = "kube-score"
	Kustomize   = "kustomize"
	Amtool      = "amtool"
	Promtool    = "promtool"
)

// Run runs a tool in the checkout's top, and builds it first if it is missing.
func Run(tool string, args ...string) ([]byte, error) {
	top, err := build.Checkout()
	if err != nil {
		return nil, err
	}
	program, err := path(tool)
	if err != nil {
		return nil, err
	}
	return Command(top, program, args...)
}

func path(tool string) (string, error) {
	if tool != Promtool {
		return build.Tool(context.Background(), tool)
	}
	folder, err := build.Folder(context.Background(), build.Prometheus)
	return filepath.Join(folder, tool), err
}

// Command runs a program in a folder and returns its standard output; the error has both outputs.
func Command(dir, program string, args ...string) ([]byte, error) {
	var stdout, stderr bytes.Buffer
	c := exec.Command(program, args...)
	c.Dir = dir
	c.Env = append(os.Environ(), "GOWORK=off", "GOFLAGS=", "CGO_ENABLED=0")
	c.Stdout, c.Stderr = &stdout, &stderr
	if err := c.Run(); err != nil {
		return nil, fmt.Errorf("%s %s: %w\n%s%s", filepath.Base(program), strings.Join(args, " "), err, stdout.Bytes(), stderr.Bytes())
	}
	return stdout.Bytes(), nil
}

// Read returns the content of a file, by its path in the checkout.
func Read(path string) ([]byte, error) {
	top, err := build.Checkout()
	if err != nil {
		return nil, err
	}
	return os.ReadFile(filepath.Join(top, path))
}

// Glob returns the paths in the checkout that match a pattern; it is an error if there are none.
func Glob(pattern string) ([]string, error) {
	top, err := build.Checkout()
	if err != nil {
		return nil, err
	}
	paths, err := filepath.Glob(filepath.Join(top, pattern))
	if err != nil {
		return nil, err
	}
	if len(paths) == 0 {
		return nil, fmt.Errorf("there are no files %s", pattern)
	}
	for i := range paths {
		if paths[i], err = filepath.Rel(top, paths[i]); err != nil {
			return nil, err
		}
	}
	return paths, nil
}

// Module returns the folder of a module, such as k8s.io/kubernetes@v1.36.3, that no package imports.
func Module(at string) (string, error) {
	out, err := Command(os.TempDir(), "go", "mod", "download", "-json", at)
	if err != nil {
		return "", err
	}
	var m struct{ Dir string }
	if err := json.Unmarshal(out, &m); err != nil {
		return "", fmt.Errorf("reading where %s is: %w", at, err)
	}
	return m.Dir, nil
}

// OperatorCRDs returns the paths of the definitions of PodMonitors, PrometheusRules and ServiceMonitors.
func OperatorCRDs() ([]string, error) {
	dir, err := Module("github.com/prometheus-operator/prometheus-operator@v0.85.0")
	if err != nil {
		return nil, err
	}
	var paths []string
	for _, plural := range []string{"podmonitors", "prometheusrules", "servicemonitors"} {
		paths = append(paths, filepath.Join(dir, "example", "prometheus-operator-crd", "monitoring.coreos.com_"+plural+".yaml"))
	}
	return paths, nil
}
