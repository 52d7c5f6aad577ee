package kube

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"

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
	return c.startNodes(ctx, n, "32", "256Gi", allStages)
}

// StartBareNodes adds n nodes of a size, like StartNodes, but nothing acts on
// the Pods that are bound to them. It excludes StartNodes.
func (c *Cluster) StartBareNodes(ctx context.Context, n int, cpu, memory string) error {
	return c.startNodes(ctx, n, cpu, memory, nodeStages)
}

func (c *Cluster) startNodes(ctx context.Context, n int, cpu, memory string, stages func(string) string) error {
	if c.kwok == nil {
		if err := c.startKwok(ctx, stages); err != nil {
			return fmt.Errorf("starting nodes: %w", err)
		}
	}
	for range n {
		node := newNode(fmt.Sprintf("node-%d", c.nodes+1), cpu, memory)
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

func allStages(stages string) string { return stages }

// nodeStages returns kwok's rules for nodes, without those for Pods.
func nodeStages(stages string) string {
	var kept []string
	for stage := range strings.SplitSeq(stages, "---\n") {
		if strings.Contains(stage, "kind: Node\n") {
			kept = append(kept, stage)
		}
	}
	return strings.Join(kept, "---\n")
}

func (c *Cluster) startKwok(ctx context.Context, stages func(string) string) error {
	folder, err := build.Folder(ctx, build.Kwok)
	if err != nil {
		return err
	}
	rules, err := os.ReadFile(filepath.Join(folder, "stages.yaml"))
	if err != nil {
		return err
	}
	if err := os.WriteFile(c.path("stages.yaml"), []byte(stages(string(rules))), 0o644); err != nil {
		return err
	}
	return ports.Retry(1, func(free []int) (err error) {
		c.kwok, err = process.Start(ctx, process.Spec{
			Name: "kwok", Path: filepath.Join(folder, "kwok"), Dir: c.dir, Log: c.path("kwok.log"),
			Args: []string{
				"--config=" + c.path("stages.yaml"),
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

func newNode(name, cpu, memory string) object {
	resources := object{"cpu": cpu, "memory": memory, "pods": "110"}
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
