// Package gitops runs Flux's kustomize-controller on the example's overlay for GitOps,
// for tests: as `make test-example-payments-gitops`, because it takes minutes to build.
//
// Flux's source-controller cannot be had here. Source does what it does for a
// GitRepository: it serves a commit's files, and tells which commit it is.
package gitops

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/camunda-autoscaler/camunda-autoscaler/testbed/kube"
)

type object = map[string]any

// Source is a Git repository of one branch, and what source-controller is for Flux.
type Source struct {
	cluster *kube.Cluster
	dir     string // of the working tree
	server  *httptest.Server
}

// NewSource returns a repository whose first commit has the files of a folder, below path.
func NewSource(ctx context.Context, c *kube.Cluster, dir, path, folder string) (*Source, error) {
	s := &Source{cluster: c, dir: filepath.Join(dir, "tree")}
	archives := filepath.Join(dir, "archives")
	if err := os.MkdirAll(archives, 0o755); err != nil {
		return nil, err
	}
	if err := os.CopyFS(s.Path(path), os.DirFS(folder)); err != nil {
		return nil, err
	}
	if _, err := s.git(ctx, "init", "--quiet", "--initial-branch=main"); err != nil {
		return nil, err
	}
	s.server = httptest.NewServer(http.FileServer(http.Dir(archives)))
	return s, s.Commit(ctx, "first")
}

// Path returns where a file of the working tree is.
func (s *Source) Path(name string) string { return filepath.Join(s.dir, filepath.FromSlash(name)) }

// Close ends serving.
func (s *Source) Close() { s.server.Close() }

// Commit commits the working tree.
func (s *Source) Commit(ctx context.Context, message string) error {
	if _, err := s.git(ctx, "add", "--all"); err != nil {
		return err
	}
	_, err := s.git(ctx, "commit", "--quiet", "--message="+message)
	return err
}

// Revert commits the opposite of the last commit.
func (s *Source) Revert(ctx context.Context) error {
	_, err := s.git(ctx, "revert", "--no-edit", "HEAD")
	return err
}

// Publish has the GitRepository of a namespace and a name be at the last commit, and
// returns its revision.
func (s *Source) Publish(ctx context.Context, namespace, name string) (revision string, err error) {
	head, err := s.git(ctx, "rev-parse", "HEAD")
	if err != nil {
		return "", err
	}
	commit := strings.TrimSpace(head)
	archive, err := s.git(ctx, "archive", "--format=tar.gz", "HEAD")
	if err != nil {
		return "", err
	}
	file := commit + ".tar.gz"
	if err := os.WriteFile(filepath.Join(filepath.Dir(s.dir), "archives", file), []byte(archive), 0o600); err != nil {
		return "", err
	}
	revision = "main@sha1:" + commit
	status := object{"status": object{
		"observedGeneration": 1,
		"artifact": object{
			"revision": revision, "url": s.server.URL + "/" + file, "path": file, "size": len(archive),
			"digest": fmt.Sprintf("sha256:%x", sha256.Sum256([]byte(archive))), "lastUpdateTime": time.Now().UTC().Format(time.RFC3339),
		},
		"conditions": []object{{
			"type": "Ready", "status": "True", "reason": "Succeeded", "message": "stored artifact", "observedGeneration": 1,
			"lastTransitionTime": time.Now().UTC().Format(time.RFC3339),
		}},
	}}
	path := "/apis/source.toolkit.fluxcd.io/v1/namespaces/" + namespace + "/gitrepositories/" + name + "/status"
	return revision, s.cluster.Request(ctx, http.MethodPatch, path, status, nil)
}

func (s *Source) git(ctx context.Context, args ...string) (string, error) {
	if err := os.MkdirAll(s.dir, 0o755); err != nil {
		return "", err
	}
	settings := []string{"-c", "user.name=operator", "-c", "user.email=operator@example.com", "-c", "commit.gpgsign=false"}
	cmd := exec.CommandContext(ctx, "git", append(settings, args...)...)
	cmd.Dir = s.dir
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("git %s: %w: %s", strings.Join(args, " "), err, stderr.String())
	}
	return stdout.String(), nil
}
