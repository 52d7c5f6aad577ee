package workload

import (
	"encoding/json"
	"errors"
	"fmt"

	utiljson "k8s.io/apimachinery/pkg/util/json"

	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/kubeapi"
)

// view is what is kept of a version of the workload itself: there may be
// thousands of workloads, each with a large Pod template.
type view struct {
	gone       bool  // there is no such workload; the rest is zero
	err        error // the object makes no sense; the rest may be zero
	version    string
	uid        string
	generation int64
	replicas   *int32 // nil if only the scale subresource tells
	ready      *int32
	pause      Pause
	pauseErr   error // why its end is not known
	writer     Writer
}

// object is what is read of a workload.
type object struct {
	Metadata struct {
		Namespace       string `json:"namespace"`
		Name            string `json:"name"`
		UID             string `json:"uid"`
		ResourceVersion string `json:"resourceVersion"`
		Generation      int64  `json:"generation"`
		Annotations     struct {
			Paused      *string `json:"camunda-autoscaler/paused"`
			PausedUntil *string `json:"camunda-autoscaler/paused-until"`
		} `json:"annotations"`
		ManagedFields json.RawMessage `json:"managedFields"`
	} `json:"metadata"`
	Status struct {
		ReadyReplicas *int64 `json:"readyReplicas"`
	} `json:"status"`
}

// builtinObject is what is read of a kind whose scale subresource is known to be
// spec.replicas. Where a custom resource keeps them is told by its definition.
type builtinObject struct {
	object
	Spec struct {
		Replicas *int64 `json:"replicas"`
	} `json:"spec"`
}

// viewOf reads a workload itself, and where it is. If it makes no sense, the
// view has the error.
func viewOf(text []byte, builtin bool) (kubeapi.Place, view) {
	var o builtinObject
	var err error
	if builtin {
		err = utiljson.Unmarshal(text, &o)
	} else {
		err = utiljson.Unmarshal(text, &o.object)
	}
	at := kubeapi.Place{Namespace: o.Metadata.Namespace, Name: o.Metadata.Name}
	v := view{
		version: o.Metadata.ResourceVersion, uid: o.Metadata.UID, generation: o.Metadata.Generation,
		writer: lastWriter(o.Metadata.ManagedFields),
	}
	v.pause, v.pauseErr = pauseOf(o.Metadata.Annotations.Paused, o.Metadata.Annotations.PausedUntil)
	if err == nil {
		v.ready, err = kubeapi.Replicas("status.readyReplicas", o.Status.ReadyReplicas)
	}
	if err == nil {
		v.replicas, err = kubeapi.Replicas("spec.replicas", o.Spec.Replicas)
	}
	if err == nil && v.version == "" {
		err = errors.New("it has no resourceVersion, without which a write would be unconditional")
	}
	if err != nil {
		v.err = fmt.Errorf("read a workload: %w", err)
	}
	// A missing field is 0 for the kinds that are known to have it, and unknown
	// for others.
	if builtin && v.ready == nil {
		v.ready = new(int32)
	}
	return at, v
}

// scale is the workload's, if the view tells its replicas.
func (v view) scale() Scale {
	return v.complete(Scale{Replicas: *v.replicas, UID: v.uid})
}

// complete adds what only the workload itself tells to its scale.
func (v view) complete(s Scale) Scale {
	s.ResourceVersion, s.Generation = v.version, v.generation
	s.Ready, s.Writer, s.Known = v.ready, v.writer, true
	s.Pause, s.PauseErr = v.pause, v.pauseErr
	return s
}
