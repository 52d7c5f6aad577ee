package scaler

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"
)

type kubeEvent struct {
	Type, Reason, Message string
	InvolvedObject        struct{ UID, Name, Kind string }
}

func eventsOf(t *testing.T, ns, reason string) []kubeEvent {
	t.Helper()
	var list struct{ Items []kubeEvent }
	// As kubectl describe asks for them, by the workload's UID.
	var d struct{ Metadata struct{ UID string } }
	if err := cluster.Request(t.Context(), http.MethodGet, "/apis/apps/v1/namespaces/"+ns+"/deployments/camunda-deployment", nil, &d); err != nil {
		t.Fatal(err)
	}
	path := fmt.Sprintf("/api/v1/namespaces/%s/events?fieldSelector=involvedObject.uid=%s,reason=%s", ns, d.Metadata.UID, reason)
	if err := cluster.Request(t.Context(), http.MethodGet, path, nil, &list); err != nil {
		t.Fatal(err)
	}
	return list.Items
}

func TestEvents(t *testing.T) {
	t.Parallel()
	ns := namespace(t)
	createWorkload(t, ns, "Deployment", "camunda-deployment", 1)
	user := "scaler-of-" + ns
	kubeconfig, err := cluster.UserKubeconfig(user)
	if err != nil {
		t.Fatal(err)
	}
	rule := func(group, resource string, verbs ...string) object {
		return object{"apiGroups": []string{group}, "resources": []string{resource}, "verbs": verbs}
	}
	role := func(rules ...object) object {
		return object{"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role", "metadata": object{"name": "scaler"}, "rules": rules}
	}
	rbac := "/apis/rbac.authorization.k8s.io/v1/namespaces/" + ns
	create(t, rbac+"/roles", role(rule("apps", "deployments/scale", "get"), rule("", "events", "create")))
	create(t, rbac+"/rolebindings", object{
		"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding", "metadata": object{"name": "scaler"},
		"roleRef":  object{"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "scaler"},
		"subjects": []object{{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": user}},
	})
	target := newScraped(t, started(60))
	s := startScaler(t, startPrometheus(t, target, time.Second), append(quick(ns), "--kubeconfig="+kubeconfig)...)
	awaitEvents := func(reason string, n int) []kubeEvent {
		t.Helper()
		var found []kubeEvent
		await(t, func() string {
			if found = eventsOf(t, ns, reason); len(found) != n {
				return fmt.Sprintf("%d Events %s, want %d", len(found), reason, n)
			}
			return ""
		})
		return found
	}
	e := awaitEvents("ScalingFailed", 1)[0]
	if e.Type != "Warning" || !strings.Contains(e.Message, "Could not scale from 1 to 2 replicas") || !strings.Contains(e.Message, "forbidden") {
		t.Errorf("unexpected Event %+v", e)
	}
	s.awaitReason(t, len(s.decisions(t)), "write_failed") // the next failure is no news
	awaitEvents("ScalingFailed", 1)

	allowed := role(rule("apps", "deployments/scale", "get", "patch"), rule("", "events", "create"))
	if err := cluster.Request(t.Context(), http.MethodPatch, rbac+"/roles/scaler", allowed, nil); err != nil {
		t.Fatal(err)
	}
	e = awaitEvents("ScaledUp", 1)[0]
	if want := "Scaled from 1 to 2 replicas: 60 on 1 is 60 per replica, and the bound is 50"; e.Type != "Normal" || e.Message != want {
		t.Errorf("got %+v, want %s", e, want)
	}

	// Without the right to create Events it scales all the same.
	silent := role(rule("apps", "deployments/scale", "get", "patch"))
	if err := cluster.Request(t.Context(), http.MethodPatch, rbac+"/roles/scaler", silent, nil); err != nil {
		t.Fatal(err)
	}
	await(t, func() string { // the change takes a moment to be seen
		target.set(started(0))
		awaitReplicas(t, ns, 1)
		target.set(started(60))
		awaitReplicas(t, ns, 2)
		if len(s.lines(t, "cannot create events")) == 0 {
			return "no warning"
		}
		return ""
	})
}
