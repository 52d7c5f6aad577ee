package rig

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/camunda-autoscaler/camunda-autoscaler/testbed/build"
	"github.com/camunda-autoscaler/camunda-autoscaler/testbed/kube"
	"github.com/camunda-autoscaler/camunda-autoscaler/testbed/process"
)

const (
	scalerNamespace = "autoscaling"
	scalerRelease   = "autoscaler"
)

// startScaler renders the scaler's chart with the example's values, creates its Roles,
// and runs the scaler with its configuration and with what its ServiceAccount may do,
// and nothing else. Only its delays are shorter.
func (r *Rig) startScaler(ctx context.Context, program, address string) error {
	folder, err := Folder()
	if err != nil {
		return err
	}
	helm, err := build.Tool(ctx, "helm")
	if err != nil {
		return err
	}
	all, err := rendered(ctx, helm, "template", scalerRelease, filepath.Join(folder, "..", "..", "charts", "camunda-autoscaler"),
		"--namespace="+scalerNamespace, "--kube-version=1.36", "--values="+filepath.Join(folder, "scaler-values.yaml"),
		"--set=scaler.config.prometheus.url="+r.Prometheus.URL, "--set=scaler.config.interval="+interval.String(),
		"--set=scaler.targets.payment-provider.scale_up_delay=4s", "--set=scaler.targets.payment-provider.scale_down_delay=10s")
	if err != nil {
		return err
	}
	namespace := kube.Object{"apiVersion": "v1", "kind": "Namespace", "metadata": kube.Object{"name": scalerNamespace}}
	if err := r.Cluster.Create(ctx, "", namespace); err != nil {
		return err
	}
	account := ""
	for _, o := range all {
		kind, _ := o["kind"].(string)
		switch {
		case hook(o):
		case slices.Contains([]string{"Role", "RoleBinding", "ServiceAccount"}, kind):
			if err := r.Cluster.Create(ctx, scalerNamespace, o); err != nil {
				return err
			}
			if kind == "ServiceAccount" {
				account = name(o)
			}
		case kind == "ConfigMap":
			data, _ := o["data"].(kube.Object)
			text, _ := data["config.yml"].(string)
			if err := os.WriteFile(r.path("scaler.yml"), []byte(text), 0o644); err != nil {
				return err
			}
		}
	}
	if account == "" {
		return errors.New("the scaler's chart has no ServiceAccount")
	}
	check := process.Spec{Name: "check-config", Path: program, Args: []string{"check-config", "--strict", r.path("scaler.yml")}, Log: r.path("check-config.log")}
	if err := process.Run(ctx, check); err != nil {
		return err
	}
	kubeconfig, err := r.Cluster.UserKubeconfig(fmt.Sprintf("system:serviceaccount:%s:%s", scalerNamespace, account), "system:serviceaccounts", "system:authenticated")
	if err != nil {
		return err
	}
	r.Scaler = "http://" + address
	r.scaler, err = process.Start(ctx, process.Spec{
		Name: "camunda-scaler", Path: program, Dir: r.dir, Log: r.path("scaler.log"),
		Args: []string{"--config.file=" + r.path("scaler.yml"), "--kubeconfig=" + kubeconfig, "--web.listen-address=" + address},
	})
	if err != nil {
		return err
	}
	return r.scaler.AwaitReady(ctx, "the scaler", r.Scaler+"/-/healthy", time.Minute)
}

// hook is true for what Helm creates for a moment before an installation.
func hook(o kube.Object) bool {
	metadata, _ := o["metadata"].(kube.Object)
	annotations, _ := metadata["annotations"].(kube.Object)
	return annotations["helm.sh/hook"] != nil
}
