package scaler

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/go-logfmt/logfmt"

	"github.com/camunda-autoscaler/camunda-autoscaler/testbed/ports"
	"github.com/camunda-autoscaler/camunda-autoscaler/testbed/process"
	"github.com/camunda-autoscaler/camunda-autoscaler/testbed/prometheus"
)

// scalerProcess is the running program and its log.
type scalerProcess struct {
	*process.Process
	log     string
	address string
}

// line is one line of the log.
type line map[string]string

// startScaler starts the program with what the flags say besides.
func startScaler(t *testing.T, prom *prometheus.Server, flags ...string) *scalerProcess {
	t.Helper()
	s := &scalerProcess{log: filepath.Join(t.TempDir(), "scaler.log")}
	err := ports.Retry(1, func(free []int) error {
		s.address = ports.Address(free[0])
		args := append([]string{"--web.listen-address=" + s.address, "--log.level=debug"}, flags...)
		if prom != nil {
			args = append(args, "--prometheus.url="+prom.URL)
		}
		if !slices.ContainsFunc(flags, func(f string) bool { return strings.HasPrefix(f, "--kubeconfig") }) {
			args = append(args, "--kubeconfig="+cluster.Kubeconfig)
		}
		var err error
		s.Process, err = process.Start(t.Context(), process.Spec{Name: "camunda-scaler", Path: program, Log: s.log, Args: args})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		s.Kill()
		if t.Failed() {
			text, _ := os.ReadFile(s.log)
			t.Logf("the scaler's log:\n%s", text)
		}
	})
	return s
}

// decisions returns the lines that report a decision.
func (s *scalerProcess) decisions(t *testing.T) []line {
	t.Helper()
	text, err := os.ReadFile(s.log)
	if err != nil {
		t.Fatal(err)
	}
	text = text[:bytes.LastIndexByte(text, '\n')+1] // the last line may be half written
	var lines []line
	for d := logfmt.NewDecoder(bytes.NewReader(text)); d.ScanRecord(); {
		l := line{}
		for d.ScanKeyval() {
			l[string(d.Key())] = string(d.Value())
		}
		if l["action"] != "" {
			lines = append(lines, l)
		}
	}
	return lines
}

// awaitReason waits for a decision with that reason among those that come
// after the first n.
func (s *scalerProcess) awaitReason(t *testing.T, n int, reason string) line {
	t.Helper()
	var found line
	await(t, func() string {
		if s.Err() != nil {
			t.Fatal(s.Err())
		}
		lines := s.decisions(t)
		for _, l := range lines[min(n, len(lines)):] {
			if l["reason"] == reason {
				found = l
				return ""
			}
		}
		return fmt.Sprintf("no decision with reason %s after the first %d", reason, n)
	})
	return found
}

func awaitReplicas(t *testing.T, ns string, want int) {
	t.Helper()
	await(t, func() string {
		if got := replicas(t, ns, "apps/v1/deployments", "camunda-deployment"); got != want {
			return fmt.Sprintf("%d replicas, want %d", got, want)
		}
		return ""
	})
}

// quick makes a decision a second.
func quick(ns string) []string { return []string{"--interval=1s", "--target.namespace=" + ns} }
