package kube

import (
	"context"
	"fmt"
	"net/http"
	"path/filepath"

	"github.com/camunda-autoscaler/camunda-autoscaler/testbed/build"
	"github.com/camunda-autoscaler/camunda-autoscaler/testbed/ports"
	"github.com/camunda-autoscaler/camunda-autoscaler/testbed/process"
)

const (
	managedByKwok = "kwok.x-k8s.io/node"
	// leaseSeconds is the kubelet's own default.
	leaseSeconds = 40
)

type object = map[string]any

// StartNodes adds n nodes, called node-1 and so on, on which Pods become ready
// without running anything, and returns when the nodes are ready.
func (c *Cluster) StartNodes(ctx context.Context, n int) error {
	if c.kwok == nil {
		if err := c.startKwok(ctx); err != nil {
			return fmt.Errorf("starting nodes: %w", err)
		}
	}
	for range n {
		node := newNode(fmt.Sprintf("node-%d", c.nodes+1))
		if err := c.Request(ctx, http.MethodPost, "/api/v1/nodes", node, nil); err != nil {
			return fmt.Errorf("starting nodes: %w", err)
		}
		c.nodes++
	}
	err := await(ctx, c.kwok, "the nodes", func(ctx context.Context) error {
		ready, err := c.readyNodes(ctx)
		if err == nil && ready < c.nodes {
			err = fmt.Errorf("%d of %d nodes are ready", ready, c.nodes)
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("starting nodes: %w", err)
	}
	return nil
}

func (c *Cluster) startKwok(ctx context.Context) error {
	folder, err := build.Folder(ctx, build.Kwok)
	if err != nil {
		return err
	}
	return ports.Retry(1, func(free []int) (err error) {
		c.kwok, err = process.Start(ctx, process.Spec{
			Name: "kwok", Path: filepath.Join(folder, "kwok"), Dir: c.dir, Log: c.path("kwok.log"),
			Args: []string{
				"--config=" + filepath.Join(folder, "stages.yaml"),
				"--kubeconfig=" + c.Kubeconfig,
				"--manage-all-nodes=false",
				"--manage-nodes-with-annotation-selector=" + managedByKwok + "=fake",
				fmt.Sprintf("--node-lease-duration-seconds=%d", leaseSeconds),
				"--server-address=" + ports.Address(free[0]),
			},
		})
		if err != nil {
			return err
		}
		return await(ctx, c.kwok, "kwok", func(ctx context.Context) error {
			return get(ctx, http.DefaultClient, "http://"+ports.Address(free[0])+"/healthz")
		})
	})
}

func newNode(name string) object {
	resources := object{"cpu": "32", "memory": "256Gi", "pods": "110"}
	return object{
		"apiVersion": "v1",
		"kind":       "Node",
		"metadata": object{
			"name":        name,
			"annotations": object{managedByKwok: "fake"},
			"labels":      object{"kubernetes.io/hostname": name, "kubernetes.io/os": "linux"},
		},
		"status": object{"allocatable": resources, "capacity": resources},
	}
}

func (c *Cluster) readyNodes(ctx context.Context) (int, error) {
	var nodes struct {
		Items []struct {
			Status struct {
				Conditions []struct{ Type, Status string }
			}
		}
	}
	if err := c.Request(ctx, http.MethodGet, "/api/v1/nodes", nil, &nodes); err != nil {
		return 0, err
	}
	ready := 0
	for _, node := range nodes.Items {
		for _, condition := range node.Status.Conditions {
			if condition.Type == "Ready" && condition.Status == "True" {
				ready++
			}
		}
	}
	return ready, nil
}
