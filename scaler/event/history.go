package event

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/client-go/dynamic"

	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/workload"
)

// History reads the Events that a Recorder, of this process or of one before,
// has put on workloads. The API server keeps them for an hour, unless it is told
// otherwise. Any number of goroutines may use it; what it has read is kept for
// half a minute, so that readers cannot flood the API server.
type History struct {
	client    dynamic.Interface
	component string

	mu   sync.Mutex // one request at a time
	read map[workload.Ref]past
}

// Past is an Event that was recorded.
type Past struct {
	Time    time.Time
	Reason  string
	Message string
}

type past struct {
	at   time.Time
	last Past
	err  error
}

const (
	keepFor = 30 * time.Second
	keepAll = 1000 // workloads
)

// ErrNone is returned by Last if there is no Event.
var ErrNone = errors.New("the API server has no Event of a scaler on it; it keeps them for an hour by default")

// NewHistory makes no request.
func NewHistory(client dynamic.Interface, component string) *History {
	return &History{client: client, component: component, read: map[workload.Ref]past{}}
}

// Last returns the workload's newest Event of a scaler.
func (h *History) Last(ctx context.Context, ref workload.Ref) (Past, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if p, ok := h.read[ref]; ok && time.Since(p.at) < keepFor {
		return p.last, p.err
	}
	if len(h.read) >= keepAll {
		clear(h.read)
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	last, err := h.list(ctx, ref)
	if ctx.Err() == nil {
		h.read[ref] = past{time.Now(), last, err}
	}
	return last, err
}

func (h *History) list(ctx context.Context, ref workload.Ref) (last Past, err error) {
	list, err := h.client.Resource(events).Namespace(ref.Namespace).List(ctx, metav1.ListOptions{
		FieldSelector: fields.Set{"involvedObject.kind": ref.Kind, "involvedObject.name": ref.Name, "reportingComponent": h.component}.String(),
	})
	if err != nil {
		return Past{}, fmt.Errorf("list the Events of %s in namespace %s: %w", ref, ref.Namespace, err)
	}
	for _, o := range list.Items {
		text, _, _ := unstructured.NestedString(o.Object, "lastTimestamp")
		at, err := time.Parse(time.RFC3339, text)
		if err != nil || !at.After(last.Time) {
			continue
		}
		last.Time = at
		last.Reason, _, _ = unstructured.NestedString(o.Object, "reason")
		last.Message, _, _ = unstructured.NestedString(o.Object, "message")
	}
	if last.Time.IsZero() {
		return Past{}, ErrNone
	}
	return last, nil
}
