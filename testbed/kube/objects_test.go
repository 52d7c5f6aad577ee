package kube

import "testing"

func TestCollection(t *testing.T) {
	object := func(version, kind, namespace string) Object {
		return Object{"apiVersion": version, "kind": kind, "metadata": Object{"name": "x", "namespace": namespace}}
	}
	for want, o := range map[string]Object{
		"/api/v1/namespaces":                                                object("v1", "Namespace", ""),
		"/api/v1/namespaces/given/services":                                 object("v1", "Service", ""),
		"/apis/apps/v1/namespaces/own/deployments":                          object("apps/v1", "Deployment", "own"),
		"/apis/networking.k8s.io/v1/namespaces/given/networkpolicies":       object("networking.k8s.io/v1", "NetworkPolicy", ""),
		"/apis/networking.k8s.io/v1/namespaces/given/ingresses":             object("networking.k8s.io/v1", "Ingress", ""),
		"/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies": object("admissionregistration.k8s.io/v1", "ValidatingAdmissionPolicy", ""),
	} {
		t.Run(want, func(t *testing.T) {
			if got := collection(o, "given"); got != want {
				t.Errorf("got %s", got)
			}
		})
	}
}
