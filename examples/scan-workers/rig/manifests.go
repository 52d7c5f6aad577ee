package rig

import (
	"context"
	"path/filepath"

	"github.com/camunda-autoscaler/camunda-autoscaler/testbed/build"
	"github.com/camunda-autoscaler/camunda-autoscaler/testbed/kube"
	"github.com/camunda-autoscaler/camunda-autoscaler/testbed/render"
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
	args := []string{release, filepath.Join(folder, chart), "--namespace=" + Namespace}
	for _, file := range values {
		args = append(args, "--values="+file)
	}
	return render.Chart(ctx, args...)
}
