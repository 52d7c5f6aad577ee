package build

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
)

// The other autoscalers that a benchmark runs next to the scaler.
const (
	KEDA              Part = "keda"               // operator, adapter and crds/
	PrometheusAdapter Part = "prometheus-adapter" // adapter
)

// Flux is what a test of GitOps runs, that nothing runs unless it is asked to:
// kustomize-controller, and crds/. Flux's other controllers cannot be had here.
const Flux Part = "flux"

// PeerParts returns the other autoscalers. Nothing builds them unless it is
// asked to.
func PeerParts() []Part { return []Part{PrometheusAdapter, KEDA} }

// Peer returns the folder of one of them, if it is built.
func Peer(part Part) (string, error) {
	source, err := Checkout()
	if err != nil {
		return "", err
	}
	cache, err := cacheFolder()
	if err != nil {
		return "", err
	}
	recipe := peerRecipes()[part]
	j, err := newJob(filepath.Join(source, "testbed", "parts", string(part)), cache, part, recipe, os.Stderr)
	if err != nil {
		return "", err
	}
	if !exists(j.folder) {
		return "", fmt.Errorf("%s is not built: run `make bench-peers` first (%s)", recipe.title, recipe.cost)
	}
	return j.folder, nil
}

func peerRecipes() map[Part]recipe {
	return map[Part]recipe{
		KEDA: {
			title: "KEDA", cost: "about 6 minutes",
			flags: []string{"-ldflags", "-s -w"},
			make:  goBuildWithCRDs("github.com/kedacore/keda/v2", "/cmd/operator", "/cmd/adapter"),
		},
		PrometheusAdapter: {
			title: "prometheus-adapter", cost: "about 90 seconds",
			flags: []string{"-ldflags", "-s -w"}, make: goBuild("sigs.k8s.io/prometheus-adapter/cmd/adapter"),
		},
		Flux: {
			title: "Flux's kustomize-controller", cost: "about 5 minutes",
			flags: []string{"-ldflags", "-s -w"}, make: goBuildWithCRDs("github.com/fluxcd/kustomize-controller", ""),
		},
	}
}

// goBuildWithCRDs is goBuild for packages of a module that has custom resource
// definitions too.
func goBuildWithCRDs(module string, packages ...string) func(context.Context, *job) error {
	return func(ctx context.Context, j *job) error {
		var paths []string
		for _, p := range packages {
			paths = append(paths, module+p)
		}
		if err := goBuild(paths...)(ctx, j); err != nil {
			return err
		}
		folder, err := moduleFolder(ctx, j, module)
		if err != nil {
			return err
		}
		return os.CopyFS(filepath.Join(j.result, "crds"), os.DirFS(filepath.Join(folder, "config", "crd", "bases")))
	}
}
