// Package testbed_test looks at the parts together.
package testbed_test

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/camunda-autoscaler/camunda-autoscaler/testbed/engine"
	"github.com/camunda-autoscaler/camunda-autoscaler/testbed/kube"
	"github.com/camunda-autoscaler/camunda-autoscaler/testbed/postgres"
	"github.com/camunda-autoscaler/camunda-autoscaler/testbed/prometheus"
)

// TestNothingIsLeft starts everything in another process, ends that one, and
// looks for processes that still work in the folder it was given.
func TestNothingIsLeft(t *testing.T) {
	for _, end := range []syscall.Signal{syscall.SIGINT, syscall.SIGKILL} {
		t.Run(end.String(), func(t *testing.T) {
			dir := t.TempDir()
			parent := exec.Command(os.Args[0])
			parent.Env = append(os.Environ(), dirVariable+"="+dir)
			parent.Stderr = os.Stderr
			out, err := parent.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := parent.Start(); err != nil {
				t.Fatal(err)
			}
			if line, err := bufio.NewReader(out).ReadString('\n'); err != nil || line != "ready\n" {
				t.Fatalf("starting everything: %q, %v", line, err)
			}
			// Five programs of Kubernetes, Prometheus, an engine, and
			// PostgreSQL with five children of its own.
			if running := runningIn(t, dir); len(running) < 13 {
				t.Errorf("too few processes are found for this test to mean anything: %q", running)
			}
			if err := parent.Process.Signal(end); err != nil {
				t.Fatal(err)
			}
			_ = parent.Wait()
			for deadline := time.Now().Add(10 * time.Second); len(runningIn(t, dir)) > 0; time.Sleep(50 * time.Millisecond) {
				if time.Now().After(deadline) {
					t.Fatalf("still running: %q", runningIn(t, dir))
				}
			}
		})
	}
}

// runningIn returns the processes whose working directory is in a folder.
func runningIn(t *testing.T, dir string) (commands []string) {
	t.Helper()
	links, err := filepath.Glob("/proc/[0-9]*/cwd")
	if err != nil {
		t.Fatal(err)
	}
	for _, link := range links {
		folder, err := os.Readlink(link)
		if err != nil || !strings.HasPrefix(folder, dir) {
			continue // ended by now, or not ours
		}
		command, _ := os.ReadFile(filepath.Join(filepath.Dir(link), "cmdline"))
		commands = append(commands, strings.ReplaceAll(string(command), "\x00", " "))
	}
	return commands
}

const dirVariable = "TESTBED_LEFTOVERS_DIR"

// TestMain makes the test program play the parent for TestNothingIsLeft.
func TestMain(m *testing.M) {
	dir := os.Getenv(dirVariable)
	if dir == "" {
		os.Exit(m.Run())
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := startEverything(ctx, dir); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Println("ready")
	<-ctx.Done()
}

func startEverything(ctx context.Context, dir string) error {
	var group errgroup.Group
	group.Go(func() error {
		cluster, err := kube.Start(ctx, filepath.Join(dir, "kube"))
		if err != nil {
			return err
		}
		return cluster.StartNodes(ctx, 1)
	})
	group.Go(func() error {
		_, err := postgres.Start(ctx, filepath.Join(dir, "postgres"))
		return err
	})
	group.Go(func() error {
		_, err := prometheus.Start(ctx, filepath.Join(dir, "prometheus"), prometheus.Config{})
		return err
	})
	group.Go(func() error {
		_, err := engine.Start(ctx, filepath.Join(dir, "engine"), engine.Spec{})
		return err
	})
	return group.Wait()
}
