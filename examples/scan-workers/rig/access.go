package rig

import "context"

// user is whom the scaler is, with the rights that the chart camunda-autoscaler
// gives it for targets with busy_pods.
const user = "camunda-scaler"

func (r *Rig) grant(ctx context.Context) (kubeconfig string, err error) {
	rule := func(group, resource string, verbs ...string) Object {
		return Object{"apiGroups": []string{group}, "resources": []string{resource}, "verbs": verbs}
	}
	metadata := Object{"name": user}
	err = Create(ctx, r.Cluster, Namespace,
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
