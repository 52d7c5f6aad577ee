// Package kubeapi makes the requests to the API server that reading, watching
// and scaling workloads takes, and decodes what is needed of the answers. Its
// tests are those of package workload, on a server in memory.
package kubeapi

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	utiljson "k8s.io/apimachinery/pkg/util/json"
	"k8s.io/client-go/rest"

	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/gate"
)

// pageSize is how many objects a list returns at a time.
const pageSize = 500

// Client makes requests to the API server, each when the gate lets it through.
// Any number of goroutines may use it. It decodes what is needed of an answer
// and nothing else: client-go's dynamic client and its Reflector hold a list of
// thousands of objects as maps, which takes a hundred times the memory of what
// is kept.
type Client struct {
	rest    rest.Interface
	gate    *gate.Gate
	manager string // in managedFields

	calls singleflight.Group // of finding resources, and of listing HorizontalPodAutoscalers

	mu        sync.Mutex
	resources map[Kind]schema.GroupVersionResource
	hpas      map[string]HPAs // by namespace
}

// NewREST returns a client for New. It decodes nothing but errors.
func NewREST(c *rest.Config, via *http.Client) (rest.Interface, error) {
	c = rest.CopyConfig(c)
	scheme := runtime.NewScheme()
	metav1.AddToGroupVersion(scheme, schema.GroupVersion{Version: "v1"})
	c.NegotiatedSerializer = serializer.NewCodecFactory(scheme).WithoutConversion()
	return rest.UnversionedRESTClientForConfigAndClient(c, via)
}

// New returns a client whose requests go through the gate, and whose writes are
// the manager's in managedFields. It makes no request.
func New(client rest.Interface, through *gate.Gate, manager string) *Client {
	return &Client{
		rest: client, gate: through, manager: manager,
		resources: map[Kind]schema.GroupVersionResource{}, hpas: map[string]HPAs{},
	}
}

// Place is a part of a cluster: all of it, a namespace, or one object.
type Place struct{ Namespace, Name string }

// selector makes RBAC rules with resourceNames apply to a list or a watch of one
// object.
func (p Place) selector() string {
	if p.Name == "" {
		return ""
	}
	return fields.OneTermEqualSelector(metav1.ObjectNameField, p.Name).String()
}

// at starts a request for what a resource has in a place.
func (c *Client) at(r *rest.Request, resource schema.GroupVersionResource, namespace string) *rest.Request {
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
func (c *Client) do(ctx context.Context, o gate.Operation, r *rest.Request, answer any) error {
	return c.gate.Do(ctx, o, func(ctx context.Context) error {
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

// List reads the objects in a place, a page at a time, and returns from which
// version on they can be watched. All pages are of that version.
func (c *Client) List(ctx context.Context, resource schema.GroupVersionResource, in Place, each func(json.RawMessage)) (version string, err error) {
	params := url.Values{"limit": {strconv.Itoa(pageSize)}}
	if in.Name != "" {
		params = url.Values{"fieldSelector": {in.selector()}}
	}
	return c.list(ctx, resource, in.Namespace, params, each)
}

func (c *Client) list(ctx context.Context, resource schema.GroupVersionResource, namespace string, params url.Values, each func(json.RawMessage)) (version string, err error) {
	for {
		var page struct {
			Metadata struct {
				ResourceVersion string `json:"resourceVersion"`
				Continue        string `json:"continue"`
			} `json:"metadata"`
			Items []json.RawMessage `json:"items"`
		}
		if err := c.do(ctx, gate.Read, withParams(c.at(c.rest.Get(), resource, namespace), params), &page); err != nil {
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

// Watch opens a watch of the objects in a place. It lasts until ctx ends, if the
// server does not end it. Once it is open, it is no request in flight.
func (c *Client) Watch(ctx context.Context, resource schema.GroupVersionResource, in Place, version string, lasts time.Duration) (io.ReadCloser, error) {
	leave, err := c.gate.Enter(ctx, gate.Read)
	if err != nil {
		return nil, err
	}
	defer leave()
	ctx, cancel := context.WithCancelCause(ctx)
	opening := time.AfterFunc(gate.Timeout, func() { cancel(context.DeadlineExceeded) })
	defer opening.Stop()
	params := url.Values{
		"watch": {"1"}, "allowWatchBookmarks": {"true"}, "resourceVersion": {version},
		"timeoutSeconds": {strconv.Itoa(int(lasts.Seconds()))},
	}
	if in.Name != "" {
		params.Set("fieldSelector", in.selector())
	}
	stream, err := withParams(c.at(c.rest.Get(), resource, in.Namespace), params).Stream(ctx)
	if err != nil && context.Cause(ctx) != nil {
		err = context.Cause(ctx)
	}
	if err != nil {
		cancel(nil)
		return nil, err
	}
	return stream, nil // its end, or that of the ctx that it came with, frees ctx
}

// Expired reports whether the API server does not know a version any more.
func Expired(err error) bool { return apierrors.IsResourceExpired(err) || apierrors.IsGone(err) }

// Denied reports whether a retry is of no use until the right is granted.
func Denied(err error) bool { return apierrors.IsForbidden(err) || apierrors.IsMethodNotSupported(err) }
