package rig

import (
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"strconv"

	"golang.org/x/sync/errgroup"

	"github.com/camunda-autoscaler/camunda-autoscaler/testbed/ports"
)

// services plays kube-proxy for the two Services, each at an address of loopback.
func (r *Rig) services(ctx context.Context) error {
	for _, s := range []struct {
		name string
		url  *string
	}{{Provider, &r.Provider}, {Antaeus, &r.Antaeus}} {
		listener, err := new(net.ListenConfig).Listen(ctx, "tcp", net.JoinHostPort(ports.Host, "0"))
		if err != nil {
			return err
		}
		*s.url = "http://" + listener.Addr().String()
		context.AfterFunc(ctx, func() { listener.Close() })
		r.running.Go(func() {
			for {
				client, err := listener.Accept()
				if err != nil {
					if !errors.Is(err, net.ErrClosed) {
						r.fail(err)
					}
					return
				}
				r.running.Go(func() { r.forward(ctx, s.name, client) })
			}
		})
	}
	return nil
}

// forward gives a connection to one of a Service's ready Pods, at random as kube-proxy
// does. Without one, the connection ends.
func (r *Rig) forward(ctx context.Context, service string, client net.Conn) {
	defer client.Close()
	addresses, err := r.endpoints(ctx, service)
	if err != nil || len(addresses) == 0 {
		return
	}
	var dialer net.Dialer
	pod, err := dialer.DialContext(ctx, "tcp", addresses[rand.IntN(len(addresses))]) //nolint:gosec // not for secrets
	if err != nil {
		return
	}
	defer pod.Close()
	defer context.AfterFunc(ctx, func() { client.Close(); pod.Close() })()
	var both errgroup.Group
	both.Go(func() error { return copyHalf(pod, client) })
	both.Go(func() error { return copyHalf(client, pod) })
	_ = both.Wait() // either side may break off
}

// copyHalf copies one direction, and ends it when its source does: a caller that
// leaves is seen by the Pod.
func copyHalf(to, from net.Conn) error {
	_, err := io.Copy(to, from)
	if err == nil {
		return to.(*net.TCPConn).CloseWrite()
	}
	return errors.Join(err, to.Close(), from.Close())
}

// endpoints returns the addresses of a Service's ready Pods, as its EndpointSlices
// would, but those refuse addresses of loopback.
func (r *Rig) endpoints(ctx context.Context, service string) (addresses []string, err error) {
	var pods struct {
		Items []struct {
			Metadata struct{ DeletionTimestamp string }
			Spec     struct {
				Containers []struct{ Ports []struct{ ContainerPort int } }
			}
			Status struct {
				PodIP      string
				Conditions []struct{ Type, Status string }
			}
		}
	}
	path := "/api/v1/namespaces/" + Namespace + "/pods?labelSelector=app.kubernetes.io/name=" + service
	if err := r.Cluster.Request(ctx, http.MethodGet, path, nil, &pods); err != nil {
		return nil, err
	}
	for _, pod := range pods.Items {
		for _, c := range pod.Status.Conditions {
			if c.Type == "Ready" && c.Status == "True" && pod.Metadata.DeletionTimestamp == "" {
				addresses = append(addresses, net.JoinHostPort(pod.Status.PodIP, strconv.Itoa(pod.Spec.Containers[0].Ports[0].ContainerPort)))
			}
		}
	}
	return addresses, nil
}
