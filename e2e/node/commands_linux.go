package node

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/camunda-autoscaler/camunda-autoscaler/e2e/image"
	"github.com/camunda-autoscaler/camunda-autoscaler/testbed/build"
)

// Kubectl runs kubectl as administrator and returns its standard output.
func (n *Node) Kubectl(ctx context.Context, args ...string) (string, error) {
	return output(ctx, nil, append([]string{n.kubernetes(), "kubectl", "--kubeconfig=" + n.Kubeconfig}, args...))
}

// AddVolume makes a folder the volume, of 1 GiB, that a claim of the default class
// gets.
func (n *Node) AddVolume(ctx context.Context, folder string) error {
	manifest, err := n.configure("volume.yaml", map[string]any{"Folder": folder, "Node": Name})
	if err == nil {
		_, err = n.Kubectl(ctx, "apply", "--filename="+manifest)
	}
	if err != nil {
		return fmt.Errorf("adding a volume: %w", err)
	}
	return nil
}

// LoadImages builds images and imports them, as if they were pulled.
func (n *Node) LoadImages(ctx context.Context, images ...image.Image) error {
	archive, w := io.Pipe()
	go func() { w.CloseWithError(image.Write(w, images...)) }()
	defer archive.Close()
	return n.LoadArchive(ctx, archive)
}

// LoadArchive imports the images of an archive in the format of Docker or OCI, as
// if they were pulled.
func (n *Node) LoadArchive(ctx context.Context, archive io.Reader) error {
	if _, err := n.ctr(ctx, archive, "--namespace=k8s.io", "images", "import", "--digests=false", "-"); err != nil {
		return fmt.Errorf("loading images: %w", err)
	}
	return nil
}

// Signal sends a signal to a container's program: with SIGKILL it ends as when memory is
// short, with SIGSTOP it hangs. The id is that of the Pod's status, such as
// containerd://0123.
func (n *Node) Signal(ctx context.Context, container string, signal syscall.Signal) error {
	_, err := n.ctr(ctx, nil, "--namespace=k8s.io", "tasks", "kill", "--signal="+unix.SignalName(signal), strings.TrimPrefix(container, "containerd://"))
	if err != nil {
		return fmt.Errorf("sending %s to a container: %w", signal, err)
	}
	return nil
}

// ctr is containerd's client. It runs inside, where mounts are the node's.
func (n *Node) ctr(ctx context.Context, input io.Reader, args ...string) (string, error) {
	command := append(n.enterAll(), filepath.Join(n.programs[build.Containerd], "ctr"), "--address="+containerdSocket)
	return output(ctx, input, append(command, args...))
}

func output(ctx context.Context, input io.Reader, command []string) (string, error) {
	cmd := exec.CommandContext(ctx, command[0], command[1:]...)
	var stdout, stderr bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = input, &stdout, &stderr
	if err := cmd.Run(); err != nil {
		return stdout.String(), fmt.Errorf("%s: %w: %s", strings.Join(command, " "), err, strings.TrimSpace(stderr.String()))
	}
	return stdout.String(), nil
}
