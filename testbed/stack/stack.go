// Package stack starts a Kubernetes control plane, a Camunda engine, Prometheus
// and the project's own services together, on loopback.
package stack

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/camunda-autoscaler/camunda-autoscaler/testbed/build"
	"github.com/camunda-autoscaler/camunda-autoscaler/testbed/engine"
	"github.com/camunda-autoscaler/camunda-autoscaler/testbed/kube"
	"github.com/camunda-autoscaler/camunda-autoscaler/testbed/ports"
	"github.com/camunda-autoscaler/camunda-autoscaler/testbed/process"
	"github.com/camunda-autoscaler/camunda-autoscaler/testbed/prometheus"
)

// Stack is everything that runs.
type Stack struct {
	Exporter, Scaler, Starter string // URLs without a slash at the end

	ScalerProgram string    // path
	Deployed      time.Time // when the Deployment was created

	Cluster    *kube.Cluster
	Engine     *engine.Engine
	Prometheus *prometheus.Server

	dir      string
	exporter []string           // more flags
	cancel   context.CancelFunc // ends all parts
	services []*process.Process
	failed   chan error
}

// Parts lists what has to be built in addition to the project's own services.
func Parts() []build.Part {
	return []build.Part{build.Kubernetes, build.Kwok, build.Prometheus, build.Camunda724}
}

// Up starts everything, keeps all files in dir, and returns when the scaler
// answers. The starter starts the given number of instances every ten seconds;
// the exporter has the flags besides those that it cannot do without. The parts end when ctx does; Down waits until they have. If Up fails, it has
// called Down. It writes a line to out for each part that is up.
func Up(ctx context.Context, dir string, starts int, out io.Writer, exporterFlags ...string) (*Stack, error) {
	ctx, cancel := context.WithCancel(ctx)
	s := &Stack{dir: dir, exporter: exporterFlags, cancel: cancel, failed: make(chan error, 3)}
	if err := s.up(ctx, starts, &progress{out: out, started: time.Now()}); err != nil {
		s.Down()
		return nil, err
	}
	return s, nil
}

func (s *Stack) up(ctx context.Context, starts int, done *progress) error {
	var products build.Products
	// The group's own context would end the parts when all are up.
	var group errgroup.Group
	start := func(part func() error) {
		group.Go(func() error {
			err := part()
			if err != nil {
				s.cancel()
			}
			return err
		})
	}
	start(func() (err error) {
		if s.Cluster, err = kube.Start(ctx, filepath.Join(s.dir, "kube")); err != nil {
			return err
		}
		if err := s.Cluster.StartNodes(ctx, 2); err != nil {
			return err
		}
		s.Deployed = time.Now()
		if err := s.deploy(ctx); err != nil {
			return err
		}
		done.say("Kubernetes: API server, etcd, controllers, scheduler; kwok nodes")
		return nil
	})
	start(func() (err error) {
		s.Engine, err = engine.Start(ctx, filepath.Join(s.dir, "camunda"), engine.Spec{
			// In a file, as its memory would be full after some hours of load.
			Database: engine.Database{URL: "jdbc:h2:file:" + filepath.Join(s.dir, "camunda", "h2"), User: "sa", Password: "sa"},
			JVM:      []string{"-Djava.io.tmpdir=" + s.dir, "-XX:-UsePerfData"}, // no files elsewhere
		})
		if err != nil {
			return err
		}
		done.say("Camunda 7.24 with an embedded H2 database")
		return nil
	})
	start(func() (err error) {
		if products, err = build.Project(ctx, filepath.Join(s.dir, "services"), false); err != nil {
			return err
		}
		s.ScalerProgram = products.Scaler
		done.say("exporter, scaler and starter are built")
		return nil
	})
	if err := group.Wait(); err != nil {
		return err
	}
	err := ports.Retry(3, func(free []int) error { return s.startServices(ctx, products, free, starts) })
	if err != nil {
		return err
	}
	done.say("Prometheus, exporter, scaler and starter")
	for _, p := range s.services {
		go func() {
			<-p.Exited()
			s.failed <- p.Err()
		}()
	}
	return nil
}

// startServices starts Prometheus and the project's own services on three free
// ports. The jobs have the names that the Helm chart gives them.
func (s *Stack) startServices(ctx context.Context, products build.Products, free []int, starts int) error {
	s.stopServices() // those of an attempt with other ports
	exporter, scaler, starter := ports.Address(free[0]), ports.Address(free[1]), ports.Address(free[2])
	s.Exporter, s.Scaler, s.Starter = "http://"+exporter, "http://"+scaler, "http://"+starter

	if err := s.service(ctx, "camunda-process-starter", products.Starter, starter, "/-/ready",
		"--camunda.host="+s.Engine.URL, "--starts-per-interval="+strconv.Itoa(starts)); err != nil {
		return err
	}
	if err := s.service(ctx, "camunda-exporter", products.Exporter, exporter, "/-/healthy",
		append(slices.Clone(s.exporter), "--camunda.url="+s.Engine.URL)...); err != nil {
		return err
	}
	var err error
	s.Prometheus, err = prometheus.Start(ctx, filepath.Join(s.dir, "prometheus"), prometheus.Config{
		ScrapeInterval: 10 * time.Second,
		// On a cluster the Prometheus operator adds it.
		Labels: map[string]string{"namespace": namespace},
		Jobs: map[string][]string{
			"camunda-exporter": {exporter}, "camunda-scaler": {scaler}, "camunda-process-starter": {starter},
		},
	})
	if err != nil {
		return err
	}
	return s.service(ctx, "camunda-scaler", products.Scaler, scaler, "/-/healthy",
		"--prometheus.url="+s.Prometheus.URL, "--kubeconfig="+s.Cluster.Kubeconfig)
}

func (s *Stack) service(ctx context.Context, name, program, address, ready string, args ...string) error {
	p, err := process.Start(ctx, process.Spec{
		Name: name, Path: program, Args: append(args, "--web.listen-address="+address), Log: s.log(name),
	})
	if err != nil {
		return err
	}
	s.services = append(s.services, p)
	awaiting, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	return p.Await(awaiting, name, func(ctx context.Context) error {
		return request(ctx, http.MethodGet, "http://"+address+ready, "")
	})
}

func (s *Stack) log(service string) string { return filepath.Join(s.dir, service+".log") }

// ScalerLog is the path of the scaler's log.
func (s *Stack) ScalerLog() string { return s.log("camunda-scaler") }

// Failed delivers an error when one of the project's services has ended.
func (s *Stack) Failed() <-chan error { return s.failed }

// SetRate sets how many instances are started every ten seconds.
func (s *Stack) SetRate(ctx context.Context, starts int) error {
	if err := request(ctx, http.MethodPut, s.Starter+"/rate", strconv.Itoa(starts)); err != nil {
		return fmt.Errorf("set the rate: %w", err)
	}
	return nil
}

// Down ends everything and returns when nothing runs any more. It may be
// called more than once.
func (s *Stack) Down() {
	s.stopServices()
	s.cancel()
	if s.Engine != nil {
		s.Engine.Kill()
	}
	if s.Cluster != nil {
		s.Cluster.Stop()
	}
}

func (s *Stack) stopServices() {
	var stopped sync.WaitGroup
	for _, p := range s.services {
		stopped.Go(func() { p.Stop(5 * time.Second) })
	}
	stopped.Wait()
	s.services = nil
	if s.Prometheus != nil {
		s.Prometheus.Kill()
		s.Prometheus = nil
	}
}

func request(ctx context.Context, method, url, body string) error {
	req, err := http.NewRequestWithContext(ctx, method, url, strings.NewReader(body))
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	if resp.StatusCode != http.StatusOK {
		return errors.New(method + " " + url + ": " + resp.Status + ": " + strings.TrimSpace(string(text)))
	}
	return nil
}

// progress writes a line for each part, with the time that it took.
type progress struct {
	out     io.Writer
	started time.Time
}

func (p *progress) say(what string) {
	fmt.Fprintf(p.out, "  %4.1f s  %s\n", time.Since(p.started).Seconds(), what)
}
