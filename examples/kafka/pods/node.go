package pods

import (
	"context"
	"fmt"
	"net/http"
	"time"
)

const (
	heartbeat    = 10 * time.Second
	leaseSeconds = 40
	leases       = "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases"
)

func (r *Runner) addNode(ctx context.Context, name string) error {
	err := r.cluster.Request(ctx, http.MethodPost, "/api/v1/nodes", object{
		"apiVersion": "v1", "kind": "Node",
		"metadata": object{"name": name, "labels": object{"kubernetes.io/hostname": name, "kubernetes.io/os": "linux"}},
	}, nil)
	if err != nil {
		return err
	}
	resources := object{"cpu": "8", "memory": "32Gi", "pods": "110"}
	now := time.Now().UTC().Format(time.RFC3339)
	err = r.cluster.Request(ctx, http.MethodPatch, "/api/v1/nodes/"+name+"/status", object{"status": object{
		"capacity": resources, "allocatable": resources,
		"conditions": []object{{
			"type": "Ready", "status": "True", "reason": "Ready", "message": "processes run",
			"lastHeartbeatTime": now, "lastTransitionTime": now,
		}},
	}}, nil)
	if err != nil {
		return err
	}
	return r.cluster.Request(ctx, http.MethodPost, leases, object{
		"apiVersion": "coordination.k8s.io/v1", "kind": "Lease",
		"metadata": object{"name": name}, "spec": leaseSpec(name),
	}, nil)
}

// heartbeats keeps the nodes ready: what the node controller watches is the Lease.
func (r *Runner) heartbeats(ctx context.Context, nodes []string) {
	for {
		sleep(ctx, heartbeat)
		for _, name := range nodes {
			if ctx.Err() != nil {
				return
			}
			if err := r.cluster.Request(ctx, http.MethodPatch, leases+"/"+name, object{"spec": leaseSpec(name)}, nil); err != nil && ctx.Err() == nil {
				r.report(fmt.Errorf("renewing the Lease of %s: %w", name, err))
			}
		}
	}
}

func leaseSpec(node string) object {
	return object{
		"holderIdentity": node, "leaseDurationSeconds": leaseSeconds,
		"renewTime": time.Now().UTC().Format("2006-01-02T15:04:05.000000Z07:00"),
	}
}
