// Package system runs the example on this machine: a real control plane and
// Prometheus, the example's charts installed with Helm, and processes in place of
// the containers.
package system

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/camunda-autoscaler/camunda-autoscaler/examples/kafka/parts"
	"github.com/camunda-autoscaler/camunda-autoscaler/testbed/alertmanager"
	"github.com/camunda-autoscaler/camunda-autoscaler/testbed/kube"
	"github.com/camunda-autoscaler/camunda-autoscaler/testbed/pods"
	"github.com/camunda-autoscaler/camunda-autoscaler/testbed/ports"
	"github.com/camunda-autoscaler/camunda-autoscaler/testbed/process"
	"github.com/camunda-autoscaler/camunda-autoscaler/testbed/prometheus"
)

// What the release makes.
const (
	Release   = "posts"
	Namespace = "kafka"
	Cluster   = Release + "-kafka"    // the StatefulSet
	Consumer  = Release + "-consumer" // the Deployment

	maxNodes = 4
)

// Options say what to start.
type Options struct {
	Interval time.Duration // between two scrapes
	Values   string        // more values, YAML
	Out      io.Writer     // a line for each part that is up

	// AlertsAfter replaces how long a condition has to last for an alert; empty: as in the chart.
	AlertsAfter string
}

// System is what runs.
type System struct {
	Cluster      *kube.Cluster
	Runner       *pods.Runner
	Prometheus   *prometheus.Server
	Alertmanager *alertmanager.Server
	Alerts       *Receiver
	Scaler       string // URL without a slash at the end

	parts    parts.Parts
	dir      string
	charts   string // folder of the release's chart
	exporter string // address
	nodes    []node
	options  Options
	begun    time.Time
	cancel   context.CancelFunc
}

// Up starts everything with all files in dir and returns when the release is
// installed and its Pods are ready. Down ends it.
func Up(ctx context.Context, dir string, p parts.Parts, options Options) (*System, error) {
	ctx, cancel := context.WithCancel(ctx)
	s := &System{parts: p, dir: dir, options: options, cancel: cancel, begun: time.Now()}
	if err := s.up(ctx); err != nil {
		s.Down()
		return nil, errors.Join(err, s.Problems())
	}
	return s, nil
}

func (s *System) up(ctx context.Context) error {
	free, err := ports.Free(3*maxNodes + 2)
	if err != nil {
		return err
	}
	for i := range maxNodes {
		s.nodes = append(s.nodes, node{free[3*i], free[3*i+1], free[3*i+2]})
	}
	s.exporter = ports.Address(free[3*maxNodes])
	s.Scaler = "http://" + ports.Address(free[3*maxNodes+1])
	if s.Alerts, err = newReceiver(ctx); err != nil {
		return err
	}
	var group errgroup.Group
	group.Go(func() (err error) {
		if s.Cluster, err = kube.Start(ctx, filepath.Join(s.dir, "kube")); err != nil {
			return err
		}
		return s.Cluster.StartBareNodes(ctx, maxNodes, "8", "32Gi")
	})
	group.Go(func() error { return s.watch(ctx) })
	if err := group.Wait(); err != nil {
		return err
	}
	s.say("Kubernetes: API server, etcd, controllers, scheduler; Prometheus and Alertmanager")
	if err := os.MkdirAll(s.logs(), 0o755); err != nil {
		return err
	}
	s.Runner = pods.Start(ctx, s.Cluster, pods.Options{Dir: s.logs(), Play: s.play})
	if err := s.provideStorage(ctx); err != nil {
		return err
	}
	if err := s.copyCharts(); err != nil {
		return err
	}
	if err := s.Helm(ctx, "dependency", "build", "."); err != nil {
		return err
	}
	if err := s.Helm(ctx, "install", Release, "./", "-n", Namespace, "--create-namespace", "--wait", "--timeout", "4m"); err != nil {
		return err
	}
	s.say("helm install: three Kafka nodes, topic, exporter, scaler, producer and consumer")
	return nil
}

// Bootstrap returns the addresses of the brokers.
func (s *System) Bootstrap() string {
	var all []string
	for _, n := range s.nodes[:3] {
		all = append(all, ports.Address(n.broker))
	}
	return strings.Join(all, ",")
}

// Kafka returns the folder of the jars of a version.
func (s *System) Kafka(version string) string { return s.parts.Kafka[version].Libs }

// Sink is the SQLite file in which all consumers store what they have handled.
func (s *System) Sink() string { return filepath.Join(s.dir, "posts.db") }

func (s *System) logs() string { return filepath.Join(s.dir, "logs") }

// ExporterURL is where kafka-admin serves its metrics.
func (s *System) ExporterURL() string { return "http://" + s.exporter + "/metrics" }

// Helm runs helm in the folder of the release's chart. install and upgrade get the
// values of this machine.
func (s *System) Helm(ctx context.Context, args ...string) error {
	if args[0] == "install" || args[0] == "upgrade" {
		local := filepath.Join(s.dir, "local.yaml")
		if err := os.WriteFile(local, []byte(parts.LocalValues), 0o644); err != nil {
			return err
		}
		args = append(args, "-f", local, "--set", "camunda-autoscaler.scaler.config.prometheus.url="+s.Prometheus.URL)
		if s.options.Values != "" {
			more := filepath.Join(s.dir, "values.yaml")
			if err := os.WriteFile(more, []byte(s.options.Values), 0o644); err != nil {
				return err
			}
			args = append(args, "-f", more)
		}
	}
	return process.Run(ctx, process.Spec{
		Name: "helm " + args[0], Path: s.parts.Helm, Args: args, Dir: s.charts, Log: filepath.Join(s.dir, "helm.log"),
		Env: []string{
			"KUBECONFIG=" + s.Cluster.Kubeconfig, "HELM_CACHE_HOME=" + filepath.Join(s.dir, "helm-cache"),
			"HELM_CONFIG_HOME=" + filepath.Join(s.dir, "helm-config"), "HELM_DATA_HOME=" + filepath.Join(s.dir, "helm-data"),
		},
	})
}

// copyCharts copies the charts with the places that they have to each other: Helm
// writes next to them.
func (s *System) copyCharts() error {
	source := filepath.Join(s.dir, "source")
	for _, folder := range []string{"examples/kafka/helm/kafka", "examples/kafka/helm/posts", "charts/camunda-autoscaler"} {
		if err := os.CopyFS(filepath.Join(source, folder), os.DirFS(filepath.Join(s.parts.Project, folder))); err != nil {
			return err
		}
	}
	s.charts = filepath.Join(source, "examples", "kafka", "helm", "posts")
	return os.RemoveAll(filepath.Join(s.charts, "charts"))
}

// provideStorage makes volumes for the claims of the nodes, since no provisioner does.
func (s *System) provideStorage(ctx context.Context) error {
	for i := range maxNodes {
		name := fmt.Sprintf("local-%d", i)
		err := s.Cluster.Request(ctx, http.MethodPost, "/api/v1/persistentvolumes", object{
			"apiVersion": "v1", "kind": "PersistentVolume", "metadata": object{"name": name},
			"spec": object{
				"capacity": object{"storage": "1Gi"}, "accessModes": []string{"ReadWriteOnce"}, "storageClassName": "local",
				"persistentVolumeReclaimPolicy": "Retain", "hostPath": object{"path": filepath.Join(s.dir, "volumes")},
			},
		}, nil)
		if err != nil {
			return fmt.Errorf("making the volume %s: %w", name, err)
		}
	}
	return nil
}

// Get reads an object of the API server.
func (s *System) Get(ctx context.Context, path string, into any) error {
	return s.Cluster.Request(ctx, http.MethodGet, path, nil, into)
}

// Scale sets a workload's replicas, as kubectl scale does.
func (s *System) Scale(ctx context.Context, resource, name string, replicas int) error {
	path := "/apis/apps/v1/namespaces/" + Namespace + "/" + resource + "/" + name + "/scale"
	return s.Cluster.Request(ctx, http.MethodPatch, path, object{"spec": object{"replicas": replicas}}, nil)
}

// Replicas returns the desired and the ready replicas of a workload.
func (s *System) Replicas(ctx context.Context, resource, name string) (desired, ready int, err error) {
	var w struct {
		Spec   struct{ Replicas int }
		Status struct{ ReadyReplicas int }
	}
	err = s.Get(ctx, "/apis/apps/v1/namespaces/"+Namespace+"/"+resource+"/"+name, &w)
	return w.Spec.Replicas, w.Status.ReadyReplicas, err
}

// Problems returns what went wrong in Pods.
func (s *System) Problems() error {
	if s.Runner == nil {
		return nil // it did not get that far
	}
	return s.Runner.Problems()
}

func (s *System) say(what string) {
	fmt.Fprintf(s.options.Out, "  %4.1f s  %s\n", time.Since(s.begun).Seconds(), what)
}

// Down ends everything and returns when nothing runs any more.
func (s *System) Down() {
	s.cancel()
	if s.Runner != nil {
		s.Runner.Wait()
	}
	if s.Prometheus != nil {
		s.Prometheus.Kill()
	}
	if s.Alertmanager != nil {
		s.Alertmanager.Kill()
	}
	if s.Cluster != nil {
		s.Cluster.Stop()
	}
}

type object = map[string]any
