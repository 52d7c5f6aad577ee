package stack

import (
	"context"
	"fmt"
	"net/http"
	"time"
)

// The scaler's default target.
const (
	namespace  = "default"
	deployment = "camunda-deployment"
	apps       = "/apis/apps/v1/namespaces/" + namespace + "/deployments"
)

type object = map[string]any

// deploy creates Camunda's Deployment with one replica. kwok plays its Pods:
// they become ready and run nothing.
func (s *Stack) deploy(ctx context.Context) error {
	labels := object{"app": "camunda"}
	err := s.Cluster.Request(ctx, http.MethodPost, apps, object{
		"apiVersion": "apps/v1",
		"kind":       "Deployment",
		"metadata":   object{"name": deployment, "labels": labels},
		"spec": object{
			"replicas": 1,
			"selector": object{"matchLabels": labels},
			"template": object{
				"metadata": object{"labels": labels},
				"spec": object{"containers": []object{{
					"name": "camunda", "image": "camunda/camunda-bpm-platform:7.24.0",
				}}},
			},
		},
	}, nil)
	if err != nil {
		return fmt.Errorf("create the Deployment %s: %w", deployment, err)
	}
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	for {
		_, ready, err := s.Replicas(ctx)
		if err == nil && ready == 1 {
			return nil
		}
		select {
		case <-time.After(50 * time.Millisecond):
		case <-ctx.Done():
			return fmt.Errorf("wait for the first Pod of %s: %w", deployment, context.Cause(ctx))
		}
	}
}

// Replicas returns the Deployment's spec.replicas and status.readyReplicas.
func (s *Stack) Replicas(ctx context.Context) (spec, ready int, err error) {
	var d struct {
		Spec   struct{ Replicas int }
		Status struct{ ReadyReplicas int }
	}
	if err := s.Cluster.Request(ctx, http.MethodGet, apps+"/"+deployment, nil, &d); err != nil {
		return 0, 0, fmt.Errorf("read the Deployment %s: %w", deployment, err)
	}
	return d.Spec.Replicas, d.Status.ReadyReplicas, nil
}
