package kube

import (
	"net"
	"testing"

	"github.com/camunda-autoscaler/camunda-autoscaler/testbed/build"
	"github.com/camunda-autoscaler/camunda-autoscaler/testbed/ports"
	"github.com/camunda-autoscaler/camunda-autoscaler/testbed/process"
)

// TestTakenPortIsRecognised is what Start's second try with other ports rests on.
func TestTakenPortIsRecognised(t *testing.T) {
	listener, err := net.Listen("tcp", ports.Host+":0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	taken := listener.Addr().(*net.TCPAddr).Port
	folder, err := build.Folder(t.Context(), build.Kubernetes)
	if err != nil {
		t.Fatal(err)
	}
	for i, component := range []string{"API server", "etcd for clients", "etcd for peers", "controller manager", "scheduler"} {
		t.Run(component, func(t *testing.T) {
			free, err := ports.Free(5)
			if err != nil {
				t.Fatal(err)
			}
			free[i] = taken
			cluster := newCluster(t.TempDir(), folder, free)
			defer cluster.Stop()
			if err := cluster.start(t.Context()); !process.AddressInUse(err) {
				t.Errorf("got %v", err)
			}
		})
	}
}
