package steps

import (
	"context"
	"encoding/json"
	"time"

	"github.com/camunda-autoscaler/camunda-autoscaler/examples/scan-workers/rig"
)

// object is what is read of a Pod, a ReplicaSet or a Deployment.
type object struct {
	Metadata struct {
		Name, ResourceVersion string
		Annotations           map[string]string
		DeletionTimestamp     *string
	}
	Spec   struct{ Replicas *int }
	Status struct {
		Conditions []struct{ Type, Status string }
	}
}

// follow calls each with all objects of a kind and with their changes, until ctx
// ends. A watch that the API server ends, as it does when it is busy, starts again.
func follow(ctx context.Context, r *rig.Rig, group, kind string, each func(event string, o object)) error {
	for ctx.Err() == nil {
		if err := watch(ctx, r, group, kind, each); err != nil && ctx.Err() == nil {
			return err
		}
		select {
		case <-time.After(100 * time.Millisecond):
		case <-ctx.Done():
		}
	}
	return nil
}

func watch(ctx context.Context, r *rig.Rig, group, kind string, each func(event string, o object)) error {
	events, err := r.Cluster.Watch(ctx, group+"/namespaces/"+rig.Namespace+"/"+kind+"?watch=true")
	if err != nil {
		return err
	}
	defer events.Close()
	for d := json.NewDecoder(events); ; {
		var event struct {
			Type   string
			Object object
		}
		if d.Decode(&event) != nil {
			return nil // it has ended
		}
		each(event.Type, event.Object)
	}
}
