package workload

import (
	"errors"
	"fmt"
	"math"
)

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
	Paused     bool   // by the annotation PausedAnnotation
	Writer     Writer // that changed the replicas last; zero if unknown

	Asked bool // this took a request; false if the watch was enough
}

// scale checks the answer.
func (a scaleOf) scale() (Scale, error) {
	replicas, err := count("spec.replicas", a.Spec.Replicas)
	switch {
	case err != nil:
		return Scale{}, fmt.Errorf("read a scale: %w", err)
	case a.Metadata.ResourceVersion == "":
		return Scale{}, errors.New("read a scale: it has no resourceVersion, without which a write would be unconditional")
	}
	scale := Scale{ResourceVersion: a.Metadata.ResourceVersion, UID: a.Metadata.UID}
	if replicas != nil { // the API server leaves zeros out
		scale.Replicas = *replicas
	}
	return scale, nil
}

// count checks a number of replicas; nil stays nil.
func count(field string, n *int64) (*int32, error) {
	switch {
	case n == nil:
		return nil, nil
	case *n < 0 || *n > math.MaxInt32:
		return nil, fmt.Errorf(".%s: %d is not a number of replicas", field, *n)
	}
	count := int32(*n)
	return &count, nil
}
