package node

import (
	"testing"
	"time"
)

func TestNode(t *testing.T) {
	start := time.Now()
	n, err := Start(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Log("up", time.Since(start))
	out, err := n.Kubectl(t.Context(), "get", "pods,nodes", "-A", "-o", "wide")
	t.Log(out, err)
	out, err = n.Kubectl(t.Context(), "-n", "kube-system", "logs", "deploy/coredns")
	t.Log(out, err)
	start = time.Now()
	if err := n.Stop(); err != nil {
		t.Fatal(err)
	}
	t.Log("down", time.Since(start))
}
