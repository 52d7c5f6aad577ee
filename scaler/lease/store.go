package lease

import (
	"context"
	"errors"
	"fmt"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
)

var leases = schema.GroupVersionResource{Group: "coordination.k8s.io", Version: "v1", Resource: "leases"}

// Object is a Lease on the API server. It is used by one goroutine at a time.
type Object struct {
	namespace, name string
	client          dynamic.ResourceInterface
	last            *unstructured.Unstructured // as last read, with labels and annotations of others
}

// NewObject makes no request.
func NewObject(client dynamic.Interface, namespace, name string) *Object {
	return &Object{namespace: namespace, name: name, last: &unstructured.Unstructured{}, client: client.Resource(leases).Namespace(namespace)}
}

// Get implements Store.
func (o *Object) Get(ctx context.Context) (Record, error) {
	got, err := o.client.Get(ctx, o.name, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		o.last = &unstructured.Unstructured{}
		return Record{}, nil
	}
	if err != nil {
		return Record{}, fmt.Errorf("get the lease %s in namespace %s: %w", o.name, o.namespace, err)
	}
	return o.keep(got)
}

// Put implements Store.
func (o *Object) Put(ctx context.Context, r Record) (Record, error) {
	stored, err := o.write(ctx, r)
	switch {
	case apierrors.IsConflict(err), apierrors.IsAlreadyExists(err):
		return Record{}, ErrChanged
	case apierrors.IsNotFound(err) && r.Version != "": // else it is the namespace
		return Record{}, ErrChanged
	case err != nil:
		return Record{}, fmt.Errorf("write the lease %s in namespace %s: %w", o.name, o.namespace, err)
	}
	return o.keep(stored)
}

func (o *Object) write(ctx context.Context, r Record) (*unstructured.Unstructured, error) {
	if r.Version == "" {
		return o.client.Create(ctx, &unstructured.Unstructured{Object: map[string]any{
			"apiVersion": "coordination.k8s.io/v1", "kind": "Lease",
			"metadata": map[string]any{"name": o.name, "namespace": o.namespace}, "spec": specOf(r),
		}}, metav1.CreateOptions{})
	}
	if o.last.GetResourceVersion() != r.Version {
		return nil, apierrors.NewConflict(leases.GroupResource(), o.name, errors.New("another version was read since"))
	}
	next := o.last.DeepCopy()
	next.Object["spec"] = specOf(r)
	return o.client.Update(ctx, next, metav1.UpdateOptions{})
}

// specOf leaves out what is not set: the API server refuses a duration of 0.
func specOf(r Record) map[string]any {
	spec := map[string]any{"leaseTransitions": r.Transitions}
	if r.Holder != "" {
		spec["holderIdentity"] = r.Holder
	}
	if r.Duration > 0 {
		spec["leaseDurationSeconds"] = int64(r.Duration / time.Second)
	}
	for field, at := range map[string]time.Time{"acquireTime": r.Acquired, "renewTime": r.Renewed} {
		if !at.IsZero() {
			spec[field] = at.UTC().Format(metav1.RFC3339Micro)
		}
	}
	return spec
}

func (o *Object) keep(u *unstructured.Unstructured) (Record, error) {
	r, err := parse(u)
	if err != nil {
		return Record{}, fmt.Errorf("read the lease %s in namespace %s: %w", o.name, o.namespace, err)
	}
	o.last = u
	return r, nil
}

func parse(u *unstructured.Unstructured) (Record, error) {
	r := Record{Version: u.GetResourceVersion()}
	if r.Version == "" {
		return Record{}, errors.New("it has no resourceVersion")
	}
	var err error
	if r.Holder, _, err = unstructured.NestedString(u.Object, "spec", "holderIdentity"); err != nil {
		return Record{}, err
	}
	seconds, _, err := unstructured.NestedInt64(u.Object, "spec", "leaseDurationSeconds")
	if err != nil {
		return Record{}, err
	}
	r.Duration = time.Duration(seconds) * time.Second
	if r.Transitions, _, err = unstructured.NestedInt64(u.Object, "spec", "leaseTransitions"); err != nil {
		return Record{}, err
	}
	if r.Acquired, err = timeOf(u, "acquireTime"); err != nil {
		return Record{}, err
	}
	r.Renewed, err = timeOf(u, "renewTime")
	return r, err
}

func timeOf(u *unstructured.Unstructured, field string) (time.Time, error) {
	text, ok, err := unstructured.NestedString(u.Object, "spec", field)
	if err != nil || !ok {
		return time.Time{}, err
	}
	return time.Parse(time.RFC3339Nano, text)
}
