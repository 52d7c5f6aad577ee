package kubeapi

import (
	"context"
	"errors"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/gate"
)

// Kind is a kind of workload.
type Kind struct{ APIVersion, Name string }

// Builtin reports whether every API server has the kind.
func (k Kind) Builtin() bool { return builtin[k] != "" }

// appsGroup is that of the kinds that every API server has.
const appsGroup = "apps"

// builtin are the kinds that every API server has.
var builtin = map[Kind]string{
	{"apps/v1", "Deployment"}:  "deployments",
	{"apps/v1", "ReplicaSet"}:  "replicasets",
	{"apps/v1", "StatefulSet"}: "statefulsets",
}

// Find returns the resource that serves a kind, such as deployments for
// Deployment: by a request, except for those that every API server has. It
// returns ErrNoScale if that has no scale subresource. (client-go's discovery
// client does the same, but takes no context and links in the types of every
// API.)
func (c *Client) Find(ctx context.Context, k Kind) (schema.GroupVersionResource, error) {
	gv, err := schema.ParseGroupVersion(k.APIVersion)
	if err != nil {
		return schema.GroupVersionResource{}, err
	}
	if resource, ok := builtin[k]; ok {
		return gv.WithResource(resource), nil
	}
	c.mu.Lock()
	known, ok := c.resources[k]
	c.mu.Unlock()
	if ok {
		return known, nil
	}
	return shared(ctx, &c.calls, k.APIVersion+" "+k.Name, func(ctx context.Context) (schema.GroupVersionResource, error) {
		found, err := c.discover(ctx, gv, k.Name)
		if err == nil {
			c.mu.Lock()
			defer c.mu.Unlock()
			c.resources[k] = found
		}
		return found, err
	})
}

func (c *Client) discover(ctx context.Context, gv schema.GroupVersion, kind string) (schema.GroupVersionResource, error) {
	var list metav1.APIResourceList
	if err := c.do(ctx, gate.Read, c.at(c.rest.Get(), gv.WithResource(""), ""), &list); err != nil {
		return schema.GroupVersionResource{}, err
	}
	served := map[string]bool{}
	for _, r := range list.APIResources {
		served[r.Name] = true
	}
	for _, r := range list.APIResources {
		if r.Kind == kind && served[r.Name+"/scale"] {
			return gv.WithResource(r.Name), nil
		}
	}
	return schema.GroupVersionResource{}, ErrNoScale
}

// ErrNoScale means that a workload's kind cannot be scaled.
var ErrNoScale = errors.New("the API server has no such kind with a scale subresource")
