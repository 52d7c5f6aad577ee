package app

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync/atomic"

	"github.com/go-kit/log"
	"github.com/go-kit/log/level"
	"k8s.io/client-go/dynamic"

	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/fleet"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/kubeapi"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/lease"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/loop"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/metrics"
	"github.com/camunda-autoscaler/camunda-autoscaler/scaler/workload"
)

// LeaseID names the Lease that decides which scaler leads.
type LeaseID struct {
	Namespace string // "" for the Pod's
	Name      string
}

// leader decides when this process scales.
type leader interface {
	Run(ctx context.Context, lead func(context.Context))
	Worked() error
}

// standing is whether this process leads and, if another does, which one; "" if
// that is unknown.
type standing = func() (leads bool, leader string)

type boundFunc = func(context.Context) (context.Context, context.CancelFunc, error)

// newLeader returns the leader, the bound that every write needs, and who leads.
func newLeader(o Options, client dynamic.Interface, m *metrics.Metrics) (leader, boundFunc, standing, error) {
	if o.Lease == nil {
		m.SetLeader(func() bool { return true })
		return alone{}, func(ctx context.Context) (context.Context, context.CancelFunc, error) { return ctx, func() {}, nil },
			func() (bool, string) { return true, "" }, nil
	}
	namespace := o.Lease.Namespace
	if namespace == "" {
		var err error
		if namespace, err = podNamespace(); err != nil {
			return nil, nil, nil, err
		}
	}
	host, err := os.Hostname()
	if err != nil {
		return nil, nil, nil, fmt.Errorf("get the host name for the lease: %w", err)
	}
	id := host + "_" + rand.Text()
	logger := log.With(o.Loggers.Kit, "lease", o.Lease.Name, "namespace", namespace, "id", id)
	var other atomic.Pointer[string] // that leads
	other.Store(new(string))
	e := lease.New(id, lease.NewObject(client, namespace, o.Lease.Name), lease.DefaultTiming(), lease.Events{
		Leads: func(holder string) {
			other.Store(&holder)
			level.Info(logger).Log("msg", "standing by", "leader", cmp.Or(holder, "unknown"))
		},
		Started: func() {
			other.Store(new(string))
			level.Info(logger).Log("msg", "leading")
		},
		Stopped: func(reason string) { level.Info(logger).Log("msg", "stopped leading", "reason", reason) },
		Failed: func(doing string, err error) {
			level.Error(logger).Log("msg", "leader election failed", "doing", doing, "err", err)
		},
	})
	m.SetLeader(e.Leads)
	return e, e.Bound, func() (bool, string) { return e.Leads(), *other.Load() }, nil
}

// fenced is a workload that is written only while this process holds the Lease,
// and only for as long as no other can have it.
type fenced struct {
	loop.Scaler
	bound boundFunc
}

// Set implements loop.Scaler.
func (w fenced) Set(ctx context.Context, read workload.Scale, replicas int32) error {
	ctx, cancel, err := w.bound(ctx)
	if err != nil {
		return fmt.Errorf("not written: %w", err)
	}
	defer cancel()
	return w.Scaler.Set(ctx, read, replicas)
}

// fencedPods are those of a workload, marked only while this process holds the
// Lease.
type fencedPods struct {
	fleet.Pods
	bound boundFunc
}

// SetDeletionCosts implements fleet.Pods.
func (w fencedPods) SetDeletionCosts(ctx context.Context, costs map[kubeapi.Pod]int32) error {
	ctx, cancel, err := w.bound(ctx)
	if err != nil {
		return fmt.Errorf("not written: %w", err)
	}
	defer cancel()
	return w.Pods.SetDeletionCosts(ctx, costs)
}

// alone always leads.
type alone struct{}

func (alone) Run(ctx context.Context, lead func(context.Context)) { lead(ctx) }
func (alone) Worked() error                                       { return nil }

// podNamespace reads the namespace where Kubernetes mounts it into a Pod.
func podNamespace() (string, error) {
	text, err := os.ReadFile("/var/run/secrets/kubernetes.io/serviceaccount/namespace")
	if errors.Is(err, os.ErrNotExist) {
		return "", errors.New("no namespace for the lease: this is not a Pod, so set --leader-election.namespace")
	}
	if err != nil {
		return "", fmt.Errorf("read the Pod's namespace for the lease: %w", err)
	}
	return strings.TrimSpace(string(text)), nil
}
