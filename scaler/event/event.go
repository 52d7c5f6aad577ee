// Package event puts Kubernetes Events on workloads, for kubectl describe.
package event

import (
	"context"
	"time"

	"github.com/go-kit/log"
	"github.com/go-kit/log/level"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"

	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/gate"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/workload"
)

// Event is a write to a workload, or an attempt that failed.
type Event struct {
	Workload workload.Ref
	UID      string // of the workload; kubectl describe selects Events by it
	Warning  bool   // instead of normal
	Reason   string // in CamelCase
	Message  string // one sentence
}

// Recorder creates Events on the API server, one after the other, in the
// background. An Event that cannot be created is lost: nothing waits for one or
// fails because of one.
type Recorder struct {
	client    dynamic.Interface
	gate      *gate.Gate
	component string
	queue     chan Event
	logger    log.Logger
	failed    bool // the last one could not be created
}

var events = schema.GroupVersionResource{Version: "v1", Resource: "events"}

// timeout bounds one request.
const timeout = 5 * time.Second

// NewRecorder makes no request; later ones go through the gate. The component is
// the Events' source.
func NewRecorder(client dynamic.Interface, gate *gate.Gate, component string, logger log.Logger) *Recorder {
	return &Recorder{client: client, gate: gate, component: component, queue: make(chan Event, 1000), logger: logger}
}

// Record puts e into a queue and returns at once.
func (r *Recorder) Record(e Event) {
	select {
	case r.queue <- e:
	default: // the API server is slow, and the queue is full
	}
}

// Run creates the recorded Events until ctx ends, then those in the queue, for at
// most as long as one request may take.
func (r *Recorder) Run(ctx context.Context) {
	for ctx.Err() == nil {
		select {
		case e := <-r.queue:
			r.create(context.WithoutCancel(ctx), e)
		case <-ctx.Done():
		}
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), timeout)
	defer cancel()
	for {
		select {
		case e := <-r.queue:
			r.create(ctx, e)
		default:
			return
		}
	}
}

func (r *Recorder) create(ctx context.Context, e Event) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	object := r.object(e, time.Now())
	err := r.gate.Do(ctx, gate.CreateEvent, func(ctx context.Context) error {
		_, err := r.client.Resource(events).Namespace(e.Workload.Namespace).Create(ctx, object, metav1.CreateOptions{})
		return err
	})
	if err != nil && !r.failed { // once, until it works again
		level.Warn(r.logger).Log("msg", "cannot create events", "fix", "grant create on events or set --no-events", "namespace", e.Workload.Namespace, "workload", e.Workload, "err", err)
	}
	r.failed = err != nil
}

func (r *Recorder) object(e Event, now time.Time) *unstructured.Unstructured {
	kind, at := "Normal", now.UTC().Format(time.RFC3339)
	if e.Warning {
		kind = "Warning"
	}
	return &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "v1", "kind": "Event",
		"metadata": map[string]any{"generateName": e.Workload.Name + ".", "namespace": e.Workload.Namespace},
		"involvedObject": map[string]any{
			"apiVersion": e.Workload.APIVersion, "kind": e.Workload.Kind,
			"namespace": e.Workload.Namespace, "name": e.Workload.Name, "uid": e.UID,
		},
		"type": kind, "reason": e.Reason, "message": e.Message,
		"source":         map[string]any{"component": r.component},
		"firstTimestamp": at, "lastTimestamp": at, "count": int64(1),
		"reportingComponent": r.component, "reportingInstance": "",
	}}
}
