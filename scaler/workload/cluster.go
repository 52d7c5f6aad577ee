package workload

import (
	"net/http"
	"sync"

	"github.com/go-kit/log"
	"golang.org/x/sync/singleflight"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/client-go/rest"

	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/gate"
)

// Cluster is where workloads are. They share its connection to the API server,
// the bound on requests, the watches, and what was found out once. It may be
// used by any number of goroutines.
type Cluster struct {
	api
	logger log.Logger

	calls singleflight.Group // of finding resources, and of listing HorizontalPodAutoscalers

	mu        sync.Mutex
	resources map[kind]schema.GroupVersionResource
	lists     map[string]hpaList // by namespace
	kinds     map[kind]*watched
	watching  sync.WaitGroup // watches
}

// kind is the kind of a workload.
type kind struct{ apiVersion, name string }

// NewClient returns a client for New. It decodes nothing but errors.
func NewClient(c *rest.Config, via *http.Client) (rest.Interface, error) {
	c = rest.CopyConfig(c)
	scheme := runtime.NewScheme()
	metav1.AddToGroupVersion(scheme, schema.GroupVersion{Version: "v1"})
	c.NegotiatedSerializer = serializer.NewCodecFactory(scheme).WithoutConversion()
	return rest.UnversionedRESTClientForConfigAndClient(c, via)
}

// New returns a cluster whose requests go through the gate. It makes none.
func New(client rest.Interface, through *gate.Gate, logger log.Logger) *Cluster {
	return &Cluster{
		api: api{client, through}, logger: logger,
		resources: map[kind]schema.GroupVersionResource{}, lists: map[string]hpaList{}, kinds: map[kind]*watched{},
	}
}

// Workload returns the workload that ref names. It makes no request.
func (c *Cluster) Workload(ref Ref) *Workload { return &Workload{Ref: ref, cluster: c} }
