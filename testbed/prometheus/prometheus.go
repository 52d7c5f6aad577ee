// Package prometheus starts a real Prometheus on loopback.
package prometheus

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/camunda-autoscaler/camunda-autoscaler/testbed/build"
	"github.com/camunda-autoscaler/camunda-autoscaler/testbed/ports"
	"github.com/camunda-autoscaler/camunda-autoscaler/testbed/process"
)

const (
	startTimeout = time.Minute
	stopGrace    = 10 * time.Second

	defaultInterval = 10 * time.Second
)

// Config says what to scrape.
type Config struct {
	ScrapeInterval time.Duration       // 10s if zero
	Jobs           map[string][]string // host:port targets by job name
	Labels         map[string]string   // of all targets

	// YAML is a complete configuration file, in place of the fields above.
	YAML string

	// Lookback is how long a series counts after its last sample; the default is
	// Prometheus's own. Data that no scrape wrote has no marks where series end.
	Lookback time.Duration
}

func (c Config) file() (string, error) {
	if c.YAML != "" {
		return c.YAML, nil
	}
	type yamlMap = map[string]any
	interval := c.ScrapeInterval
	if interval == 0 {
		interval = defaultInterval
	}
	jobs := []yamlMap{}
	for _, name := range slices.Sorted(maps.Keys(c.Jobs)) {
		jobs = append(jobs, yamlMap{"job_name": name, "static_configs": []yamlMap{{"targets": c.Jobs[name], "labels": c.Labels}}})
	}
	milliseconds := fmt.Sprintf("%dms", interval.Milliseconds())
	text, err := yaml.Marshal(yamlMap{
		// A scrape's timeout cannot be longer than its interval.
		"global":         yamlMap{"scrape_interval": milliseconds, "scrape_timeout": milliseconds},
		"scrape_configs": jobs,
	})
	return string(text), err
}

// Server is a running Prometheus.
type Server struct {
	URL string // without a slash at the end

	dir      string
	program  string
	address  string
	lookback time.Duration
	process  *process.Process
}

// Start starts a Prometheus whose files are all in dir, on a free port, and
// returns when it is ready. It ends when ctx does.
func Start(ctx context.Context, dir string, config Config) (*Server, error) {
	folder, err := build.Folder(ctx, build.Prometheus)
	if err != nil {
		return nil, err
	}
	if dir, err = filepath.Abs(dir); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	s := &Server{dir: dir, program: filepath.Join(folder, "prometheus"), lookback: config.Lookback}
	if err := s.write(config); err != nil {
		return nil, err
	}
	err = ports.Retry(1, func(free []int) error {
		s.address = ports.Address(free[0])
		s.URL = "http://" + s.address
		return s.Start(ctx)
	})
	if err != nil {
		return nil, err
	}
	return s, nil
}

// Promtool returns the path of Prometheus's command-line tool.
func Promtool(ctx context.Context) (string, error) {
	folder, err := build.Folder(ctx, build.Prometheus)
	return filepath.Join(folder, "promtool"), err
}

// Start starts the server again after Stop or Kill, with the same port, data
// and configuration.
func (s *Server) Start(ctx context.Context) (err error) {
	args := []string{
		"--config.file=" + s.configFile(),
		"--storage.tsdb.path=" + filepath.Join(s.dir, "data"),
		"--web.listen-address=" + s.address,
		"--web.enable-lifecycle",
		"--web.enable-admin-api",
	}
	if s.lookback != 0 {
		args = append(args, fmt.Sprintf("--query.lookback-delta=%dms", s.lookback.Milliseconds()))
	}
	s.process, err = process.Start(ctx, process.Spec{
		Name: "Prometheus", Path: s.program, Dir: s.dir, Log: filepath.Join(s.dir, "prometheus.log"), Args: args,
	})
	if err != nil {
		return err
	}
	return s.process.AwaitReady(ctx, "Prometheus", s.URL+"/-/ready", startTimeout)
}

// Reload gives the running server another configuration.
func (s *Server) Reload(ctx context.Context, config Config) error {
	if err := s.write(config); err != nil {
		return err
	}
	if err := process.Request(ctx, http.MethodPost, s.URL+"/-/reload"); err != nil {
		return fmt.Errorf("reloading Prometheus's configuration: %w", err)
	}
	return nil
}

// PID returns the server's process id.
func (s *Server) PID() int { return s.process.PID() }

// Stop ends the server; nothing it has scraped is lost.
func (s *Server) Stop() { s.process.Stop(stopGrace) }

// Kill ends the server as a crash does.
func (s *Server) Kill() { s.process.Kill() }

// Pause makes the server hang: connections are accepted and nothing answers.
func (s *Server) Pause() { s.process.Signal(syscall.SIGSTOP) }

// Resume ends a Pause.
func (s *Server) Resume() { s.process.Signal(syscall.SIGCONT) }

func (s *Server) configFile() string { return filepath.Join(s.dir, "prometheus.yml") }

func (s *Server) write(config Config) error {
	text, err := config.file()
	if err != nil {
		return fmt.Errorf("writing Prometheus's configuration: %w", err)
	}
	return os.WriteFile(s.configFile(), []byte(text), 0o644)
}
