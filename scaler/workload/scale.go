package workload

import "github.com/camunda-autoscaler/camunda-autoscaler/scaler/kubeapi"

// Scale is a workload's desired replicas and what else a decision depends on,
// all of one version of the workload.
type Scale struct {
	Replicas        int32  // desired (spec.replicas)
	ResourceVersion string // of the workload; a write is bound to it
	UID             string // of the workload

	// The scale subresource does not tell these. Without the right to list the
	// workload each is its zero.

	Generation int64  // of the workload's spec: it rises with each change
	Ready      *int32 // Pods that are ready (status.readyReplicas); nil if unknown
	Pause      Pause  // by annotations
	PauseErr   error  // why its end is not known
	Writer     Writer // that changed the replicas last; zero if unknown
	Known      bool   // that these could be read

	Asked bool // this took a request; false if the watch was enough
}

// scaleOf is what the scale subresource tells.
func scaleOf(s kubeapi.Scale) Scale {
	return Scale{Replicas: s.Replicas, ResourceVersion: s.ResourceVersion, UID: s.UID}
}
