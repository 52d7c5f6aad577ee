package build

import (
	"bytes"
	"path/filepath"
	"testing"
)

// A control plane that is there already is not built; one that lacks a program is.
func TestAssets(t *testing.T) {
	t.Run("not set", func(t *testing.T) {
		t.Setenv("KUBEBUILDER_ASSETS", "")
		var out bytes.Buffer
		if got := assets(&out); got != "" || out.Len() > 0 {
			t.Errorf("the folder is %q, the output %q", got, out.String())
		}
	})
	t.Run("all programs", func(t *testing.T) {
		folder := t.TempDir()
		for _, name := range Components {
			writeFile(t, filepath.Join(folder, name), "program")
		}
		t.Setenv("KUBEBUILDER_ASSETS", folder)
		folders, err := Ensure(t.Context(), t.Output(), Kubernetes)
		if err != nil || folders[Kubernetes] != folder {
			t.Errorf("the folder is %q (%v), want %q", folders[Kubernetes], err, folder)
		}
	})
	t.Run("those of setup-envtest", func(t *testing.T) {
		folder := t.TempDir()
		for _, name := range []string{"etcd", "kube-apiserver", "kubectl"} {
			writeFile(t, filepath.Join(folder, name), "program")
		}
		t.Setenv("KUBEBUILDER_ASSETS", folder)
		var out bytes.Buffer
		want := "KUBEBUILDER_ASSETS is not used: " + folder + " lacks kube-controller-manager, kube-scheduler\n"
		if got := assets(&out); got != "" || out.String() != want {
			t.Errorf("the folder is %q, the output %q, want %q", got, out.String(), want)
		}
	})
}
