package e2e

import (
	"context"
	"strings"
	"testing"
)

// testAccess checks the rights of the charts' ServiceAccounts.
func testAccess(ctx context.Context, t *testing.T, s *stack) {
	account := func(deployment string) string {
		return s.kubectl(ctx, "get", "deployment", deployment, "--output=jsonpath={.spec.template.spec.serviceAccountName}")
	}
	scaler := account("autoscaler-camunda-autoscaler-scaler")
	exporter := account("autoscaler-camunda-autoscaler-exporter")
	for _, c := range []struct {
		account, question, want string
	}{
		{scaler, "patch deployments/camunda-deployment --subresource=scale", "yes"},
		{scaler, "get deployments/camunda-deployment --subresource=scale", "yes"},
		{scaler, "get leases/autoscaler-camunda-autoscaler-scaler", "yes"},
		{scaler, "update leases/autoscaler-camunda-autoscaler-scaler", "yes"},
		{scaler, "create events", "yes"},
		{scaler, "list deployments/camunda-deployment", "yes"},
		{scaler, "watch deployments/camunda-deployment", "yes"},
		{scaler, "list horizontalpodautoscalers", "yes"},

		{scaler, "list deployments", "no"},
		{scaler, "watch deployments/camunda-process-starter", "no"},
		{scaler, "patch horizontalpodautoscalers", "no"},
		{scaler, "get deployments/camunda-deployment", "no"},
		{scaler, "patch deployments/camunda-deployment", "no"},
		{scaler, "delete deployments/camunda-deployment", "no"},
		{scaler, "patch deployments/camunda-process-starter --subresource=scale", "no"},
		{scaler, "patch statefulsets/db --subresource=scale", "no"},
		{scaler, "patch deployments --subresource=scale --namespace=default", "no"},
		{scaler, "get secrets/db", "no"},
		{scaler, "create pods", "no"},
		{scaler, "delete pods", "no"},
		{scaler, "create pods --subresource=exec", "no"},
		{scaler, "delete leases", "no"},
		{scaler, "create rolebindings.rbac.authorization.k8s.io", "no"},
		{scaler, "list nodes", "no"},
		{scaler, "list namespaces", "no"},

		{exporter, "get pods", "no"},
		{exporter, "get secrets/db", "no"},
		{exporter, "get deployments/camunda-deployment", "no"},
		{exporter, "create leases", "no"},
	} {
		args := append([]string{"auth", "can-i"}, strings.Fields(c.question)...)
		if !strings.Contains(c.question, "--namespace") {
			args = append(args, "--namespace="+namespace)
		}
		// It exits with 1 for no; an answer there is in any case.
		out, err := s.Kubectl(ctx, append(args, "--as=system:serviceaccount:"+namespace+":"+c.account)...)
		if got := strings.TrimSpace(out); got != c.want {
			t.Errorf("may %s %s? %q (%v), want %s", c.account, c.question, got, err, c.want)
		}
	}
}
