// Package alertmanager starts a real Alertmanager on loopback.
package alertmanager

import (
	"context"
	"os"
	"path/filepath"
	"time"

	"github.com/camunda-autoscaler/camunda-autoscaler/testbed/build"
	"github.com/camunda-autoscaler/camunda-autoscaler/testbed/ports"
	"github.com/camunda-autoscaler/camunda-autoscaler/testbed/process"
)

const startTimeout = time.Minute

// Server is a running Alertmanager.
type Server struct {
	URL string // without a slash at the end

	process *process.Process
}

// Start starts an Alertmanager with a configuration (YAML), whose files are all
// in dir, on a free port, and returns when it is ready. It ends when ctx does.
func Start(ctx context.Context, dir, configuration string) (*Server, error) {
	folder, err := build.Folder(ctx, build.Alertmanager)
	if err != nil {
		return nil, err
	}
	if dir, err = filepath.Abs(dir); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	config := filepath.Join(dir, "alertmanager.yml")
	if err := os.WriteFile(config, []byte(configuration), 0o644); err != nil {
		return nil, err
	}
	s := &Server{}
	err = ports.Retry(1, func(free []int) error {
		address := ports.Address(free[0])
		s.URL = "http://" + address
		s.process, err = process.Start(ctx, process.Spec{
			Name: "Alertmanager", Path: filepath.Join(folder, "alertmanager"), Dir: dir, Log: filepath.Join(dir, "alertmanager.log"),
			Args: []string{
				"--config.file=" + config,
				"--storage.path=" + filepath.Join(dir, "data"),
				"--web.listen-address=" + address,
				"--cluster.listen-address=", // alone
			},
		})
		if err != nil {
			return err
		}
		return s.process.AwaitReady(ctx, "Alertmanager", s.URL+"/-/ready", startTimeout)
	})
	if err != nil {
		return nil, err
	}
	return s, nil
}

// Kill ends the server at once.
func (s *Server) Kill() { s.process.Kill() }
