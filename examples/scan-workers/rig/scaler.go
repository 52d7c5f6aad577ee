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

// user is whom the scaler is, with the rights that the chart camunda-autoscaler
// gives it for targets with busy_pods.
const user = "camunda-scaler"

func (r *Rig) grant(ctx context.Context) (kubeconfig string, err error) {
	rule := func(group, resource string, verbs ...string) Object {
		return Object{"apiGroups": []string{group}, "resources": []string{resource}, "verbs": verbs}
	}
	metadata := Object{"name": user}
	err = r.Cluster.Create(ctx, Namespace,
		Object{"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role", "metadata": metadata, "rules": []Object{
			rule("apps", "deployments/scale", "get", "patch"),
			rule("apps", "deployments", "list", "watch"),
			rule("autoscaling", "horizontalpodautoscalers", "list"),
			rule("", "events", "create", "list"),
			rule("", "pods", "list", "patch"),
		}},
		Object{
			"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding", "metadata": metadata,
			"roleRef":  Object{"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": user},
			"subjects": []Object{{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": user}},
		})
	if err != nil {
		return "", err
	}
	return r.Cluster.UserKubeconfig(user)
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
	kubeconfig, err := r.grant(ctx)
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
