package kubeapi

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strconv"

	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	utiljson "k8s.io/apimachinery/pkg/util/json"

	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/gate"
)

// DeletionCost is the annotation by which a ReplicaSet chooses which Pods to end:
// of those that are ready, the ones with the lowest cost go first. Without it a
// Pod costs 0. See
// https://kubernetes.io/docs/concepts/workloads/controllers/replicaset/#pod-deletion-cost
const DeletionCost = "controller.kubernetes.io/pod-deletion-cost"

var podResource = schema.GroupVersionResource{Version: "v1", Resource: "pods"}

// Pod is what is read of a Pod.
type Pod struct {
	Name, UID string
	Pending   bool  // it has not started to work
	Unready   bool  // it has started, and is not ready: a ReplicaSet ends it before any that is
	Cost      int32 // DeletionCost
}

// Pods lists the Pods that a selector selects, but for those that have ended or
// are about to.
func (c *Client) Pods(ctx context.Context, namespace, selector string) ([]Pod, error) {
	if selector == "" {
		return nil, errors.New("the scale subresource names no selector (status.selector)")
	}
	var pods []Pod
	var bad error
	params := url.Values{"limit": {strconv.Itoa(pageSize)}, "labelSelector": {selector}}
	_, err := c.list(ctx, podResource, namespace, params, func(text json.RawMessage) {
		var o struct {
			Metadata struct {
				Name        string            `json:"name"`
				UID         string            `json:"uid"`
				Annotations map[string]string `json:"annotations"`
				Deleted     *string           `json:"deletionTimestamp"`
			} `json:"metadata"`
			Status struct {
				Phase      string `json:"phase"`
				Conditions []struct {
					Type   string `json:"type"`
					Status string `json:"status"`
				} `json:"conditions"`
			} `json:"status"`
		}
		if err := utiljson.Unmarshal(text, &o); err != nil {
			bad = fmt.Errorf("read a Pod: %w", err)
		}
		if phase := o.Status.Phase; o.Metadata.Deleted != nil || phase == "Succeeded" || phase == "Failed" {
			return
		}
		cost, _ := strconv.ParseInt(o.Metadata.Annotations[DeletionCost], 10, 32) // what makes no sense costs 0
		p := Pod{Name: o.Metadata.Name, UID: o.Metadata.UID, Pending: o.Status.Phase == "Pending", Cost: int32(cost)}
		for _, c := range o.Status.Conditions {
			p.Unready = p.Unready || c.Type == "Ready" && c.Status != "True" && !p.Pending
		}
		pods = append(pods, p)
	})
	return pods, errors.Join(err, bad)
}

// SetDeletionCost annotates a Pod, unless another has taken its name.
func (c *Client) SetDeletionCost(ctx context.Context, namespace string, p Pod, cost int32) error {
	patch, err := json.Marshal(map[string]any{"metadata": map[string]any{
		"uid": p.UID, "annotations": map[string]string{DeletionCost: strconv.Itoa(int(cost))},
	}})
	if err != nil {
		return fmt.Errorf("encode a patch: %w", err)
	}
	request := c.at(c.rest.Patch(types.MergePatchType), podResource, namespace).Name(p.Name).Param("fieldManager", c.manager).Body(patch)
	return c.do(ctx, gate.Write, request, &struct{}{})
}
