package workload

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/url"
	"strconv"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	utiljson "k8s.io/apimachinery/pkg/util/json"
	"k8s.io/client-go/rest"

	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/gate"
)

// Timeout bounds one request. Of a watch, it bounds the time until it is open.
const Timeout = gate.Timeout

// FieldManager is the scaler's name in a workload's managedFields.
const FieldManager = "camunda-scaler"

// pageSize is how many objects a list returns at a time.
const pageSize = 500

// api makes requests to the API server, each when the gate lets it through. It
// decodes what is needed of an answer and nothing else: client-go's dynamic
// client and its Reflector hold a list of thousands of objects as maps, which
// takes a hundred times the memory of what is kept.
type api struct {
	client rest.Interface
	gate   *gate.Gate
}

// place is a part of a cluster: all of it, a namespace, or one object.
type place struct{ namespace, name string }

// selector makes RBAC rules with resourceNames apply to a list or a watch of one
// object.
func (p place) selector() string {
	if p.name == "" {
		return ""
	}
	return fields.OneTermEqualSelector(metav1.ObjectNameField, p.name).String()
}

// at starts a request for what a resource has in a place.
func (a api) at(r *rest.Request, resource schema.GroupVersionResource, namespace string) *rest.Request {
	prefix := []string{"/apis", resource.Group, resource.Version}
	if resource.Group == "" {
		prefix = []string{"/api", resource.Version}
	}
	r = r.AbsPath(prefix...)
	if namespace != "" {
		r = r.Namespace(namespace)
	}
	return r.Resource(resource.Resource)
}

// do makes a request and decodes its answer.
func (a api) do(ctx context.Context, o gate.Operation, r *rest.Request, answer any) error {
	return a.gate.Do(ctx, o, func(ctx context.Context) error {
		result := r.Do(ctx)
		if err := result.Error(); err != nil {
			return err
		}
		body, err := result.Raw()
		if err != nil {
			return err
		}
		if err := utiljson.Unmarshal(body, answer); err != nil {
			return fmt.Errorf("decode the API server's answer: %w", err)
		}
		return nil
	})
}

// list reads the objects in a place, a page at a time, and returns from which
// version on they can be watched. All pages are of that version.
func (a api) list(ctx context.Context, resource schema.GroupVersionResource, in place, each func(json.RawMessage)) (version string, err error) {
	params := url.Values{"limit": {strconv.Itoa(pageSize)}}
	if in.name != "" {
		params = url.Values{"fieldSelector": {in.selector()}}
	}
	for {
		var page struct {
			Metadata struct {
				ResourceVersion string `json:"resourceVersion"`
				Continue        string `json:"continue"`
			} `json:"metadata"`
			Items []json.RawMessage `json:"items"`
		}
		if err := a.do(ctx, gate.Read, withParams(a.at(a.client.Get(), resource, in.namespace), params), &page); err != nil {
			return "", err
		}
		for _, item := range page.Items {
			each(item)
		}
		if page.Metadata.Continue == "" {
			return page.Metadata.ResourceVersion, nil
		}
		params.Set("continue", page.Metadata.Continue)
	}
}

func withParams(r *rest.Request, params url.Values) *rest.Request {
	for name, values := range params {
		r = r.Param(name, values[0])
	}
	return r
}

// watch opens a watch of the objects in a place. It lasts until ctx ends, if the
// server does not end it. Once it is open, it is no request in flight.
func (a api) watch(ctx context.Context, resource schema.GroupVersionResource, in place, version string, lasts time.Duration) (io.ReadCloser, error) {
	leave, err := a.gate.Enter(ctx, gate.Read)
	if err != nil {
		return nil, err
	}
	defer leave()
	ctx, cancel := context.WithCancelCause(ctx)
	opening := time.AfterFunc(Timeout, func() { cancel(context.DeadlineExceeded) })
	defer opening.Stop()
	params := url.Values{
		"watch": {"1"}, "allowWatchBookmarks": {"true"}, "resourceVersion": {version},
		"timeoutSeconds": {strconv.Itoa(int(lasts.Seconds()))},
	}
	if in.name != "" {
		params.Set("fieldSelector", in.selector())
	}
	stream, err := withParams(a.at(a.client.Get(), resource, in.namespace), params).Stream(ctx)
	if err != nil && context.Cause(ctx) != nil {
		err = context.Cause(ctx)
	}
	if err != nil {
		cancel(nil)
		return nil, err
	}
	return stream, nil // its end, or that of the ctx that it came with, frees ctx
}

// scaleOf is the answer of a scale subresource.
type scaleOf struct {
	Metadata struct {
		UID             string `json:"uid"`
		ResourceVersion string `json:"resourceVersion"`
	} `json:"metadata"`
	Spec struct {
		Replicas *int64 `json:"replicas"`
	} `json:"spec"`
}

func (a api) getScale(ctx context.Context, resource schema.GroupVersionResource, in place) (Scale, error) {
	var answer scaleOf
	if err := a.do(ctx, gate.Read, a.at(a.client.Get(), resource, in.namespace).Name(in.name).SubResource("scale"), &answer); err != nil {
		return Scale{}, err
	}
	return answer.scale()
}

// setScale writes a workload's replicas if it is at that version.
func (a api) setScale(ctx context.Context, resource schema.GroupVersionResource, in place, version string, replicas int32) (scaleOf, error) {
	var answer scaleOf
	patch, err := json.Marshal(map[string]any{
		"metadata": map[string]any{"resourceVersion": version},
		"spec":     map[string]any{"replicas": replicas},
	})
	if err != nil {
		return answer, fmt.Errorf("encode a patch: %w", err)
	}
	request := a.at(a.client.Patch(types.MergePatchType), resource, in.namespace).Name(in.name).SubResource("scale").
		Param("fieldManager", FieldManager).Body(patch)
	return answer, a.do(ctx, gate.Write, request, &answer)
}
