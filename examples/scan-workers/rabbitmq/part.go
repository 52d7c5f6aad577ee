package rabbitmq

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"github.com/camunda-autoscaler/camunda-autoscaler/testbed/build"
)

// Part unpacks RabbitMQ and Erlang from Debian's packages into the testbed's
// cache, if they are missing, and returns the folder: nothing is installed. The
// versions are those of the machine's release of Debian or Ubuntu.
func Part(ctx context.Context, out io.Writer) (string, error) {
	checkout, err := build.Checkout()
	if err != nil {
		return "", err
	}
	return build.Custom{
		Name: "rabbitmq", Title: "RabbitMQ", Cost: "about 10 seconds",
		Source: filepath.Join(checkout, "examples", "scan-workers", "rabbitmq", "part"),
		Make:   unpack,
	}.Ensure(ctx, out)
}

// Missing says what this machine lacks, if it lacks what Part or the processes
// in place of Pods need.
func Missing() string {
	if runtime.GOOS != "linux" {
		return "the example has an address of 127.0.0.0/8 for each Pod, which only Linux has"
	}
	if _, err := exec.LookPath("apt-get"); err != nil {
		return "RabbitMQ is unpacked from packages of Debian or Ubuntu, and apt-get is not installed"
	}
	return ""
}

// unpack downloads the packages of the part's list, which has all that RabbitMQ
// takes of Erlang.
func unpack(ctx context.Context, _ build.Custom, project, result, log string) error {
	packages, err := os.ReadFile(filepath.Join(project, "packages"))
	if err != nil {
		return err
	}
	if err := build.Run(ctx, project, log, "apt-get", append([]string{"download"}, strings.Fields(string(packages))...)...); err != nil {
		return fmt.Errorf("downloading packages, which takes Debian or Ubuntu, and once `apt-get update`: %w", err)
	}
	archives, err := filepath.Glob(filepath.Join(project, "*.deb"))
	if err != nil {
		return err
	}
	slices.Sort(archives)
	for _, archive := range archives {
		if err := build.Run(ctx, project, log, "dpkg-deb", "--extract", archive, result); err != nil {
			return err
		}
	}
	return moveErlang(filepath.Join(result, "usr", "lib", "erlang", "bin", "erl"))
}

// moveErlang makes Erlang's start script find the rest of Erlang next to
// itself; Debian's only knows /usr/lib.
func moveErlang(script string) error {
	text, err := os.ReadFile(script)
	if err != nil {
		return err
	}
	const installed, moved = "ROOTDIR=/usr/lib/erlang", `ROOTDIR=$(cd "$(dirname "$0")/.." && pwd)`
	if !bytes.Contains(text, []byte(installed)) {
		return fmt.Errorf("%s does not set %s any more", script, installed)
	}
	return os.WriteFile(script, bytes.ReplaceAll(text, []byte(installed), []byte(moved)), 0o755)
}
