// Package rabbitmq starts a real RabbitMQ of one node on loopback, with its
// Prometheus plugin.
package rabbitmq

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/camunda-autoscaler/camunda-autoscaler/testbed/ports"
	"github.com/camunda-autoscaler/camunda-autoscaler/testbed/process"
)

const (
	startTimeout = 2 * time.Minute
	stopGrace    = 20 * time.Second
)

// Server is a running RabbitMQ.
type Server struct {
	URL     string // for AMQP 0.9.1: amqp://…
	Metrics string // host:port of the Prometheus plugin

	dir, folder  string
	free         []int
	epmd, server *process.Process
}

// Start starts a RabbitMQ whose files are all in dir, on free ports, and returns
// when it accepts connections. It ends when ctx does.
func Start(ctx context.Context, dir string) (*Server, error) {
	folder, err := Part(ctx, os.Stderr)
	if err != nil {
		return nil, err
	}
	if dir, err = filepath.Abs(dir); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	s := &Server{dir: dir, folder: folder}
	err = ports.Retry(4, func(free []int) error {
		s.free = free
		s.URL = "amqp://guest:guest@" + ports.Address(free[0]) + "/"
		s.Metrics = ports.Address(free[1])
		return s.Start(ctx)
	})
	if err != nil {
		return nil, err
	}
	return s, nil
}

// Start starts the server again after Stop or Kill, with the same ports and
// data, and returns when it accepts connections.
func (s *Server) Start(ctx context.Context) error {
	if err := s.write(); err != nil {
		return fmt.Errorf("writing RabbitMQ's configuration: %w", err)
	}
	release, err := s.release()
	if err != nil {
		return err
	}
	erlang := filepath.Join(s.folder, "usr", "lib", "erlang")
	runtimes, err := filepath.Glob(filepath.Join(erlang, "erts-*", "bin", "epmd"))
	if err != nil || len(runtimes) != 1 {
		return fmt.Errorf("the part RabbitMQ has %d Erlang runtimes instead of one", len(runtimes))
	}
	// Erlang would start its port mapper itself, as a daemon that stays behind.
	s.epmd, err = process.Start(ctx, process.Spec{
		Name: "epmd", Path: runtimes[0], Args: []string{"-port", strconv.Itoa(s.free[2]), "-address", ports.Host},
		Dir: s.dir, Log: s.path("epmd.log"),
	})
	if err != nil {
		return err
	}
	s.server, err = process.Start(ctx, process.Spec{
		Name: "RabbitMQ", Path: filepath.Join(release, "sbin", "rabbitmq-server"), Dir: s.dir, Log: s.path("rabbitmq.log"),
		Env: []string{
			"PATH=" + filepath.Join(erlang, "bin") + string(os.PathListSeparator) + os.Getenv("PATH"),
			"HOME=" + s.dir, // of the cookie
			"ERL_EPMD_PORT=" + strconv.Itoa(s.free[2]), "ERL_EPMD_ADDRESS=" + ports.Host,
			"RABBITMQ_NODENAME=rabbit@localhost", "RABBITMQ_DIST_PORT=" + strconv.Itoa(s.free[3]),
			"RABBITMQ_MNESIA_BASE=" + s.path("data"), "RABBITMQ_LOG_BASE=" + s.path("log"),
			"RABBITMQ_CONFIG_FILE=" + s.path("rabbitmq.conf"), "RABBITMQ_CONF_ENV_FILE=" + s.path("no-environment.conf"),
			"RABBITMQ_PLUGINS_DIR=" + filepath.Join(release, "plugins"), "RABBITMQ_ENABLED_PLUGINS_FILE=" + s.path("plugins"),
			// One scheduler that does not wait in a loop; a quorum queue counts its
			// messages once in a tick.
			"RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS=+S 1:1 +sbwt none -rabbit quorum_tick_interval 1000 -kernel inet_dist_use_interface {127,0,0,1}",
		},
	})
	if err != nil {
		s.epmd.Kill()
		return err
	}
	if err := s.server.AwaitReady(ctx, "RabbitMQ", "http://"+s.Metrics+"/metrics", startTimeout); err != nil {
		s.epmd.Kill()
		return err
	}
	return nil
}

// release is the folder of RabbitMQ itself, which has its version in its name.
func (s *Server) release() (string, error) {
	found, err := filepath.Glob(filepath.Join(s.folder, "usr", "lib", "rabbitmq", "lib", "rabbitmq_server-*"))
	if err != nil || len(found) != 1 {
		return "", fmt.Errorf("the part RabbitMQ has %d releases instead of one", len(found))
	}
	return found[0], nil
}

// Version returns RabbitMQ's version.
func (s *Server) Version() string {
	release, err := s.release()
	if err != nil {
		return "unknown"
	}
	_, version, _ := strings.Cut(filepath.Base(release), "-")
	return version
}

func (s *Server) write() error {
	config := fmt.Sprintf(`listeners.tcp.local = %s
prometheus.tcp.ip = %s
prometheus.tcp.port = %d
collect_statistics_interval = 1000
log.file = false
log.console = true
log.console.level = warning
vm_memory_high_watermark.absolute = 512MB
disk_free_limit.absolute = 50MB
`, ports.Address(s.free[0]), ports.Host, s.free[1])
	if err := os.WriteFile(s.path("rabbitmq.conf"), []byte(config), 0o644); err != nil {
		return err
	}
	return os.WriteFile(s.path("plugins"), []byte("[rabbitmq_prometheus].\n"), 0o644)
}

// PID returns the process id of the start script, whose group has all of the
// server.
func (s *Server) PID() int { return s.server.PID() }

// Stop ends the server in an orderly way.
func (s *Server) Stop() {
	s.server.Stop(stopGrace)
	s.epmd.Kill()
}

// Kill ends the server as a crash does.
func (s *Server) Kill() {
	s.server.Kill()
	s.epmd.Kill()
}

func (s *Server) path(name string) string { return filepath.Join(s.dir, name) }
