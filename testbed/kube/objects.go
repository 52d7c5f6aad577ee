package kube

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Object is a Kubernetes object.
type Object = map[string]any

// Decode reads manifests: YAML documents with an object each.
func Decode(manifests []byte) (all []Object, err error) {
	for d := yaml.NewDecoder(bytes.NewReader(manifests)); ; {
		var o Object
		if err := d.Decode(&o); errors.Is(err, io.EOF) {
			return all, nil
		} else if err != nil {
			return nil, fmt.Errorf("decode manifests: %w", err)
		}
		if o != nil {
			all = append(all, o)
		}
	}
}

// Create creates objects, as administrator: in the namespace that each names, or
// else in the given one. The API server refuses fields that it does not know.
func (c *Cluster) Create(ctx context.Context, namespace string, all ...Object) error {
	for _, o := range all {
		if err := c.Request(ctx, http.MethodPost, collection(o, namespace)+"?fieldValidation=Strict", o, nil); err != nil {
			return fmt.Errorf("create a %v: %w", o["kind"], err)
		}
	}
	return nil
}

// Check returns an error if the API server would refuse to create objects, or to
// change those that there are.
func (c *Cluster) Check(ctx context.Context, namespace string, all ...Object) error {
	const query = "?dryRun=All&fieldValidation=Strict"
	for _, o := range all {
		metadata, _ := o["metadata"].(Object)
		path := collection(o, namespace)
		err := c.Request(ctx, http.MethodPatch, fmt.Sprint(path, "/", metadata["name"], query), o, nil)
		var status *StatusError
		if errors.As(err, &status) && status.Code == http.StatusNotFound {
			err = c.Request(ctx, http.MethodPost, path+query, o, nil)
		}
		if err != nil {
			return fmt.Errorf("check the %v %v: %w", o["kind"], metadata["name"], err)
		}
	}
	return nil
}

var clusterKinds = []string{
	"ClusterRole", "ClusterRoleBinding", "CustomResourceDefinition", "Namespace", "PersistentVolume",
	"ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding",
}

// collection is the path of an object's kind.
func collection(o Object, namespace string) string {
	version, _ := o["apiVersion"].(string)
	kind, _ := o["kind"].(string)
	root := "/apis/" + version
	if version == "v1" {
		root = "/api/v1"
	}
	plural := strings.ToLower(kind) + "s"
	if name, ok := strings.CutSuffix(plural, "ys"); ok {
		plural = name + "ies"
	} else if strings.HasSuffix(plural, "ss") {
		plural = strings.ToLower(kind) + "es"
	}
	if slices.Contains(clusterKinds, kind) {
		return root + "/" + plural
	}
	metadata, _ := o["metadata"].(Object)
	if own, _ := metadata["namespace"].(string); own != "" {
		namespace = own
	}
	return root + "/namespaces/" + namespace + "/" + plural
}
