package kube

import (
	"context"
	"net/http"
	"strconv"

	"github.com/camunda-autoscaler/camunda-autoscaler/testbed/ports"
)

func (c *Cluster) startEtcd(ctx context.Context) (err error) {
	client, peer := "http://"+ports.Address(c.etcdPort), "http://"+ports.Address(c.etcdPeerPort)
	c.etcd, err = c.run(ctx, "etcd",
		"--name=testbed",
		"--data-dir="+c.path("etcd"),
		"--unsafe-no-fsync",
		"--log-level=warn",
		"--listen-client-urls="+client, "--advertise-client-urls="+client,
		"--listen-peer-urls="+peer, "--initial-advertise-peer-urls="+peer,
		"--initial-cluster=testbed="+peer,
	)
	if err != nil {
		return err
	}
	return await(ctx, c.etcd, "etcd", func(ctx context.Context) error {
		return get(ctx, http.DefaultClient, client+"/health")
	})
}

// StartAPIServer starts the API server, the first time or after
// StopAPIServer, and returns when it is ready.
func (c *Cluster) StartAPIServer(ctx context.Context) (err error) {
	pki := c.authority.path
	args := append(c.siteFlags(),
		"--etcd-servers=http://"+ports.Address(c.etcdPort),
		"--secure-port="+strconv.Itoa(c.apiServerPort),
		"--service-cluster-ip-range="+serviceRange,
		"--authorization-mode=Node,RBAC",
		"--client-ca-file="+pki("ca.crt"),
		"--tls-cert-file="+pki("apiserver.crt"), "--tls-private-key-file="+pki("apiserver.key"),
		// API servers behind this one, such as those of external metrics, are told
		// by these headers who asks.
		"--requestheader-client-ca-file="+pki("ca.crt"), "--requestheader-allowed-names="+frontProxy,
		"--requestheader-username-headers=X-Remote-User", "--requestheader-group-headers=X-Remote-Group",
		"--requestheader-extra-headers-prefix=X-Remote-Extra-",
		"--proxy-client-cert-file="+pki(frontProxy+".crt"), "--proxy-client-key-file="+pki(frontProxy+".key"),
		"--service-account-issuer=https://kubernetes.default.svc",
		"--service-account-key-file="+pki("service-account.pub"), "--service-account-signing-key-file="+pki("service-account.key"),
	)
	if c.apiServer, err = c.run(ctx, "kube-apiserver", args...); err != nil {
		return err
	}
	// Ready means that the RBAC defaults exist; the other components give up
	// without them.
	return await(ctx, c.apiServer, "the API server", func(ctx context.Context) error {
		return get(ctx, c.client, c.URL+"/readyz")
	})
}

// StartControllerManager starts the controller manager, the first time or after
// StopControllers, with more flags, and returns when it is ready.
func (c *Cluster) StartControllerManager(ctx context.Context, flags ...string) (err error) {
	admin, pki := c.Kubeconfig, c.authority.path
	c.controllers, err = c.run(ctx, "kube-controller-manager", append([]string{
		"--kubeconfig=" + admin, "--authentication-kubeconfig=" + admin, "--authorization-kubeconfig=" + admin,
		"--bind-address=127.0.0.1", "--secure-port=" + strconv.Itoa(c.controllerPort),
		"--leader-elect=false",
		"--root-ca-file=" + pki("ca.crt"),
		"--service-account-private-key-file=" + pki("service-account.key"),
		"--cluster-signing-cert-file=" + pki("ca.crt"), "--cluster-signing-key-file=" + pki("ca.key"),
		"--allocate-node-cidrs=true", "--cluster-cidr=" + podRange, "--service-cluster-ip-range=" + serviceRange,
	}, flags...)...)
	if err != nil {
		return err
	}
	return await(ctx, c.controllers, "the controller manager", func(ctx context.Context) error {
		return get(ctx, c.insecure, "https://"+ports.Address(c.controllerPort)+"/healthz")
	})
}

func (c *Cluster) startControllers(ctx context.Context) (err error) {
	if err := c.StartControllerManager(ctx); err != nil {
		return err
	}
	scheduler := c.path("system-kube-scheduler.kubeconfig")
	c.scheduler, err = c.run(ctx, "kube-scheduler",
		"--kubeconfig="+scheduler, "--authentication-kubeconfig="+scheduler, "--authorization-kubeconfig="+scheduler,
		"--bind-address=127.0.0.1", "--secure-port="+strconv.Itoa(c.schedulerPort),
		"--leader-elect=false",
	)
	if err != nil {
		return err
	}
	return await(ctx, c.scheduler, "the scheduler", func(ctx context.Context) error {
		return get(ctx, c.insecure, "https://"+ports.Address(c.schedulerPort)+"/healthz")
	})
}
