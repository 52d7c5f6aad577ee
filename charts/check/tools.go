package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
)

// The tools, each pinned by the go.mod in ../tools/NAME. The second Helm is
// there because the charts promise to work with both.
const (
	helm4       = "helm"
	helm3       = "helm3"
	helmDocs    = "helm-docs"
	helmTest    = "helm-unittest"
	kubeconform = "kubeconform"
	kubeScore   = "kube-score"
	amtool      = "amtool"
	promtool    = "promtool" // from the testbed's own parts
)

// root is the checkout's top; the program and its tests run in charts/check.
func root() (string, error) {
	out, err := exec.Command("go", "env", "GOMOD").Output()
	if err != nil {
		return "", fmt.Errorf("look for the checkout: %w", err)
	}
	return filepath.Join(filepath.Dir(strings.TrimSpace(string(out))), "..", ".."), nil
}

// tool returns the program's path. It is built once, into the user's cache,
// under a hash of its go.mod and go.sum.
func tool(name string) (string, error) {
	top, err := root()
	if err != nil {
		return "", err
	}
	source := filepath.Join(top, "charts", "tools", name)
	program := ""
	if name == promtool {
		source = filepath.Join(top, "testbed", "parts", "prometheus")
		program = "github.com/prometheus/prometheus/cmd/promtool"
	}
	hash := sha256.New()
	fmt.Fprintln(hash, runtime.Version(), runtime.GOOS, runtime.GOARCH)
	for _, file := range []string{"go.mod", "go.sum"} {
		text, err := os.ReadFile(filepath.Join(source, file))
		if err != nil {
			return "", fmt.Errorf("look for the tool %s: %w", name, err)
		}
		hash.Write(text)
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	folder := filepath.Join(cache, "camunda-autoscaler")
	path := filepath.Join(folder, fmt.Sprintf("%s-%s", name, hex.EncodeToString(hash.Sum(nil))[:12]))
	if _, err := os.Stat(path); err == nil {
		return path, nil
	}
	fmt.Fprintf(os.Stderr, "building %s, once\n", name)
	if program == "" {
		list, err := run(source, "go", "list", "tool")
		if err != nil {
			return "", err
		}
		program = strings.TrimSpace(string(list))
	}
	// Built beside its place and moved there, so that it is there whole or not.
	work := fmt.Sprintf("%s.%d", path, os.Getpid())
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return "", err
	}
	if _, err := run(source, "go", "build", "-mod=readonly", "-trimpath", "-o", work, program); err != nil {
		return "", err
	}
	return path, os.Rename(work, path)
}

// runTool runs a tool in the checkout's top.
func runTool(name string, args ...string) ([]byte, error) {
	path, err := tool(name)
	if err != nil {
		return nil, err
	}
	top, err := root()
	if err != nil {
		return nil, err
	}
	return run(top, path, args...)
}

// run returns the standard output; the error has both outputs.
func run(dir, path string, args ...string) ([]byte, error) {
	var out, faults bytes.Buffer
	c := exec.Command(path, args...)
	c.Dir = dir
	c.Env = append(os.Environ(), "GOWORK=off", "GOFLAGS=", "CGO_ENABLED=0")
	c.Stdout, c.Stderr = &out, &faults
	if err := c.Run(); err != nil {
		return nil, fmt.Errorf("%s %s: %w\n%s%s", filepath.Base(path), strings.Join(args, " "), err, out.Bytes(), faults.Bytes())
	}
	return out.Bytes(), nil
}
