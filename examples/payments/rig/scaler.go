package rig

import (
	"context"
	"path/filepath"

	"github.com/camunda-autoscaler/camunda-autoscaler/testbed/kube"
	"github.com/camunda-autoscaler/camunda-autoscaler/testbed/scaler"
)

const scalerNamespace = "autoscaling"

// startScaler starts the scaler as its chart does with the example's values. Only its
// delays are shorter.
func (r *Rig) startScaler(ctx context.Context, program, address string) error {
	folder, err := Folder()
	if err != nil {
		return err
	}
	namespace := kube.Object{"apiVersion": "v1", "kind": "Namespace", "metadata": kube.Object{"name": scalerNamespace}}
	if err := r.Cluster.Create(ctx, "", namespace); err != nil {
		return err
	}
	r.Scaler = "http://" + address
	r.scaler, err = scaler.Start(ctx, r.Cluster, scaler.Spec{
		Program: program, Dir: r.dir, Namespace: scalerNamespace, Address: address,
		Values: []string{
			"--values=" + filepath.Join(folder, "scaler-values.yaml"),
			"--set=scaler.config.prometheus.url=" + r.Prometheus.URL, "--set=scaler.config.interval=" + interval.String(),
			"--set=scaler.targets.payment-provider.scale_up_delay=4s", "--set=scaler.targets.payment-provider.scale_down_delay=10s",
		},
	})
	return err
}
