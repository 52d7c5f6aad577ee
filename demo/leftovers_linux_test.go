package main

import (
	"bufio"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// However the demo ends, no process of its parts outlives it. When it is
// killed its folder stays, which the next demo removes (see package scratch).
func TestNothingIsLeftBehind(t *testing.T) {
	if testing.Short() {
		t.Skip("starts all the parts, several times")
	}
	program := buildDemo(t)
	for name, c := range map[string]struct {
		signal     syscall.Signal
		when       string // in the output
		code       int
		folderGone bool
	}{
		"Ctrl-C while it starts": {syscall.SIGINT, "Starting the parts", 130, true},
		"SIGTERM while it plays": {syscall.SIGTERM, "none, no_data", 130, true},
		"output is not read":     {syscall.SIGPIPE, "none, no_data", 130, true}, // as by head
		"kill -9 while it plays": {syscall.SIGKILL, "none, no_data", -1, false},
	} {
		t.Run(name, func(t *testing.T) {
			scratch := t.TempDir()
			cmd := exec.Command(program)
			cmd.Env = append(os.Environ(), "TMPDIR="+scratch)
			cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
			out, err := cmd.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			watchdog := time.AfterFunc(15*time.Minute, func() { cmd.Process.Kill() })
			defer watchdog.Stop()
			seen := false
			for lines := bufio.NewScanner(out); lines.Scan(); {
				t.Log(lines.Text())
				if !seen && strings.Contains(lines.Text(), c.when) {
					seen = true
					if c.when == "Starting the parts" {
						await(t, "parts to start", func() bool { return len(users(t, scratch)) >= 3 })
					}
					if n := len(users(t, scratch)); n < 3 {
						t.Errorf("only %d processes found while the demo runs", n)
					}
					if c.signal == syscall.SIGPIPE {
						out.Close()
					} else if err := cmd.Process.Signal(c.signal); err != nil {
						t.Error(err)
					}
				}
			}
			_ = cmd.Wait()
			if !seen {
				t.Fatalf("%q never came", c.when)
			}
			if code := cmd.ProcessState.ExitCode(); code != c.code {
				t.Errorf("exit code %d, want %d", code, c.code)
			}
			await(t, "all parts to end", func() bool { return len(users(t, scratch)) == 0 })
			left, err := filepath.Glob(filepath.Join(scratch, "*"))
			if err != nil {
				t.Fatal(err)
			}
			if c.folderGone && len(left) > 0 {
				t.Errorf("left behind: %v", left)
			}
		})
	}
}

func buildDemo(t *testing.T) string {
	t.Helper()
	program := filepath.Join(t.TempDir(), "demo")
	if text, err := exec.Command("go", "build", "-o", program, ".").CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, text)
	}
	return program
}

func await(t *testing.T, what string, done func() bool) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); !done(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain for %s", what)
		}
	}
}

// users returns the command lines of the processes that have something to do
// with a folder.
func users(t *testing.T, folder string) []string {
	t.Helper()
	processes, err := filepath.Glob("/proc/[0-9]*")
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	for _, p := range processes {
		command, _ := os.ReadFile(filepath.Join(p, "cmdline")) // it may just have ended
		cwd, _ := os.Readlink(filepath.Join(p, "cwd"))
		if strings.Contains(string(command), folder) || strings.Contains(cwd, folder) {
			found = append(found, strings.ReplaceAll(string(command), "\x00", " "))
		}
	}
	return found
}

// A make that is killed takes the demo with it.
func TestEndsWithMake(t *testing.T) {
	if testing.Short() {
		t.Skip("starts all the parts")
	}
	program := buildDemo(t)
	scratch := t.TempDir()
	// A shell stands for make, whose sign MAKELEVEL is.
	parent := exec.Command("sh", "-c", program+"; true")
	parent.Env = append(os.Environ(), "TMPDIR="+scratch, "MAKELEVEL=1")
	parent.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := parent.Start(); err != nil {
		t.Fatal(err)
	}
	await(t, "parts to start", func() bool { return len(users(t, scratch)) >= 3 })
	if err := parent.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = parent.Wait()
	await(t, "all parts to end and their folder to go", func() bool {
		left, err := filepath.Glob(filepath.Join(scratch, "*"))
		return err == nil && len(left) == 0 && len(users(t, scratch)) == 0
	})
}
