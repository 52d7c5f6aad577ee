package node

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
)

//go:embed clean.sh
var cleanScript string

const cgroupRoot = "/sys/fs/cgroup"

// controllers are those that the kubelet and runc use. With version 1 of cgroups
// each has a hierarchy of its own.
var controllers = []string{"cpu", "cpuacct", "cpuset", "memory", "devices", "freezer", "blkio", "pids"}

// cgroups are the groups of one node: one with version 2, one for each controller
// with version 1. They are removed when this process ends, for whatever reason.
type cgroups struct {
	folders []string
	release io.Closer // the cleaner waits for it
	cleaner *exec.Cmd
}

func newCgroups(name string) (*cgroups, error) {
	folders, err := cgroupFolders(name)
	if err != nil {
		return nil, err
	}
	c := &cgroups{folders: folders}
	if err := c.startCleaner(); err != nil {
		return nil, err
	}
	for _, folder := range folders {
		err := os.Mkdir(folder, 0o755)
		if err == nil {
			err = inheritCPUs(folder)
		}
		if err != nil {
			return nil, errors.Join(fmt.Errorf("creating a cgroup: %w", err), c.remove())
		}
	}
	return c, nil
}

// cgroupFolders returns where the groups go: below this process's own.
func cgroupFolders(name string) ([]string, error) {
	if _, err := os.Stat(filepath.Join(cgroupRoot, "cgroup.controllers")); err == nil {
		// With version 2 only groups without processes delegate controllers, so
		// below the root.
		return []string{filepath.Join(cgroupRoot, name)}, nil
	}
	own, err := os.ReadFile("/proc/self/cgroup")
	if err != nil {
		return nil, err
	}
	var folders []string
	for line := range strings.Lines(string(own)) {
		fields := strings.SplitN(strings.TrimSpace(line), ":", 3)
		if len(fields) == 3 && slices.Contains(controllers, fields[1]) {
			folders = append(folders, filepath.Join(cgroupRoot, fields[1], fields[2], name))
		}
	}
	if len(folders) != len(controllers) {
		return nil, fmt.Errorf("a node needs the cgroup controllers %s, and only %d of them are at %s",
			strings.Join(controllers, ", "), len(folders), cgroupRoot)
	}
	return folders, nil
}

// inheritCPUs gives a new group of version 1's cpuset the CPUs and memory of its
// parent: it has none at first, and so admits no process.
func inheritCPUs(folder string) error {
	if !strings.HasPrefix(folder, filepath.Join(cgroupRoot, "cpuset")) {
		return nil
	}
	for _, file := range []string{"cpuset.cpus", "cpuset.mems"} {
		text, err := os.ReadFile(filepath.Join(filepath.Dir(folder), file))
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(folder, file), text, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// startCleaner starts the process that removes the groups. It outlives this
// one, which may be killed, and Ctrl-C does not reach it.
func (c *cgroups) startCleaner() error {
	c.cleaner = exec.CommandContext(context.Background(), "bash", append([]string{"-c", cleanScript, "clean"}, c.folders...)...)
	c.cleaner.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	input, err := c.cleaner.StdinPipe()
	if err != nil {
		return err
	}
	c.release = input
	return c.cleaner.Start()
}

// enter returns the command that runs the command after it in the groups.
func (c *cgroups) enter() []string {
	var join strings.Builder
	for _, folder := range c.folders {
		processes := filepath.Join(folder, "cgroup.procs")
		if inner := filepath.Join(folder, "init", "cgroup.procs"); exists(inner) {
			processes = inner // of version 2, when the node has divided its group
		}
		fmt.Fprintf(&join, "echo $$ > '%s'\n", processes)
	}
	return []string{"bash", "-euc", join.String() + `exec "$@"`, "enter"}
}

// remove removes the groups, which takes until their last process has ended.
func (c *cgroups) remove() error {
	c.release.Close()
	if err := c.cleaner.Wait(); err != nil {
		return fmt.Errorf("removing the cgroups %s: %w", strings.Join(c.folders, ", "), err)
	}
	return nil
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
