package kubeapi

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"

	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"

	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/gate"
)

// Scale is what the scale subresource tells of a workload.
type Scale struct {
	Replicas        int32  // desired (spec.replicas)
	ResourceVersion string // of the workload
	UID             string // of the workload
	Selector        string // of its Pods, as in a list's labelSelector
}

// Answer is the answer of a scale subresource.
type Answer struct {
	Metadata struct {
		UID             string `json:"uid"`
		ResourceVersion string `json:"resourceVersion"`
	} `json:"metadata"`
	Spec struct {
		Replicas *int64 `json:"replicas"`
	} `json:"spec"`
	Status struct {
		Selector string `json:"selector"`
	} `json:"status"`
}

// GetScale reads a workload's scale.
func (c *Client) GetScale(ctx context.Context, resource schema.GroupVersionResource, in Place) (Scale, error) {
	var answer Answer
	if err := c.do(ctx, gate.Read, c.at(c.rest.Get(), resource, in.Namespace).Name(in.Name).SubResource("scale"), &answer); err != nil {
		return Scale{}, err
	}
	return answer.Scale()
}

// SetScale writes a workload's replicas if it is at that version. It returns the
// answer unchecked, as the replicas are written whatever it is.
//
// 0 is written by server-side apply, so that managedFields tells later who did:
// of any other write of 0 they record nothing, since a Scale with 0 replicas has no
// such field (seen with Kubernetes 1.36). Custom resources cannot be applied so.
func (c *Client) SetScale(ctx context.Context, resource schema.GroupVersionResource, in Place, version string, replicas int32) (Answer, error) {
	var answer Answer
	patch := map[string]any{
		"metadata": map[string]any{"resourceVersion": version},
		"spec":     map[string]any{"replicas": replicas},
	}
	how, apply := types.MergePatchType, replicas == 0 && resource.Group == appsGroup
	if apply {
		patch["apiVersion"], patch["kind"] = "autoscaling/v1", "Scale"
		how = types.ApplyPatchType
	}
	body, err := json.Marshal(patch)
	if err != nil {
		return answer, fmt.Errorf("encode a patch: %w", err)
	}
	request := c.at(c.rest.Patch(how), resource, in.Namespace).Name(in.Name).SubResource("scale").
		Param("fieldManager", c.manager).Body(body)
	if apply {
		request.Param("force", "true")
	}
	return answer, c.do(ctx, gate.Write, request, &answer)
}

// Scale checks the answer.
func (a Answer) Scale() (Scale, error) {
	replicas, err := Replicas("spec.replicas", a.Spec.Replicas)
	switch {
	case err != nil:
		return Scale{}, fmt.Errorf("read a scale: %w", err)
	case a.Metadata.ResourceVersion == "":
		return Scale{}, errors.New("read a scale: it has no resourceVersion, without which a write would be unconditional")
	}
	scale := Scale{ResourceVersion: a.Metadata.ResourceVersion, UID: a.Metadata.UID, Selector: a.Status.Selector}
	if replicas != nil { // the API server leaves zeros out
		scale.Replicas = *replicas
	}
	return scale, nil
}

// Replicas checks a number of replicas; nil stays nil.
func Replicas(field string, n *int64) (*int32, error) {
	switch {
	case n == nil:
		return nil, nil
	case *n < 0 || *n > math.MaxInt32:
		return nil, fmt.Errorf(".%s: %d is not a number of replicas", field, *n)
	}
	count := int32(*n)
	return &count, nil
}
