package scale

import (
	"context"
	"net/http"
	"strings"

	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
)

// grant makes the scaler's user: it may do what docs/permissions.md says, and
// priority and fairness applies to it as to a service account.
func (w *World) grant(ctx context.Context) (err error) {
	const user = "scaler"
	if w.kubeconfig, err = w.cluster.UserKubeconfig(user, "system:serviceaccounts"); err != nil {
		return err
	}
	rule := func(group, resource string, verbs ...string) object {
		return object{"apiGroups": []string{group}, "resources": []string{resource}, "verbs": verbs}
	}
	const rbac = "/apis/rbac.authorization.k8s.io/v1/namespaces/" + namespace
	if err := w.cluster.Request(ctx, http.MethodPost, rbac+"/roles", object{
		"metadata": object{"name": user},
		"rules": []object{
			rule("apps", "deployments/scale", "get", "patch"), rule("apps", "deployments", "list", "watch"),
			rule("autoscaling", "horizontalpodautoscalers", "list"), rule("", "events", "create"),
		},
	}, nil); err != nil {
		return err
	}
	return w.cluster.Request(ctx, http.MethodPost, rbac+"/rolebindings", object{
		"metadata": object{"name": user},
		"roleRef":  object{"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": user},
		"subjects": []object{{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": user}},
	}, nil)
}

// requests counts those for Deployments by verb, as the API server counts them,
// and all that it refused because there were too many. What creates the
// Deployments is left out.
func (w *World) requests(ctx context.Context) (map[string]float64, error) {
	text, err := w.cluster.Watch(ctx, "/metrics") // that is, a GET of what is not JSON
	if err != nil {
		return nil, err
	}
	defer text.Close()
	parser := expfmt.NewTextParser(model.UTF8Validation)
	all, err := parser.TextToMetricFamilies(text)
	if err != nil {
		return nil, err
	}
	n := map[string]float64{}
	// A watch is counted as a request when it ends: what is open comes to it.
	for _, family := range []string{"apiserver_request_total", "apiserver_longrunning_requests"} {
		for _, one := range all[family].GetMetric() {
			label := map[string]string{}
			for _, l := range one.GetLabel() {
				label[l.GetName()] = l.GetValue()
			}
			value := one.GetCounter().GetValue() + one.GetGauge().GetValue()
			if label["code"] == "429" {
				n["429"] += value
			}
			if label["resource"] == "deployments" && label["verb"] != http.MethodPost {
				n[strings.TrimSpace(label["verb"]+" "+label["subresource"])] += value
			}
		}
	}
	return n, nil
}
