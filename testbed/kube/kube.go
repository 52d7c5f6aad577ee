// Package kube starts a real Kubernetes control plane on loopback: etcd,
// kube-apiserver, kube-controller-manager and kube-scheduler, and, on demand,
// nodes that kwok plays.
package kube

import (
	"context"
	"crypto/tls"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"time"

	"github.com/camunda-autoscaler/camunda-autoscaler/testbed/build"
	"github.com/camunda-autoscaler/camunda-autoscaler/testbed/ports"
	"github.com/camunda-autoscaler/camunda-autoscaler/testbed/process"
)

const (
	serviceRange   = "10.96.0.0/16"
	firstServiceIP = "10.96.0.1"
	podRange       = "10.244.0.0/16"

	startTimeout = 2 * time.Minute
)

// Cluster is a running control plane.
type Cluster struct {
	URL        string // of the API server
	Kubeconfig string // path of an administrator's kubeconfig

	dir       string
	site      Site
	programs  string // the folder of the control plane's program or programs
	authority *authority
	client    *http.Client // of the API server, as administrator
	insecure  *http.Client // of components that sign their certificates themselves

	apiServerPort, etcdPort, etcdPeerPort int
	controllerPort, schedulerPort         int

	etcd, apiServer, controllers, scheduler, kwok *process.Process

	nodes int // how many kwok plays
}

// Start starts a control plane whose files are all in dir. It returns when
// Pods can be created. It ends when ctx does.
func Start(ctx context.Context, dir string) (*Cluster, error) {
	return StartAt(ctx, dir, Site{})
}

// StartAt is Start for a control plane with real nodes.
func StartAt(ctx context.Context, dir string, site Site) (*Cluster, error) {
	folder, err := build.Folder(ctx, build.Kubernetes)
	if err != nil {
		return nil, err
	}
	if dir, err = filepath.Abs(dir); err != nil {
		return nil, err
	}
	var c *Cluster
	err = ports.Retry(5, func(free []int) error {
		c = newCluster(dir, folder, free)
		c.site = site
		err := c.start(ctx)
		if err != nil {
			c.Stop()
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("starting Kubernetes: %w", err)
	}
	return c, nil
}

func newCluster(dir, folder string, free []int) *Cluster {
	return &Cluster{
		URL:      "https://" + ports.Address(free[0]),
		dir:      dir,
		programs: folder,

		apiServerPort: free[0], etcdPort: free[1], etcdPeerPort: free[2],
		controllerPort: free[3], schedulerPort: free[4],

		insecure: &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}}, //nolint:gosec // on loopback
	}
}

func (c *Cluster) start(ctx context.Context) error {
	if err := os.RemoveAll(c.path("etcd")); err != nil {
		return err
	}
	if err := os.MkdirAll(c.dir, 0o755); err != nil {
		return err
	}
	if err := c.prepare(); err != nil {
		return fmt.Errorf("creating certificates and kubeconfigs: %w", err)
	}
	if err := c.reach(); err != nil {
		return err
	}
	if err := c.startEtcd(ctx); err != nil {
		return err
	}
	if err := c.StartAPIServer(ctx); err != nil {
		return err
	}
	if err := c.startControllers(ctx); err != nil {
		return err
	}
	// A Pod without its ServiceAccount is refused.
	return await(ctx, c.controllers, "the default ServiceAccount", func(ctx context.Context) error {
		return c.Request(ctx, http.MethodGet, "/api/v1/namespaces/default/serviceaccounts/default", nil, nil)
	})
}

// prepare writes certificates and kubeconfigs.
func (c *Cluster) prepare() (err error) {
	if c.authority, err = newAuthority(c.path("pki"), c.site.Address); err != nil {
		return err
	}
	if c.Kubeconfig, err = c.UserKubeconfig("admin", "system:masters"); err != nil {
		return err
	}
	if _, err = c.UserKubeconfig("system:kube-scheduler"); err != nil {
		return err
	}
	c.client, err = c.authority.httpClient("admin", "system:masters")
	return err
}

// Stop ends the whole cluster at once. It may be called more than once.
func (c *Cluster) Stop() {
	// A throwaway control plane has nothing to save, and takes ten seconds to
	// stop gracefully.
	for _, p := range []*process.Process{c.kwok, c.scheduler, c.controllers, c.apiServer, c.etcd} {
		if p != nil {
			p.Kill()
		}
	}
}

// StopAPIServer kills the API server, as a fault; the rest goes on running.
func (c *Cluster) StopAPIServer() { c.apiServer.Kill() }

// StopControllers ends the controller-manager and the scheduler: objects stay as
// they are written.
func (c *Cluster) StopControllers() {
	c.scheduler.Kill()
	c.controllers.Kill()
}

// StopControllerManager ends the controller-manager alone.
func (c *Cluster) StopControllerManager() { c.controllers.Kill() }

// APIServerPID returns the API server's process id.
func (c *Cluster) APIServerPID() int { return c.apiServer.PID() }

// PauseAPIServer makes the API server hang: connections are accepted and
// nothing answers.
func (c *Cluster) PauseAPIServer() { c.apiServer.Signal(syscall.SIGSTOP) }

// ResumeAPIServer ends a PauseAPIServer.
func (c *Cluster) ResumeAPIServer() { c.apiServer.Signal(syscall.SIGCONT) }

func (c *Cluster) path(name string) string { return filepath.Join(c.dir, name) }

func (c *Cluster) run(ctx context.Context, name string, args ...string) (*process.Process, error) {
	command := slices.Clone(c.site.Enter)
	if all := filepath.Join(c.programs, "kubernetes"); exists(all) {
		command = append(command, all, name)
	} else { // of KUBEBUILDER_ASSETS
		command = append(command, filepath.Join(c.programs, name))
	}
	command = append(command, args...)
	return process.Start(ctx, process.Spec{
		Name: name, Path: command[0], Args: command[1:],
		Dir: c.dir, Log: c.path(name + ".log"),
	})
}

func exists(file string) bool {
	_, err := os.Stat(file)
	return err == nil
}

func await(ctx context.Context, p *process.Process, what string, probe func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	return p.Await(ctx, what, probe)
}
