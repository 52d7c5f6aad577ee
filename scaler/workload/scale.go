package workload

import (
	"errors"
	"fmt"
	"math"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
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

// parse reads the answer of a scale subresource.
func parse(o *unstructured.Unstructured) (Scale, error) {
	// A missing field is 0: the API server leaves zeros out.
	replicas, err := count(o, "spec", "replicas")
	if err != nil {
		return Scale{}, fmt.Errorf("read a scale: %w", err)
	}
	if o.GetResourceVersion() == "" {
		return Scale{}, errors.New("read a scale: it has no resourceVersion, without which a write would be unconditional")
	}
	scale := Scale{ResourceVersion: o.GetResourceVersion(), UID: string(o.GetUID())}
	if replicas != nil {
		scale.Replicas = *replicas
	}
	return scale, nil
}

// count reads a number of replicas, nil if the field is missing.
func count(o *unstructured.Unstructured, fields ...string) (*int32, error) {
	n, found, err := unstructured.NestedInt64(o.Object, fields...)
	switch {
	case err != nil:
		return nil, err
	case !found:
		return nil, nil
	case n < 0 || n > math.MaxInt32:
		return nil, fmt.Errorf(".%s.%s: %d is not a number of replicas", fields[0], fields[1], n)
	}
	count := int32(n)
	return &count, nil
}
