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
			flags: []string{"-ldflags", "-s -w"}, make: makeKEDA,
		},
		PrometheusAdapter: {
			title: "prometheus-adapter", cost: "about 90 seconds",
			flags: []string{"-ldflags", "-s -w"}, make: goBuild("sigs.k8s.io/prometheus-adapter/cmd/adapter"),
		},
	}
}

// makeKEDA adds the custom resource definitions, which are in KEDA's module.
func makeKEDA(ctx context.Context, j *job) error {
	const module = "github.com/kedacore/keda/v2"
	if err := goBuild(module+"/cmd/operator", module+"/cmd/adapter")(ctx, j); err != nil {
		return err
	}
	folder, err := moduleFolder(ctx, j, module)
	if err != nil {
		return err
	}
	return os.CopyFS(filepath.Join(j.result, "crds"), os.DirFS(filepath.Join(folder, "config", "crd", "bases")))
}
