package workload

import (
	"errors"
	"fmt"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// PausedAnnotation on a workload forbids every write to it, unless its value is
// "false".
const PausedAnnotation = "camunda-autoscaler/paused"

// view is the part of a version of the workload itself that is kept: there may
// be thousands of workloads, each with a large Pod template.
type view struct {
	gone       bool // there is no such workload; the rest is zero
	version    string
	uid        string
	generation int64
	paused     bool
	ready      *int32
	writer     Writer
}

// viewOf reads the workload itself, of any kind.
func viewOf(o *unstructured.Unstructured) (view, error) {
	if o.GetResourceVersion() == "" {
		return view{}, errors.New("read a workload: it has no resourceVersion, without which a write would be unconditional")
	}
	ready, err := count(o, "status", "readyReplicas")
	if err != nil {
		return view{}, fmt.Errorf("read a workload: %w", err)
	}
	// A missing field is 0 for the kinds that are known to have it, and unknown
	// for others.
	if _, known := builtin[o.GroupVersionKind()]; known && ready == nil {
		ready = new(int32)
	}
	paused, annotated := o.GetAnnotations()[PausedAnnotation]
	return view{
		version:    o.GetResourceVersion(),
		uid:        string(o.GetUID()),
		generation: o.GetGeneration(),
		paused:     annotated && paused != "false",
		ready:      ready,
		writer:     lastWriter(o),
	}, nil
}

// complete adds what only the workload itself tells to its scale.
func (v view) complete(s Scale, asked bool) Scale {
	s.ResourceVersion, s.Generation = v.version, v.generation
	s.Ready, s.Paused, s.Writer, s.Asked = v.ready, v.paused, v.writer, asked
	return s
}
