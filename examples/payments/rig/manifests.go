package rig

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"path/filepath"

	"github.com/camunda-autoscaler/camunda-autoscaler/testbed/build"
	"github.com/camunda-autoscaler/camunda-autoscaler/testbed/kube"
	"github.com/camunda-autoscaler/camunda-autoscaler/testbed/render"
)

// Folder is the example's in the checkout.
func Folder() (string, error) {
	checkout, err := build.Checkout()
	return filepath.Join(checkout, "examples", "payments"), err
}

// Render renders a folder below kubernetes as `kubectl kustomize` does.
func Render(ctx context.Context, folder string) ([]kube.Object, error) {
	example, err := Folder()
	if err != nil {
		return nil, err
	}
	return render.Kustomization(ctx, filepath.Join(example, "kubernetes", folder))
}

// deploy applies the manifests, with what processes need in place of containers: the
// addresses of Services and a folder for the volume; and with shorter times.
func (r *Rig) deploy(ctx context.Context) error {
	all, err := Render(ctx, ".")
	if err != nil {
		return err
	}
	for _, o := range all {
		switch {
		case o["kind"] != "Deployment":
		case name(o) == Antaeus:
			setEnv(o, map[string]string{"PAYMENT_PROVIDER_ENDPOINT": r.Provider + "/", "ANTAEUS_DATABASE": r.path("antaeus.db")})
		case name(o) == Provider: // nothing here takes as long to learn of a change as a large cluster
			container(o)["lifecycle"] = kube.Object{"preStop": kube.Object{"sleep": kube.Object{"seconds": 1}}}
		}
	}
	// There is no provisioner.
	volume := kube.Object{
		"apiVersion": "v1", "kind": "PersistentVolume", "metadata": kube.Object{"name": "payments"},
		"spec": kube.Object{
			"accessModes": []string{"ReadWriteOnce"}, "capacity": kube.Object{"storage": "1Gi"}, "hostPath": kube.Object{"path": r.dir},
		},
	}
	return r.Cluster.Create(ctx, Namespace, append(all, volume)...)
}

func name(o kube.Object) string {
	metadata, _ := o["metadata"].(kube.Object)
	name, _ := metadata["name"].(string)
	return name
}

// container is the container of a Deployment that has one.
func container(o kube.Object) kube.Object {
	return o["spec"].(kube.Object)["template"].(kube.Object)["spec"].(kube.Object)["containers"].([]any)[0].(kube.Object)
}

// setEnv sets environment variables of a Deployment's container.
func setEnv(o kube.Object, values map[string]string) {
	c := container(o)
	var env []any
	all, _ := c["env"].([]any)
	for _, e := range all {
		if _, set := values[e.(kube.Object)["name"].(string)]; !set {
			env = append(env, e)
		}
	}
	for name, value := range values {
		env = append(env, kube.Object{"name": name, "value": value})
	}
	c["env"] = env
}

func deployment(name string) string {
	return "/apis/apps/v1/namespaces/" + Namespace + "/deployments/" + name
}

// Set sets environment variables of a Deployment's container, and an image unless it
// is "", and returns when its Pods have them.
func (r *Rig) Set(ctx context.Context, name, image string, env map[string]string) error {
	for {
		var o kube.Object
		if err := r.Cluster.Request(ctx, http.MethodGet, deployment(name), nil, &o); err != nil {
			return err
		}
		setEnv(o, env)
		if image != "" {
			container(o)["image"] = image
		}
		err := r.Cluster.Request(ctx, http.MethodPut, deployment(name), o, nil)
		if conflict(err) {
			continue // a status was written meanwhile
		}
		if err != nil {
			return fmt.Errorf("change the Deployment %s: %w", name, err)
		}
		return r.Settled(ctx)
	}
}

func conflict(err error) bool {
	var status *kube.StatusError
	return errors.As(err, &status) && status.Code == http.StatusConflict
}
