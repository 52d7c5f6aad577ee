// Package render renders manifests by the programs that their users render them with.
package render

import (
	"context"
	"fmt"
	"os/exec"
	"strings"

	"github.com/camunda-autoscaler/camunda-autoscaler/testbed/build"
	"github.com/camunda-autoscaler/camunda-autoscaler/testbed/kube"
)

// Chart renders a chart by `helm template`.
func Chart(ctx context.Context, args ...string) ([]kube.Object, error) {
	return run(ctx, "helm", append([]string{"template"}, args...)...)
}

// Kustomization renders a folder by `kustomize build`, as kubectl does.
func Kustomization(ctx context.Context, folder string) ([]kube.Object, error) {
	return run(ctx, "kustomize", "build", folder)
}

func run(ctx context.Context, tool string, args ...string) ([]kube.Object, error) {
	program, err := build.Tool(ctx, tool)
	if err != nil {
		return nil, err
	}
	command := exec.CommandContext(ctx, program, args...)
	var stderr strings.Builder
	command.Stderr = &stderr
	text, err := command.Output()
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w\n%s", tool, strings.Join(args, " "), err, stderr.String())
	}
	return kube.Decode(text)
}
