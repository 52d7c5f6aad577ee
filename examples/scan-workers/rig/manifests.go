package rig

import (
	"context"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/camunda-autoscaler/camunda-autoscaler/testbed/build"
	"github.com/camunda-autoscaler/camunda-autoscaler/testbed/kube"
)

// Object is a Kubernetes object.
type Object = kube.Object

// Folder is the example's in the checkout.
func Folder() (string, error) {
	checkout, err := build.Checkout()
	return filepath.Join(checkout, "examples", "scan-workers"), err
}

// Render renders a chart as `helm template` does; its path is from the example's
// folder.
func Render(ctx context.Context, chart, release string, values ...string) ([]Object, error) {
	folder, err := Folder()
	if err != nil {
		return nil, err
	}
	helm, err := build.Tool(ctx, "helm")
	if err != nil {
		return nil, err
	}
	args := []string{"template", release, filepath.Join(folder, chart), "--namespace=" + Namespace}
	for _, file := range values {
		args = append(args, "--values="+file)
	}
	command := exec.CommandContext(ctx, helm, args...)
	var stderr strings.Builder
	command.Stderr = &stderr
	text, err := command.Output()
	if err != nil {
		return nil, fmt.Errorf("render the chart %s: %w\n%s", chart, err, stderr.String())
	}
	return kube.Decode(text)
}
