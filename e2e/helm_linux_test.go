package e2e

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/camunda-autoscaler/camunda-autoscaler/testbed/build"
)

// helm is one version of Helm with one cluster.
type helm struct {
	program    string
	kubeconfig string
	checkout   string
}

// newHelm returns a version of Helm: project.Helm3 or project.Helm4.
func newHelm(ctx context.Context, t *testing.T, checkout, name, kubeconfig string) helm {
	t.Helper()
	program, err := build.Tool(ctx, name)
	if err != nil {
		t.Fatal(err)
	}
	return helm{program: program, kubeconfig: kubeconfig, checkout: checkout}
}

// run runs Helm in the tests' namespace, unless the arguments name another.
func (h helm) run(ctx context.Context, args ...string) (string, error) {
	args = append([]string{"--kubeconfig=" + h.kubeconfig, "--namespace=" + namespace}, args...)
	return command(ctx, h.checkout, h.program, args...)
}

// mustRun ends the test if Helm fails.
func (h helm) mustRun(ctx context.Context, t *testing.T, args ...string) string {
	t.Helper()
	out, err := h.run(ctx, args...)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

var imageLine = regexp.MustCompile(`(?m)^\s*(?:- )?image: "?([^"\s]+)"?$`)

// images returns the names of the images that releases use.
func (h helm) images(ctx context.Context, t *testing.T, releases ...release) []string {
	t.Helper()
	var all []string
	for _, r := range releases {
		manifest := h.mustRun(ctx, t, append([]string{"template", r.name, r.chart}, r.values...)...)
		for _, match := range imageLine.FindAllStringSubmatch(manifest, -1) {
			all = append(all, match[1])
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// release is a chart with values, by the name under which it is installed.
type release struct {
	name, chart string
	values      []string
}

func (h helm) install(ctx context.Context, t *testing.T, r release) {
	t.Helper()
	h.mustRun(ctx, t, append([]string{"install", r.name, r.chart, "--wait", "--timeout=10m"}, r.values...)...)
}

func (h helm) upgrade(ctx context.Context, t *testing.T, r release, values ...string) {
	t.Helper()
	args := append([]string{"upgrade", r.name, r.chart, "--wait", "--timeout=10m"}, r.values...)
	h.mustRun(ctx, t, append(args, values...)...)
}

// test runs the chart's test and returns what Helm prints of it, on whichever output.
func (h helm) test(ctx context.Context, t *testing.T, r release) string {
	t.Helper()
	cmd := exec.CommandContext(ctx, h.program, "--kubeconfig="+h.kubeconfig, "--namespace="+namespace, "test", r.name)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("helm test: %v\n%s", err, out)
	}
	return string(out)
}

func (h helm) uninstall(ctx context.Context, t *testing.T, r release) {
	t.Helper()
	h.mustRun(ctx, t, "uninstall", r.name, "--wait", "--timeout=3m")
}

// command runs a program outside the workspace and returns its standard output; the error has all its output.
func command(ctx context.Context, dir, program string, args ...string) (string, error) {
	var stdout, stderr bytes.Buffer
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Dir, cmd.Env = dir, append(os.Environ(), "GOWORK=off")
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("%s %s: %w\n%s%s", filepath.Base(program), strings.Join(args, " "), err, &stdout, &stderr)
	}
	return stdout.String(), nil
}
