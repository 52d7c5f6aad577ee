package rig

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os/exec"
	"path/filepath"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/camunda-autoscaler/camunda-autoscaler/testbed/build"
	"github.com/camunda-autoscaler/camunda-autoscaler/testbed/kube"
)

// Object is a Kubernetes object.
type Object = map[string]any

// Folder is the example's in the checkout.
func Folder() (string, error) {
	checkout, err := build.Checkout()
	return filepath.Join(checkout, "examples", "scan-workers"), err
}

// Render renders a chart of the example as `helm template` does.
func Render(ctx context.Context, chart, release string, values ...string) ([]Object, error) {
	folder, err := Folder()
	if err != nil {
		return nil, err
	}
	helm, err := build.Tool(ctx, "helm")
	if err != nil {
		return nil, err
	}
	args := []string{"template", release, filepath.Join(folder, "charts", chart)}
	for _, file := range values {
		args = append(args, "--values="+file)
	}
	command := exec.CommandContext(ctx, helm, args...)
	var stderr strings.Builder
	command.Stderr = &stderr
	text, err := command.Output()
	if err != nil {
		return nil, fmt.Errorf("render the chart %s: %w\n%s", chart, err, stderr.String())
	}
	return decode(text)
}

func decode(text []byte) (all []Object, err error) {
	for d := yaml.NewDecoder(bytes.NewReader(text)); ; {
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

// Create creates objects in a namespace.
func Create(ctx context.Context, cluster *kube.Cluster, namespace string, all ...Object) error {
	for _, o := range all {
		if err := cluster.Request(ctx, http.MethodPost, collection(o, namespace), o, nil); err != nil {
			return fmt.Errorf("create a %v: %w", o["kind"], err)
		}
	}
	return nil
}

// collection is the path of an object's kind.
func collection(o Object, namespace string) string {
	version, _ := o["apiVersion"].(string)
	kind, _ := o["kind"].(string)
	root, plural := "/apis/"+version, strings.ToLower(kind)+"s"
	if version == "v1" {
		root = "/api/v1"
	}
	if name, ok := strings.CutSuffix(plural, "ys"); ok {
		plural = name + "ies"
	}
	if kind == "Namespace" {
		return root + "/" + plural
	}
	return root + "/namespaces/" + namespace + "/" + plural
}
