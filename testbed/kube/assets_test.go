package kube

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/camunda-autoscaler/camunda-autoscaler/testbed/build"
)

// A control plane starts from the programs that KUBEBUILDER_ASSETS has, too:
// here they are those of the part, by their own names.
func TestClusterOfAssets(t *testing.T) {
	folder, err := build.Folder(t.Context(), build.Kubernetes)
	if err != nil {
		t.Fatal(err)
	}
	all := filepath.Join(folder, "kubernetes")
	if !exists(all) {
		t.Skip("KUBEBUILDER_ASSETS is set, so every other test starts from it")
	}
	assets := t.TempDir()
	for _, name := range build.Components {
		program := fmt.Sprintf("#!/bin/sh\ntouch \"$0.ran\"\nexec %q %s \"$@\"\n", all, name)
		if err := os.WriteFile(filepath.Join(assets, name), []byte(program), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("KUBEBUILDER_ASSETS", assets)
	cluster, err := Start(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer cluster.Stop()
	for _, name := range build.Components {
		if !exists(filepath.Join(assets, name+".ran")) {
			t.Errorf("%s was not taken from KUBEBUILDER_ASSETS", name)
		}
	}
}
