// Package rig brings up the example on this machine: a Kubernetes control plane with
// the example's own manifests, Prometheus, the scaler from its chart, and processes
// in place of containers.
package rig

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/camunda-autoscaler/camunda-autoscaler/testbed/build"
	"github.com/camunda-autoscaler/camunda-autoscaler/testbed/kube"
	"github.com/camunda-autoscaler/camunda-autoscaler/testbed/pods"
	"github.com/camunda-autoscaler/camunda-autoscaler/testbed/ports"
	"github.com/camunda-autoscaler/camunda-autoscaler/testbed/process"
	"github.com/camunda-autoscaler/camunda-autoscaler/testbed/prometheus"
)

// The names of the manifests.
const (
	Namespace = "payments"
	Provider  = "payment-provider"
	Antaeus   = "antaeus"
)

// Timeout is how long Antaeus waits for the provider, its default.
const Timeout = 5 * time.Second

const (
	nodes    = 2
	interval = 2 * time.Second // of scrapes and decisions
)

// Rig is everything that runs.
type Rig struct {
	Cluster    *kube.Cluster
	Prometheus *prometheus.Server
	Antaeus    string // URL of its Service
	Provider   string // URL of its Service
	Scaler     string // URL

	dir     string
	cancel  context.CancelFunc
	running sync.WaitGroup
	scaler  *process.Process
	pods    *pods.Runner

	mu     sync.Mutex
	failed error
}

// Up brings everything up, with all files in dir. It ends when ctx does; Down waits
// until it has.
func Up(ctx context.Context, dir string) (*Rig, error) {
	ctx, cancel := context.WithCancel(ctx)
	r := &Rig{dir: dir, cancel: cancel}
	if err := r.up(ctx); err != nil {
		r.Down()
		return nil, err
	}
	return r, nil
}

func (r *Rig) up(ctx context.Context) error {
	var group errgroup.Group
	var products build.Products
	group.Go(func() (err error) {
		if r.Cluster, err = kube.Start(ctx, r.path("kube")); err != nil {
			return err
		}
		return r.Cluster.StartBareNodes(ctx, nodes, "4", "8Gi")
	})
	group.Go(func() (err error) {
		if err := r.build(ctx); err != nil {
			return err
		}
		products, err = build.Project(ctx, r.path("products"), false)
		return err
	})
	if err := group.Wait(); err != nil {
		return err
	}
	if err := r.services(ctx); err != nil {
		return err
	}
	if err := r.deploy(ctx); err != nil {
		return err
	}
	r.run(ctx)
	free, err := ports.Free(1)
	if err != nil {
		return err
	}
	scaler := ports.Address(free[0])
	if r.Prometheus, err = prometheus.Start(ctx, r.path("prometheus"), prometheus.Config{YAML: r.scrapes(scaler)}); err != nil {
		return err
	}
	if err := r.startScaler(ctx, products.Scaler, scaler); err != nil {
		return err
	}
	return r.Settled(ctx)
}

// build builds the example's own programs.
func (r *Rig) build(ctx context.Context) error {
	folder, err := Folder()
	if err != nil {
		return err
	}
	if err := os.MkdirAll(r.path("programs"), 0o755); err != nil {
		return err
	}
	return process.Run(ctx, process.Spec{
		Name: "go build", Path: "go", Args: []string{"build", "-trimpath", "-o", r.path("programs") + string(filepath.Separator), "./cmd/..."},
		Dir: folder, Env: []string{"GOWORK=off"}, Log: r.path("build.log"),
	})
}

// run plays the Pods as processes.
func (r *Rig) run(ctx context.Context) {
	_, port, _ := strings.Cut(strings.TrimPrefix(r.Antaeus, "http://"), ":")
	r.pods = pods.Start(ctx, r.Cluster, pods.Options{
		Dir: r.path("programs"), Namespace: Namespace, Network: network(port), Play: r.play,
	})
}

func (r *Rig) play(ctx context.Context, runner *pods.Runner, pod *pods.Pod, c pods.Container) (pods.Program, error) {
	env, err := runner.Environment(ctx, pod, c)
	if err != nil {
		return pods.Program{}, err
	}
	p := pods.Program{Spec: process.Spec{Path: filepath.Join(r.path("programs"), c.Repository()), Args: c.Args, Dir: r.dir}}
	for name, value := range env {
		p.Env = append(p.Env, name+"="+value)
	}
	// A Pod has all addresses of its network namespace; a process has to keep to one.
	for _, port := range c.Ports {
		address := net.JoinHostPort(pod.Address, strconv.Itoa(port.ContainerPort))
		p.Env = append(p.Env, map[string]string{"http": "WEB", "metrics": "METRICS"}[port.Name]+"_LISTEN_ADDRESS="+address)
		if port.Name == c.ReadinessProbe.HTTPGet.Port {
			p.Ready = c.HTTPProbe(address)
		}
	}
	return p, nil
}

// network is the second byte of the Pods' addresses, another one for each Rig.
func network(port string) byte {
	n, _ := strconv.Atoi(port) // of a listener
	return byte(n%200 + 1)
}

// scrapes is Prometheus's configuration.
func (r *Rig) scrapes(scaler string) string {
	return fmt.Sprintf(`global: {scrape_interval: %[1]s, scrape_timeout: %[1]s}
scrape_configs:
  - job_name: payments
    kubernetes_sd_configs: [{role: pod, kubeconfig_file: %[2]s, namespaces: {names: [%[3]s]}}]
    relabel_configs:
      - {source_labels: [__meta_kubernetes_pod_container_port_name], regex: metrics, action: keep}
      - {source_labels: [__meta_kubernetes_pod_phase], regex: Running, action: keep}
      - {source_labels: [__meta_kubernetes_namespace], target_label: namespace}
      - {source_labels: [__meta_kubernetes_pod_name], target_label: pod}
      - {source_labels: [__meta_kubernetes_pod_container_name], target_label: container}
  - job_name: camunda-scaler
    static_configs: [{targets: ['%[4]s']}]
`, interval, r.Cluster.Kubeconfig, Namespace, scaler)
}

func (r *Rig) fail(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if err != nil && r.failed == nil {
		r.failed = err
	}
}

// Problems returns what went wrong with Pods.
func (r *Rig) Problems() error { return r.pods.Problems() }

// Err returns an error when a part has ended.
func (r *Rig) Err() error {
	if r.scaler != nil && r.scaler.Err() != nil {
		return r.scaler.Err()
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.failed
}

// Down ends everything, and returns when nothing runs any more.
func (r *Rig) Down() {
	if r.scaler != nil {
		r.scaler.Stop(10 * time.Second)
	}
	r.cancel()
	if r.pods != nil {
		r.pods.Wait()
	}
	r.running.Wait()
	if r.Prometheus != nil {
		r.Prometheus.Kill()
	}
	if r.Cluster != nil {
		r.Cluster.Stop()
	}
}

func (r *Rig) path(name string) string { return filepath.Join(r.dir, name) }
