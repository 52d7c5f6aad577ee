package check

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/camunda-autoscaler/camunda-autoscaler/charts/project"
)

// What users apply with kubectl is what the API servers know, and the Prometheus operator.
func TestExamplesManifests(t *testing.T) {
	const top = "examples/payments/kubernetes"
	rendered := t.TempDir()
	for _, folder := range []string{".", "monitoring", "overlays/ingress", "overlays/real-antaeus", "overlays/gitops"} {
		text := needs(t, project.Kustomize, "build", filepath.Join(top, folder))
		writeFile(t, filepath.Join(rendered, strings.ReplaceAll(folder, "/", "-")+".yaml"), text)
	}
	checkSchemas(t, rendered)
}
