package build

import (
	"context"
	"os"
	"path/filepath"

	"github.com/camunda-autoscaler/camunda-autoscaler/testbed/process"
)

// The parts that only a real node takes. They are built on Linux alone, and
// containerd needs a C compiler, pkg-config and libseccomp's headers.
const (
	KubernetesNode Part = "kubernetes-node" // kubernetes-node: kubelet, kube-proxy and kubectl in one program
	Containerd     Part = "containerd"      // containerd, its shim, ctr, runc, pause; cni/ with the network plugins
	CoreDNS        Part = "coredns"         // coredns with the plugins that a cluster takes
)

// nodeRecipes are recipes of their own, so that nobody builds a kubelet who
// only wants a control plane.
func nodeRecipes() map[Part]recipe {
	return map[Part]recipe{
		KubernetesNode: {
			title: "kubelet, kube-proxy and kubectl", cost: "about 2 minutes after the control plane",
			flags: []string{"-ldflags", kubernetesLinkerFlags}, make: goBuild("."),
		},
		Containerd: {
			title: "containerd and runc", cost: "about 2 minutes",
			flags: []string{"-ldflags", "-s -w"}, make: makeContainerd,
		},
		CoreDNS: {
			title: "CoreDNS", cost: "about 2 minutes",
			flags: []string{"-ldflags", "-s -w"}, make: goBuild("."),
		},
	}
}

// makeContainerd builds containerd and the network plugins static, and runc
// with seccomp, which the kubelet's default profile needs and only C has.
func makeContainerd(ctx context.Context, j *job) error {
	cni := filepath.Join(j.result, "cni")
	if err := os.Mkdir(cni, 0o755); err != nil {
		return err
	}
	const (
		containerd = "github.com/containerd/containerd/v2/cmd/"
		plugins    = "github.com/containernetworking/plugins/plugins/"
	)
	for _, args := range [][]string{
		{
			"-tags=no_btrfs no_devmapper no_zfs", "-o", j.result,
			containerd + "containerd", containerd + "containerd-shim-runc-v2", containerd + "ctr",
		},
		{"-o", cni, plugins + "main/bridge", plugins + "main/loopback", plugins + "ipam/host-local", plugins + "meta/portmap"},
		{"-o", j.result, "./pause"},
		{"-tags=netgo osusergo seccomp", "-ldflags=-s -w -extldflags -static", "-o", j.result, "github.com/opencontainers/runc"},
	} {
		env := goEnv
		if args[len(args)-1] == "github.com/opencontainers/runc" {
			env = append(env[:len(env):len(env)], "CGO_ENABLED=1")
		}
		err := process.Run(ctx, process.Spec{
			Name: "go build", Path: "go", Args: append([]string{"build", "-trimpath", "-ldflags", "-s -w"}, args...),
			Dir: j.source, Env: env, Log: j.log,
		})
		if err != nil {
			return err
		}
	}
	return nil
}
