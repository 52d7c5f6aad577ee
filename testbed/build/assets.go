package build

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
)

// Components are the programs of a control plane: arguments of the part
// Kubernetes, or files of their own in the folder KUBEBUILDER_ASSETS.
var Components = []string{"etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler"}

// assets returns the folder that KUBEBUILDER_ASSETS names, as for envtest, if
// it has a whole control plane, which then need not be built. What setup-envtest
// downloads lacks two of its programs; a release of Kubernetes has them.
func assets(out io.Writer) string {
	folder := os.Getenv("KUBEBUILDER_ASSETS")
	if folder == "" {
		return ""
	}
	var missing []string
	for _, name := range Components {
		if !exists(filepath.Join(folder, name)) {
			missing = append(missing, name)
		}
	}
	if len(missing) > 0 {
		fmt.Fprintf(out, "KUBEBUILDER_ASSETS is not used: %s lacks %s\n", folder, strings.Join(missing, ", "))
		return ""
	}
	return folder
}
