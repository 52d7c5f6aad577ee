package build

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/camunda-autoscaler/camunda-autoscaler/testbed/process"
)

// The parts that only a real node takes. They are built on Linux alone, and
// containerd needs a C compiler, pkg-config and libseccomp's headers.
const (
	KubernetesNode Part = "kubernetes-node" // kubernetes-node: kubelet, kube-proxy and kubectl in one program
	Containerd     Part = "containerd"      // containerd, its shim, ctr, runc, pause; cni/ with the network plugins
	CoreDNS        Part = "coredns"         // coredns with the plugins that a cluster takes
	Debian         Part = "debian"          // root.tar: a root file system with Java and PostgreSQL, for images
	CamundaImage   Part = "camunda-image"   // camunda/: what is at /camunda in the image of Camunda 7.14 on Tomcat
)

// NodeParts returns the parts that only a real node takes.
func NodeParts() []Part { return []Part{KubernetesNode, Containerd, CoreDNS, Debian, CamundaImage} }

// nodeRecipes are recipes of their own: a control plane needs no kubelet.
func nodeRecipes() map[Part]recipe {
	return map[Part]recipe{
		KubernetesNode: {
			title: "kubelet, kube-proxy and kubectl", cost: "about 90 seconds after the control plane",
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
		Debian: {
			title: "Debian", cost: "about a minute", maven: true, flags: mmdebstrapFlags, make: makeDebian,
		},
		CamundaImage: {
			title: "Camunda 7.14 with its web applications", cost: "about 20 seconds", maven: true, make: mavenBuild("camunda"),
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
			env = append(slices.Clip(env), "CGO_ENABLED=1")
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

// mmdebstrapFlags make a root file system small, and give it the users that
// the official images of PostgreSQL and Camunda have.
var mmdebstrapFlags = []string{
	"--quiet", "--mode=root", "--variant=minbase",
	"--dpkgopt=path-exclude=/usr/share/man/*",
	"--dpkgopt=path-exclude=/usr/share/doc/*",
	"--dpkgopt=path-exclude=/usr/share/locale/*",
	"--dpkgopt=path-exclude=/usr/share/i18n/*",
	// PostgreSQL compiles queries with these, unless they are not there.
	"--dpkgopt=path-exclude=*/libLLVM*",
	"--dpkgopt=path-exclude=*/libz3*",
	"--dpkgopt=path-exclude=/usr/lib/postgresql/15/lib/llvmjit*",
	"--dpkgopt=path-exclude=/usr/lib/postgresql/15/lib/bitcode/*",
	"--aptopt=Acquire::Languages \"none\"",
	`--setup-hook=mkdir -p "$1"/usr/share/man/man1`, // Java's package writes there
	`--customize-hook=chroot "$1" groupmod --gid 999 postgres`,
	`--customize-hook=chroot "$1" usermod --uid 999 postgres`,
	`--customize-hook=chroot "$1" useradd --uid 1000 --user-group --home-dir /camunda --no-create-home camunda`,
	`--customize-hook=rm -rf "$1"/var/cache/apt/* "$1"/var/lib/apt/lists/* "$1"/var/lib/postgresql/15`,
}

// makeDebian installs the packages of the part's list. It needs root, and
// Debian's mmdebstrap, which takes packages from where the machine's apt does.
func makeDebian(ctx context.Context, j *job) error {
	packages, err := os.ReadFile(filepath.Join(j.source, "packages"))
	if err != nil {
		return err
	}
	args := append(slices.Clone(j.recipe.flags), "--include="+strings.Join(strings.Fields(string(packages)), ","))
	return process.Run(ctx, process.Spec{
		Name: "mmdebstrap", Path: "mmdebstrap", Args: append(args, "bookworm", filepath.Join(j.result, "root.tar")),
		Dir: j.work, Log: j.log,
	})
}
