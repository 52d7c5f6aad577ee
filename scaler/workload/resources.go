package workload

import (
	"context"
	"errors"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/gate"
)

// builtin are the kinds that every API server has.
var builtin = map[kind]string{
	{"apps/v1", "Deployment"}:  "deployments",
	{"apps/v1", "ReplicaSet"}:  "replicasets",
	{"apps/v1", "StatefulSet"}: "statefulsets",
}

// find returns the resource that serves a kind, such as deployments for
// Deployment: by a request, except for those that every API server has. It
// returns an error if that has no scale subresource. (client-go's discovery
// client does the same, but takes no context and links in the types of every
// API.)
func (c *Cluster) find(ctx context.Context, k kind) (schema.GroupVersionResource, error) {
	gv, err := schema.ParseGroupVersion(k.apiVersion)
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
	return shared(ctx, &c.calls, k.apiVersion+" "+k.name, func(ctx context.Context) (schema.GroupVersionResource, error) {
		found, err := c.discover(ctx, gv, k.name)
		if err == nil {
			c.mu.Lock()
			defer c.mu.Unlock()
			c.resources[k] = found
		}
		return found, err
	})
}

func (c *Cluster) discover(ctx context.Context, gv schema.GroupVersion, kind string) (schema.GroupVersionResource, error) {
	var list metav1.APIResourceList
	if err := c.do(ctx, gate.Read, c.at(c.client.Get(), gv.WithResource(""), ""), &list); err != nil {
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
	return schema.GroupVersionResource{}, errNoScale
}

var errNoScale = errors.New("the API server has no such kind with a scale subresource")
