package kube

import (
	"encoding/base64"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// UserKubeconfig writes a kubeconfig for a user with a client certificate and
// returns its path. Kubernetes has no list of users: what the user may do is
// up to the RBAC bindings for its name and groups, none at first.
func (c *Cluster) UserKubeconfig(name string, groups ...string) (string, error) {
	p, err := c.authority.client(name, groups)
	if err != nil {
		return "", err
	}
	authority, err := os.ReadFile(c.authority.path("ca.crt"))
	if err != nil {
		return "", err
	}
	data := base64.StdEncoding.EncodeToString
	text := fmt.Sprintf(`apiVersion: v1
kind: Config
current-context: testbed
clusters:
- name: testbed
  cluster:
    server: %s
    certificate-authority-data: %s
users:
- name: %q
  user:
    client-certificate-data: %s
    client-key-data: %s
contexts:
- name: testbed
  context:
    cluster: testbed
    user: %q
`, c.URL, data(authority), name, data(p.certificate), data(p.key), name)
	path := filepath.Join(c.dir, strings.NewReplacer(":", "-", "/", "-").Replace(name)+".kubeconfig")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		return "", fmt.Errorf("writing a kubeconfig: %w", err)
	}
	return path, nil
}
