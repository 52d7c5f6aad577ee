package workload

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/rest"
)

// builtin are the kinds that every API server has.
var builtin = map[schema.GroupVersionKind]string{
	{Group: "apps", Version: "v1", Kind: "Deployment"}:  "deployments",
	{Group: "apps", Version: "v1", Kind: "ReplicaSet"}:  "replicasets",
	{Group: "apps", Version: "v1", Kind: "StatefulSet"}: "statefulsets",
}

// Discovery finds resources by a request to the API server, except for those that
// every API server has. (client-go's discovery client does the same, but takes no
// context and links in the types of every API.)
type Discovery struct {
	Client rest.Interface
}

// Find implements Resources.
func (d Discovery) Find(ctx context.Context, apiVersion, kind string) (schema.GroupVersionResource, error) {
	gv, err := schema.ParseGroupVersion(apiVersion)
	if err != nil {
		return schema.GroupVersionResource{}, err
	}
	if resource, ok := builtin[gv.WithKind(kind)]; ok {
		return gv.WithResource(resource), nil
	}
	prefix := "/apis"
	if gv.Group == "" {
		prefix = "/api"
	}
	body, err := d.Client.Get().AbsPath(prefix, apiVersion).Do(ctx).Raw()
	if err != nil {
		return schema.GroupVersionResource{}, err
	}
	var list metav1.APIResourceList
	if err := json.Unmarshal(body, &list); err != nil {
		return schema.GroupVersionResource{}, fmt.Errorf("decode the API server's list of resources: %w", err)
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
