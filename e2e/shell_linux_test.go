package e2e

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/camunda-autoscaler/camunda-autoscaler/testbed/build"
	"github.com/camunda-autoscaler/camunda-autoscaler/testbed/kube"
)

// shell runs commands as a user would, with kubectl for a real control plane whose nodes kwok plays.
type shell struct {
	ctx        context.Context
	t          *testing.T
	kubeconfig string
	dir        string
	env        []string
}

func newShell(t *testing.T, nodes int) shell {
	t.Helper()
	ctx := t.Context()
	programs, err := build.Ensure(ctx, os.Stderr, build.KubernetesNode)
	if err != nil {
		t.Fatal(err)
	}
	cluster, err := kube.Start(ctx, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cluster.Stop)
	if nodes > 0 {
		if err := cluster.StartNodes(ctx, nodes); err != nil {
			t.Fatal(err)
		}
	}
	dir := t.TempDir()
	kubectl := fmt.Sprintf("#!/bin/sh\nexec %q kubectl \"$@\"\n", filepath.Join(programs[build.KubernetesNode], "kubernetes-node"))
	if err := os.WriteFile(filepath.Join(dir, "kubectl"), []byte(kubectl), 0o755); err != nil {
		t.Fatal(err)
	}
	return shell{ctx: ctx, t: t, kubeconfig: cluster.Kubeconfig, dir: dir, env: append(os.Environ(),
		"KUBECONFIG="+cluster.Kubeconfig, "PATH="+dir+string(os.PathListSeparator)+os.Getenv("PATH"))}
}

// in returns the shell for a subtest.
func (s shell) in(t *testing.T) shell {
	s.t = t
	return s
}

// write writes a file into the folder in which commands run.
func (s shell) write(name, text string) {
	s.t.Helper()
	if err := os.WriteFile(filepath.Join(s.dir, name), []byte(text), 0o600); err != nil {
		s.t.Fatal(err)
	}
}

// run runs commands and returns what they print. All of them have to succeed.
func (s shell) run(text string) string {
	s.t.Helper()
	out, err := s.try("set -euo pipefail\n" + text)
	if err != nil {
		s.t.Fatalf("%s: %v\n%s", text, err, out)
	}
	return strings.TrimSpace(out)
}

// try runs commands and returns what they print, whether they succeed or not.
func (s shell) try(text string) (string, error) {
	cmd := exec.CommandContext(s.ctx, "bash", "-c", text)
	cmd.Dir, cmd.Env = s.dir, s.env
	out, err := cmd.CombinedOutput()
	return string(out), err
}
