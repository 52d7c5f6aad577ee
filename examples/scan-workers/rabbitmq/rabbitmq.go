// Package rabbitmq starts a real RabbitMQ, or a cluster, on loopback, with its
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

	"golang.org/x/sync/errgroup"

	"github.com/camunda-autoscaler/camunda-autoscaler/testbed/ports"
	"github.com/camunda-autoscaler/camunda-autoscaler/testbed/process"
)

const (
	startTimeout = 2 * time.Minute
	stopGrace    = 20 * time.Second
)

// Server is a running RabbitMQ, or a node of a cluster.
type Server struct {
	URL     string // for AMQP 0.9.1: amqp://…
	Metrics string // host:port of the Prometheus plugin

	dir, folder  string
	name         string   // of the node
	cluster      []string // the names of all nodes, if it is one of several
	ports        [3]int   // of AMQP, metrics and the other nodes
	epmdPort     int
	epmd, server *process.Process // epmd is of the first node, for all
}

// Start starts a RabbitMQ whose files are all in dir, on free ports, and returns
// when it accepts connections. It ends when ctx does.
func Start(ctx context.Context, dir string) (*Server, error) {
	all, err := StartCluster(ctx, dir, 1)
	if err != nil {
		return nil, err
	}
	return all[0], nil
}

// StartCluster starts a cluster of n nodes, as Start does.
func StartCluster(ctx context.Context, dir string, n int) (all []*Server, err error) {
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
	var names []string
	for i := range n {
		names = append(names, fmt.Sprintf("rabbit-%d@localhost", i+1))
	}
	err = ports.Retry(3*n+1, func(free []int) error {
		all = nil
		for i, name := range names {
			p := [3]int(free[3*i : 3*i+3])
			all = append(all, &Server{
				URL: "amqp://guest:guest@" + ports.Address(p[0]) + "/", Metrics: ports.Address(p[1]),
				dir: filepath.Join(dir, strings.TrimSuffix(name, "@localhost")), folder: folder, name: name, cluster: names, ports: p, epmdPort: free[3*n],
			})
		}
		return startAll(ctx, all)
	})
	return all, err
}

func startAll(ctx context.Context, all []*Server) error {
	var group errgroup.Group
	if err := all[0].startEpmd(ctx); err != nil {
		return err
	}
	for _, s := range all {
		group.Go(func() error { return s.Start(ctx) })
	}
	err := group.Wait()
	if err != nil {
		for _, s := range all {
			s.Kill()
		}
		all[0].epmd.Kill()
	}
	return err
}

// startEpmd starts Erlang's port mapper. Erlang would start it itself, as a
// daemon that stays behind.
func (s *Server) startEpmd(ctx context.Context) error {
	runtimes, err := filepath.Glob(filepath.Join(s.erlang(), "erts-*", "bin", "epmd"))
	if err != nil || len(runtimes) != 1 {
		return fmt.Errorf("the part RabbitMQ has %d Erlang runtimes instead of one", len(runtimes))
	}
	if err := os.MkdirAll(s.dir, 0o755); err != nil {
		return err
	}
	s.epmd, err = process.Start(ctx, process.Spec{
		Name: "epmd", Path: runtimes[0], Args: []string{"-port", strconv.Itoa(s.epmdPort), "-address", ports.Host},
		Dir: s.dir, Log: s.path("epmd.log"),
	})
	return err
}

func (s *Server) erlang() string { return filepath.Join(s.folder, "usr", "lib", "erlang") }

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
	s.server, err = process.Start(ctx, process.Spec{
		Name: "RabbitMQ", Path: filepath.Join(release, "sbin", "rabbitmq-server"), Dir: s.dir, Log: s.path("rabbitmq.log"),
		Env: []string{
			"PATH=" + filepath.Join(s.erlang(), "bin") + string(os.PathListSeparator) + os.Getenv("PATH"),
			"HOME=" + s.dir, // of the cookie
			// The start script then becomes the server, and is no parent of it that could die alone.
			"RUNNING_UNDER_SYSTEMD=true",
			"ERL_EPMD_PORT=" + strconv.Itoa(s.epmdPort), "ERL_EPMD_ADDRESS=" + ports.Host,
			"RABBITMQ_NODENAME=" + s.name, "RABBITMQ_DIST_PORT=" + strconv.Itoa(s.ports[2]),
			"RABBITMQ_MNESIA_BASE=" + s.path("data"), "RABBITMQ_LOG_BASE=" + s.path("log"),
			"RABBITMQ_CONFIG_FILE=" + s.path("rabbitmq.conf"), "RABBITMQ_CONF_ENV_FILE=" + s.path("no-environment.conf"),
			"RABBITMQ_PLUGINS_DIR=" + filepath.Join(release, "plugins"), "RABBITMQ_ENABLED_PLUGINS_FILE=" + s.path("plugins"),
			// One scheduler that does not wait in a loop; a quorum queue counts its
			// messages once in a tick.
			"RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS=+S 1:1 +sbwt none -rabbit quorum_tick_interval 1000 -kernel inet_dist_use_interface {127,0,0,1}",
		},
	})
	if err != nil {
		return err
	}
	return s.server.AwaitReady(ctx, "RabbitMQ", "http://"+s.Metrics+"/metrics", startTimeout)
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
	if err := os.MkdirAll(s.dir, 0o755); err != nil {
		return err
	}
	var config strings.Builder
	fmt.Fprintf(&config, `listeners.tcp.local = %s
prometheus.tcp.ip = %s
prometheus.tcp.port = %d
collect_statistics_interval = 1000
log.file = false
log.console = true
log.console.level = warning
vm_memory_high_watermark.absolute = 512MB
disk_free_limit.absolute = 50MB
`, ports.Address(s.ports[0]), ports.Host, s.ports[1])
	if len(s.cluster) > 1 {
		fmt.Fprintln(&config, "cluster_formation.peer_discovery_backend = classic_config")
		for i, name := range s.cluster {
			fmt.Fprintf(&config, "cluster_formation.classic_config.nodes.%d = %s\n", i+1, name)
		}
	}
	// The same for all nodes. It keeps out other programs of this machine by mistake, not by malice.
	cookie := strconv.Itoa(s.epmdPort)
	for _, file := range []struct {
		name, text string
		mode       os.FileMode
	}{
		{"rabbitmq.conf", config.String(), 0o644},
		{"plugins", "[rabbitmq_prometheus].\n", 0o644},
		{".erlang.cookie", cookie, 0o600},
	} {
		if err := os.WriteFile(s.path(file.name), []byte(file.text), file.mode); err != nil {
			return err
		}
	}
	return nil
}

// Stop ends the server in an orderly way.
func (s *Server) Stop() { s.server.Stop(stopGrace) }

// Kill ends the server as a crash does.
func (s *Server) Kill() {
	if s.server != nil {
		s.server.Kill()
	}
}

func (s *Server) path(name string) string { return filepath.Join(s.dir, name) }
