// Package node starts a real Kubernetes node with its control plane:
// containerd, runc, kubelet, kube-proxy and CoreDNS, in namespaces of their
// own. It needs root on Linux. Nothing leads out of the node but what Forward
// opens on this machine's loopback.
package node

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/camunda-autoscaler/camunda-autoscaler/e2e/netns"
	"github.com/camunda-autoscaler/camunda-autoscaler/testbed/build"
	"github.com/camunda-autoscaler/camunda-autoscaler/testbed/kube"
	"github.com/camunda-autoscaler/camunda-autoscaler/testbed/ports"
	"github.com/camunda-autoscaler/camunda-autoscaler/testbed/process"
)

const (
	// Name is the node's.
	Name = "node"
	// Address is the node's in its own network, where NodePorts answer.
	Address = "10.201.0.1"

	podNetwork = "10.244.0.0/24" // the first of those that kube gives to nodes
	dnsAddress = "10.96.0.10"

	startTimeout = 2 * time.Minute
)

//go:embed init.sh
var initScript string

// Node is a running node with its control plane.
type Node struct {
	*kube.Cluster // of which this machine's loopback reaches the API server

	dir      string
	programs map[build.Part]string
	cgroups  *cgroups
	network  *network
	init     *process.Process
	initPID  int

	containerd, kubelet, proxy *process.Process
}

// Start starts a node whose files are all in dir. It returns when the node is
// ready and its DNS answers. The node ends when ctx does or this process dies.
func Start(ctx context.Context, dir string) (*Node, error) {
	if os.Geteuid() != 0 {
		return nil, errors.New("starting a node: it needs root, for namespaces and cgroups")
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	programs, err := build.Ensure(ctx, os.Stderr, build.Kubernetes, build.KubernetesNode, build.Containerd, build.CoreDNS)
	if err != nil {
		return nil, err
	}
	n := &Node{dir: dir, programs: programs}
	if err := n.start(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("starting a node: %w", err), n.Stop())
	}
	return n, nil
}

func (n *Node) start(ctx context.Context) error {
	if err := n.startNamespaces(ctx); err != nil {
		return err
	}
	runtime := make(chan error, 1)
	go func() { runtime <- n.startContainerd(ctx) }()
	var err error
	n.Cluster, err = kube.StartAt(ctx, n.path("control-plane"), kube.Site{
		Enter:   []string{"nsenter", "--net=" + n.namespace("net"), "--"},
		Address: Address,
		Forward: func(port int) error {
			_, err := n.network.forward(ctx, ports.Address(port), ports.Address(port))
			return err
		},
	})
	if err := errors.Join(err, <-runtime); err != nil {
		return err
	}
	if err := n.startKubelet(ctx); err != nil {
		return err
	}
	if err := n.startProxy(ctx); err != nil {
		return err
	}
	return n.startDNS(ctx)
}

// startNamespaces starts PID 1 of the node.
func (n *Node) startNamespaces(ctx context.Context) (err error) {
	if err := os.MkdirAll(n.dir, 0o755); err != nil {
		return err
	}
	// Two nodes of one process differ in their folders.
	if n.cgroups, err = newCgroups(fmt.Sprintf("camunda-autoscaler-%d-%s", os.Getpid(), strings.ReplaceAll(strings.Trim(n.dir, "/"), "/", "-"))); err != nil {
		return err
	}
	command := append(n.cgroups.enter(),
		"unshare", "--mount", "--net", "--uts", "--ipc", "--cgroup", "--pid", "--fork", "--kill-child", "--mount-proc", "--propagation=private",
		"bash", "-c", initScript, "init", n.dir, Name, Address)
	n.init, err = process.Start(ctx, process.Spec{
		Name: "the node's namespaces", Path: command[0], Args: command[1:], Dir: n.dir, Log: n.path("init.log"),
	})
	if err != nil {
		return err
	}
	err = n.await(ctx, n.init, "the node's namespaces", func(context.Context) error {
		_, err := os.Stat(n.path("ready"))
		return err
	})
	if err != nil {
		return err
	}
	if n.initPID, err = onlyChild(n.init.PID()); err != nil {
		return err
	}
	n.network, err = openNetwork(n.namespace("net"))
	return err
}

func onlyChild(pid int) (int, error) {
	id := strconv.Itoa(pid)
	text, err := os.ReadFile(filepath.Join("/proc", id, "task", id, "children"))
	if err != nil {
		return 0, err
	}
	return strconv.Atoi(strings.TrimSpace(string(text)))
}

// run starts a program as a process of the node.
func (n *Node) run(ctx context.Context, name string, args ...string) (*process.Process, error) {
	command := append(n.cgroups.enter(), n.enterAll()...)
	return process.Start(ctx, process.Spec{
		Name: name, Path: command[0], Args: append(command[1:], args...), Dir: n.dir, Log: n.path(name + ".log"),
		Env: []string{"PATH=" + n.programs[build.Containerd] + string(os.PathListSeparator) + os.Getenv("PATH")},
	})
}

func (n *Node) enterAll() []string {
	return []string{
		"nsenter", "--target=" + strconv.Itoa(n.initPID),
		"--mount", "--net", "--uts", "--ipc", "--cgroup", "--pid", "--",
	}
}

func (n *Node) namespace(kind string) string {
	return filepath.Join("/proc", strconv.Itoa(n.initPID), "ns", kind)
}

func (n *Node) path(name string) string { return filepath.Join(n.dir, name) }

// Forward returns an address on this machine's loopback that is connected to an
// address (IP:port) as the node sees it: of a Service, of a Pod, or Address with
// a NodePort. It works until Stop.
func (n *Node) Forward(ctx context.Context, address string) (string, error) {
	local, err := n.network.forward(ctx, net.JoinHostPort(ports.Host, "0"), address)
	if err != nil {
		return "", fmt.Errorf("forwarding to %s: %w", address, err)
	}
	return local, nil
}

// InNetwork calls a function in the node's network, together with the programs that it
// starts.
func (n *Node) InNetwork(f func()) error { return n.network.Do(f) }

// PodNetwork opens the network namespace of the Pod that has an address.
func (n *Node) PodNetwork(ip string) (*netns.Space, error) {
	// As the node sees /run, where containerd keeps them.
	paths, err := filepath.Glob(filepath.Join("/proc", strconv.Itoa(n.initPID), "root/run/netns/*"))
	if err != nil {
		return nil, err
	}
	for _, path := range paths {
		space, err := netns.Open(path)
		if err != nil {
			continue // its Pod has just ended
		}
		var addresses []net.Addr
		entering := space.Do(func() { addresses, err = net.InterfaceAddrs() })
		if err = errors.Join(entering, err); err == nil {
			for _, a := range addresses {
				if prefix, ok := a.(*net.IPNet); ok && prefix.IP.String() == ip {
					return space, nil
				}
			}
		}
		if err = errors.Join(err, space.Close()); err != nil {
			return nil, fmt.Errorf("looking for the Pod at %s: %w", ip, err)
		}
	}
	return nil, fmt.Errorf("no Pod of the node has the address %s", ip)
}

// Stop kills the node and everything on it. It returns when only files are
// left. It may be called more than once.
func (n *Node) Stop() error {
	if n.Cluster != nil {
		n.Cluster.Stop()
	}
	if n.init != nil {
		n.init.Kill() // and with PID 1 every process of the node
	}
	for _, p := range []*process.Process{n.proxy, n.kubelet, n.containerd} {
		if p != nil {
			p.Kill()
		}
	}
	var errs []error
	if n.network != nil {
		errs = append(errs, n.network.close())
		n.network = nil
	}
	if n.cgroups != nil {
		errs = append(errs, n.cgroups.remove())
		n.cgroups = nil
	}
	return errors.Join(errs...)
}

func (n *Node) await(ctx context.Context, p *process.Process, what string, probe func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	return p.Await(ctx, what, probe)
}
