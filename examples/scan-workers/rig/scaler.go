package rig

import (
	"context"
	"fmt"
	"maps"
	"os"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/camunda-autoscaler/camunda-autoscaler/testbed/process"
)

// grant gives the scaler the rights that the chart gives it for these targets, and
// returns its kubeconfig.
func (r *Rig) grant(ctx context.Context, targets []Object) (kubeconfig string, err error) {
	byName := Object{"camunda": nil} // the chart's own
	for _, target := range targets {
		target = maps.Clone(target)
		name := target["name"].(string)
		delete(target, "name")
		byName[name] = target
	}
	values, err := yaml.Marshal(Object{"exporter": Object{"enabled": false}, "scaler": Object{
		"config": Object{"prometheus": Object{"url": r.Prometheus.URL}}, "targets": byName,
	}})
	if err != nil {
		return "", err
	}
	if err := os.WriteFile(r.path("scaler-values.yaml"), values, 0o644); err != nil {
		return "", err
	}
	all, err := Render(ctx, "../../charts/camunda-autoscaler", "autoscaler", r.path("scaler-values.yaml"))
	if err != nil {
		return "", err
	}
	account := ""
	for _, o := range all {
		switch o["kind"] {
		case "RoleBinding":
			account = o["subjects"].([]any)[0].(Object)["name"].(string)
		case "Role":
		default:
			continue
		}
		if err := r.Cluster.Create(ctx, Namespace, o); err != nil {
			return "", err
		}
	}
	return r.Cluster.UserKubeconfig("system:serviceaccount:"+Namespace+":"+account, "system:serviceaccounts", "system:authenticated")
}

// startScaler starts the scaler with a target for each pool that has one.
func (r *Rig) startScaler(ctx context.Context, address string) error {
	var targets []Object
	for _, p := range r.Pools {
		if p.Target == nil {
			continue
		}
		target := Object{
			"name":            p.Name,
			"workload":        Object{"namespace": Namespace, "name": p.Name},
			"query":           fmt.Sprintf(`sum(rabbitmq_detailed_queue_messages{queue="%s"})`, p.Name),
			"timestamp_query": fmt.Sprintf(`min(timestamp(rabbitmq_detailed_queue_messages{queue="%s"}))`, p.Name),
		}
		maps.Copy(target, p.Target)
		targets = append(targets, target)
	}
	if len(targets) == 0 {
		return nil
	}
	text, err := yaml.Marshal(Object{"prometheus": Object{"url": r.Prometheus.URL}, "interval": r.Decide.String(), "targets": targets})
	if err != nil {
		return err
	}
	if err := os.WriteFile(r.path("scaler.yml"), text, 0o644); err != nil {
		return err
	}
	kubeconfig, err := r.grant(ctx, targets)
	if err != nil {
		return err
	}
	r.Scaler, r.ScalerLog = "http://"+address, r.path("scaler.log")
	r.scaler, err = process.Start(ctx, process.Spec{
		Name: "camunda-scaler", Path: r.products.Scaler, Dir: r.dir, Log: r.ScalerLog,
		Args: []string{"--config.file=" + r.path("scaler.yml"), "--kubeconfig=" + kubeconfig, "--web.listen-address=" + address},
	})
	if err != nil {
		return err
	}
	return r.scaler.AwaitReady(ctx, "the scaler", r.Scaler+"/-/healthy", time.Minute)
}
