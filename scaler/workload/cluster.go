package workload

import (
	"sync"

	"github.com/go-kit/log"
	"k8s.io/client-go/rest"

	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/gate"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/kubeapi"
)

// Cluster is where workloads are. They share its connection to the API server,
// the bound on requests, the watches, and what was found out once. It may be
// used by any number of goroutines.
type Cluster struct {
	api    *kubeapi.Client
	logger log.Logger

	mu       sync.Mutex
	kinds    map[kubeapi.Kind]*watched
	watching sync.WaitGroup // watches
}

// New returns a cluster whose requests go through the gate. It makes none.
func New(client rest.Interface, through *gate.Gate, logger log.Logger) *Cluster {
	return &Cluster{api: kubeapi.New(client, through, FieldManager), logger: logger, kinds: map[kubeapi.Kind]*watched{}}
}

// Workload returns the workload that ref names. It makes no request.
func (c *Cluster) Workload(ref Ref) *Workload { return &Workload{Ref: ref, cluster: c} }
