package node

import (
	"bytes"
	"context"
	"embed"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"text/template"

	"github.com/camunda-autoscaler/camunda-autoscaler/e2e/image"
	"github.com/camunda-autoscaler/camunda-autoscaler/testbed/build"
)

//go:embed config
var configFiles embed.FS

const (
	containerdSocket = "/run/containerd/containerd.sock"
	sandboxImage     = "node.local/pause:1"
	dnsImage         = "node.local/coredns:1"
)

// configure writes a file of config/, filled in, and returns its path.
func (n *Node) configure(name string, data map[string]any) (string, error) {
	t, err := template.ParseFS(configFiles, "config/"+name)
	if err != nil {
		return "", err
	}
	var text bytes.Buffer
	if err := t.Execute(&text, data); err != nil {
		return "", err
	}
	path := n.path(name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return "", err
	}
	return path, os.WriteFile(path, text.Bytes(), 0o644)
}

func (n *Node) startContainerd(ctx context.Context) error {
	folder := n.programs[build.Containerd]
	if _, err := n.configure("cni/node.conflist", map[string]any{"PodNetwork": podNetwork}); err != nil {
		return err
	}
	config, err := n.configure("containerd.toml", map[string]any{
		"Root": n.path("containerd"), "Socket": containerdSocket, "Programs": folder, "Sandbox": sandboxImage, "CNI": n.path("cni"),
	})
	if err != nil {
		return err
	}
	if n.containerd, err = n.run(ctx, "containerd", filepath.Join(folder, "containerd"), "--config="+config); err != nil {
		return err
	}
	err = n.await(ctx, n.containerd, "containerd", func(ctx context.Context) error {
		_, err := n.ctr(ctx, nil, "version")
		return err
	})
	if err != nil {
		return err
	}
	return n.LoadImages(ctx,
		image.Image{Name: sandboxImage, Files: map[string]string{"/pause": filepath.Join(folder, "pause")}, Entrypoint: []string{"/pause"}},
		image.Image{Name: dnsImage, Files: map[string]string{"/coredns": filepath.Join(n.programs[build.CoreDNS], "coredns")}, Entrypoint: []string{"/coredns"}},
	)
}

func (n *Node) startKubelet(ctx context.Context) error {
	kubeconfig, err := n.UserKubeconfig("system:node:"+Name, "system:nodes")
	if err != nil {
		return err
	}
	// Pods get only the cluster's DNS server.
	if err := os.WriteFile(n.path("resolv.conf"), nil, 0o644); err != nil {
		return err
	}
	config, err := n.configure("kubelet.yaml", map[string]any{
		"CA": n.CertificateAuthority(), "Socket": containerdSocket, "DNS": dnsAddress, "ResolvConf": n.path("resolv.conf"),
	})
	if err != nil {
		return err
	}
	n.kubelet, err = n.run(ctx, "kubelet", n.kubernetes(), "kubelet", "--config="+config, "--kubeconfig="+kubeconfig,
		"--hostname-override="+Name, "--node-ip="+Address, "--cert-dir="+n.path("kubelet-pki"))
	if err != nil {
		return err
	}
	return n.await(ctx, n.kubelet, "the node", func(ctx context.Context) error {
		var node struct {
			Status struct {
				Conditions []struct{ Type, Status, Message string }
			}
		}
		if err := n.Request(ctx, http.MethodGet, "/api/v1/nodes/"+Name, nil, &node); err != nil {
			return err
		}
		message := "it has no condition Ready yet"
		for _, c := range node.Status.Conditions {
			if c.Type == "Ready" && c.Status == "True" {
				return nil
			} else if c.Type == "Ready" {
				message = c.Message
			}
		}
		return fmt.Errorf("not ready: %s", message)
	})
}

func (n *Node) startProxy(ctx context.Context) error {
	kubeconfig, err := n.UserKubeconfig("system:kube-proxy")
	if err != nil {
		return err
	}
	config, err := n.configure("kube-proxy.yaml", map[string]any{"Kubeconfig": kubeconfig, "Node": Name})
	if err != nil {
		return err
	}
	n.proxy, err = n.run(ctx, "kube-proxy", n.kubernetes(), "kube-proxy", "--config="+config)
	return err
}

// startDNS starts CoreDNS and waits until it answers.
func (n *Node) startDNS(ctx context.Context) error {
	manifest, err := n.configure("coredns.yaml", map[string]any{"Image": dnsImage, "Address": dnsAddress})
	if err != nil {
		return err
	}
	if _, err := n.Kubectl(ctx, "apply", "--filename="+manifest); err != nil {
		return err
	}
	_, err = n.Kubectl(ctx, "--namespace=kube-system", "rollout", "status", "deployment/coredns", "--timeout="+startTimeout.String())
	return err
}

func (n *Node) kubernetes() string {
	return filepath.Join(n.programs[build.KubernetesNode], "kubernetes-node")
}
