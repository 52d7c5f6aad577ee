// Package scaler runs the scaler as its chart installs it, without a container.
package scaler

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
	"github.com/camunda-autoscaler/camunda-autoscaler/testbed/render"
)

// Spec says what to run.
type Spec struct {
	Program   string   // path
	Dir       string   // of the configuration and the log, scaler.log
	Namespace string   // that exists, of its Roles and its ServiceAccount
	Address   string   // to listen at
	Values    []string // flags of helm template, such as --values=FILE
}

// Start creates what the chart camunda-autoscaler renders of Roles, and runs the scaler
// with the chart's configuration and with what its ServiceAccount may do, and nothing
// else. It returns when the scaler answers.
func Start(ctx context.Context, cluster *kube.Cluster, s Spec) (*process.Process, error) {
	checkout, err := build.Checkout()
	if err != nil {
		return nil, err
	}
	all, err := render.Chart(ctx, append([]string{
		"autoscaler", filepath.Join(checkout, "charts", "camunda-autoscaler"), "--namespace=" + s.Namespace, "--kube-version=1.36",
	}, s.Values...)...)
	if err != nil {
		return nil, err
	}
	config := filepath.Join(s.Dir, "scaler.yml")
	account := ""
	for _, o := range all {
		metadata, _ := o["metadata"].(kube.Object)
		annotations, _ := metadata["annotations"].(kube.Object)
		kind, _ := o["kind"].(string)
		switch {
		case annotations["helm.sh/hook"] != nil: // is there only for a moment before an installation
		case slices.Contains([]string{"Role", "RoleBinding", "ServiceAccount"}, kind):
			if err := cluster.Create(ctx, s.Namespace, o); err != nil {
				return nil, err
			}
			if kind == "ServiceAccount" {
				account, _ = metadata["name"].(string)
			}
		case kind == "ConfigMap":
			data, _ := o["data"].(kube.Object)
			text, _ := data["config.yml"].(string)
			if err := os.WriteFile(config, []byte(text), 0o644); err != nil {
				return nil, err
			}
		}
	}
	if account == "" {
		return nil, errors.New("the scaler's chart has no ServiceAccount")
	}
	check := process.Spec{Name: "check-config", Path: s.Program, Args: []string{"check-config", "--strict", config}, Log: filepath.Join(s.Dir, "check-config.log")}
	if err := process.Run(ctx, check); err != nil {
		return nil, err
	}
	kubeconfig, err := cluster.UserKubeconfig(fmt.Sprintf("system:serviceaccount:%s:%s", s.Namespace, account), "system:serviceaccounts", "system:authenticated")
	if err != nil {
		return nil, err
	}
	p, err := process.Start(ctx, process.Spec{
		Name: "camunda-scaler", Path: s.Program, Dir: s.Dir, Log: filepath.Join(s.Dir, "scaler.log"),
		Args: []string{"--config.file=" + config, "--kubeconfig=" + kubeconfig, "--web.listen-address=" + s.Address},
	})
	if err != nil {
		return nil, err
	}
	return p, p.AwaitReady(ctx, "the scaler", "http://"+s.Address+"/-/healthy", time.Minute)
}
