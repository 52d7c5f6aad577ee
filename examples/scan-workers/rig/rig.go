// Package rig brings up the example on this machine: RabbitMQ, a Kubernetes
// control plane, Prometheus, the scaler, and the workers as processes.
package rig

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
	"go.yaml.in/yaml/v3"
	"golang.org/x/sync/errgroup"

	"github.com/camunda-autoscaler/camunda-autoscaler/examples/scan-workers/queue"
	"github.com/camunda-autoscaler/camunda-autoscaler/examples/scan-workers/rabbitmq"
	"github.com/camunda-autoscaler/camunda-autoscaler/testbed/build"
	"github.com/camunda-autoscaler/camunda-autoscaler/testbed/kube"
	"github.com/camunda-autoscaler/camunda-autoscaler/testbed/pods"
	"github.com/camunda-autoscaler/camunda-autoscaler/testbed/ports"
	"github.com/camunda-autoscaler/camunda-autoscaler/testbed/process"
	"github.com/camunda-autoscaler/camunda-autoscaler/testbed/prometheus"
)

// Namespace is where the workers are.
const Namespace = "scan"

// Pool is a Deployment of workers with a queue of its own.
type Pool struct {
	Name   string
	Target Object // what the scaler's configuration says of it, in place of the defaults; nil: the scaler leaves it alone
}

// Options say what to bring up.
type Options struct {
	Pools  []Pool
	Scrape time.Duration // interval of scrapes
	Decide time.Duration // interval of the scaler
	Grace  int           // terminationGracePeriodSeconds
	Give   time.Duration // how long a worker may have worked at a job that it gives back
}

// Rig is everything that runs.
type Rig struct {
	Options
	Cluster    *kube.Cluster
	RabbitMQ   *rabbitmq.Server
	Prometheus *prometheus.Server
	Scaler     string // URL
	ScalerLog  string // path

	dir      string
	programs map[string]string // by name
	products build.Products
	port     int // of workers
	cancel   context.CancelFunc
	scaler   *process.Process
	runner   *pods.Runner

	mu     sync.Mutex
	events []pods.Event
}

// Up brings everything up, with all files in dir. It ends when ctx does; Down
// waits until it has.
func Up(ctx context.Context, dir string, o Options) (*Rig, error) {
	ctx, cancel := context.WithCancel(ctx)
	r := &Rig{Options: o, dir: dir, cancel: cancel}
	if err := r.up(ctx); err != nil {
		r.Down()
		return nil, err
	}
	return r, nil
}

func (r *Rig) up(ctx context.Context) error {
	var group errgroup.Group
	group.Go(func() (err error) {
		if r.Cluster, err = kube.Start(ctx, r.path("kube")); err != nil {
			return err
		}
		return r.Cluster.StartBareNodes(ctx, 3, "32", "64Gi")
	})
	group.Go(func() (err error) {
		r.RabbitMQ, err = rabbitmq.Start(ctx, r.path("rabbitmq"))
		return err
	})
	group.Go(func() (err error) {
		if r.programs, err = programs(ctx, r.path("programs")); err != nil {
			return err
		}
		r.products, err = build.Project(ctx, r.path("products"), false)
		return err
	})
	if err := group.Wait(); err != nil {
		return err
	}
	free, err := ports.Free(2)
	if err != nil {
		return err
	}
	r.port = free[0]
	if err := r.deploy(ctx); err != nil {
		return err
	}
	scaler := ports.Address(free[1])
	if r.Prometheus, err = prometheus.Start(ctx, r.path("prometheus"), prometheus.Config{YAML: r.scrapes(scaler)}); err != nil {
		return err
	}
	r.run(ctx)
	return r.startScaler(ctx, scaler)
}

// programs builds the example's own.
func programs(ctx context.Context, dir string) (map[string]string, error) {
	folder, err := Folder()
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	err = process.Run(ctx, process.Spec{
		Name: "go build", Path: "go", Args: []string{"build", "-trimpath", "-o", dir + string(filepath.Separator), "./cmd/..."},
		Dir: folder, Env: []string{"GOWORK=off"}, Log: filepath.Join(dir, "build.log"),
	})
	return map[string]string{
		"scan-worker:0.1.0": filepath.Join(dir, "scan-worker"),
		"scan-api:0.1.0":    filepath.Join(dir, "scan-api"),
	}, err
}

// deploy installs the chart, with a Deployment for each pool.
func (r *Rig) deploy(ctx context.Context) error {
	if err := r.Cluster.Create(ctx, "", Object{"apiVersion": "v1", "kind": "Namespace", "metadata": Object{"name": Namespace}}); err != nil {
		return err
	}
	pools := Object{"scans": nil} // the chart's own
	for _, p := range r.Pools {
		pools[p.Name] = Object{"queue": p.Name, "terminationGracePeriodSeconds": r.Grace, "giveBack": r.Give.String()}
	}
	values, err := yaml.Marshal(Object{"amqp": Object{"url": r.RabbitMQ.URL}, "metrics": Object{"port": r.port}, "pools": pools, "api": Object{"enabled": false}})
	if err != nil {
		return err
	}
	if err := os.WriteFile(r.path("values.yaml"), values, 0o644); err != nil {
		return err
	}
	all, err := Render(ctx, "charts/scan-workers", "scan", r.path("values.yaml"))
	if err != nil {
		return err
	}
	for _, o := range all {
		if o["kind"] == "Deployment" {
			o["spec"].(Object)["replicas"] = 1
		}
	}
	if err := r.Channel(ctx, func(c *amqp.Channel) error {
		for _, p := range r.Pools { // so that Prometheus knows them from the start
			if err := queue.NewNames(p.Name).Declare(c); err != nil {
				return err
			}
		}
		return nil
	}); err != nil {
		return err
	}
	return r.Cluster.Create(ctx, Namespace, all...)
}

// scrapes is Prometheus's configuration.
func (r *Rig) scrapes(scaler string) string {
	interval := fmt.Sprintf("%dms", r.Scrape.Milliseconds())
	return fmt.Sprintf(`global: {scrape_interval: %[1]s, scrape_timeout: %[1]s}
scrape_configs:
  - job_name: rabbitmq
    metrics_path: /metrics/detailed
    params: {family: [queue_coarse_metrics]}
    static_configs: [{targets: ['%[2]s']}]
  - job_name: scan-workers
    kubernetes_sd_configs: [{role: pod, kubeconfig_file: %[3]s, namespaces: {names: [%[4]s]}}]
    relabel_configs:
      - {source_labels: [__meta_kubernetes_pod_container_port_name], regex: metrics, action: keep}
      - {source_labels: [__meta_kubernetes_namespace], target_label: namespace}
      - {source_labels: [__meta_kubernetes_pod_name], target_label: pod}
      - {source_labels: [__meta_kubernetes_pod_label_pool], target_label: pool}
  - job_name: camunda-scaler
    static_configs: [{targets: ['%[5]s']}]
`, interval, r.RabbitMQ.Metrics, r.Cluster.Kubeconfig, Namespace, scaler)
}

// run runs the Pods as processes.
func (r *Rig) run(ctx context.Context) {
	r.runner = pods.Start(ctx, r.Cluster, pods.Options{
		Dir: r.path("programs"), Namespace: Namespace, Network: byte(r.port%200 + 1),
		Play: r.play,
		Observe: func(e pods.Event) {
			r.mu.Lock()
			defer r.mu.Unlock()
			r.events = append(r.events, e)
		},
	})
}

func (r *Rig) play(ctx context.Context, runner *pods.Runner, pod *pods.Pod, c pods.Container) (pods.Program, error) {
	program, ok := r.programs[c.Image]
	if !ok {
		return pods.Program{}, fmt.Errorf("no program plays the image %s", c.Image)
	}
	env, err := runner.Environment(ctx, pod, c)
	if err != nil {
		return pods.Program{}, err
	}
	// A Pod has all addresses of its network namespace; a process has to keep to one.
	listen := c.Listen(pod)
	env["WEB_LISTEN_ADDRESS"] = listen
	p := pods.Program{Spec: process.Spec{Path: program, Args: c.Args, Dir: r.path("programs")}, Ready: c.HTTPProbe(listen)}
	for name, value := range env {
		p.Env = append(p.Env, name+"="+value)
	}
	return p, nil
}

// Events returns what has happened to Pods.
func (r *Rig) Events() []pods.Event {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]pods.Event(nil), r.events...)
}

// Err returns an error when a part has ended.
func (r *Rig) Err() error {
	if r.scaler == nil {
		return nil
	}
	return r.scaler.Err()
}

// Problems returns what went wrong with Pods.
func (r *Rig) Problems() error { return r.runner.Problems() }

// Down ends everything, and returns when nothing runs any more.
func (r *Rig) Down() {
	if r.scaler != nil {
		r.scaler.Stop(10 * time.Second)
	}
	r.cancel()
	if r.runner != nil {
		r.runner.Wait()
	}
	if r.Prometheus != nil {
		r.Prometheus.Kill()
	}
	if r.RabbitMQ != nil {
		r.RabbitMQ.Kill()
	}
	if r.Cluster != nil {
		r.Cluster.Stop()
	}
}

func (r *Rig) path(name string) string { return filepath.Join(r.dir, name) }
