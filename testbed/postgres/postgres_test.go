package postgres

import (
	"context"
	"net"
	"testing"
	"time"

	"github.com/camunda-autoscaler/camunda-autoscaler/testbed/ports"
	"github.com/camunda-autoscaler/camunda-autoscaler/testbed/process"
)

func TestServer(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Minute) // a first build included
	defer cancel()
	server, err := Start(ctx, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Kill)

	if err := server.Exec(ctx, "CREATE TABLE t (n int); INSERT INTO t VALUES (40), (2)"); err != nil {
		t.Fatal(err)
	}
	sum := func() int64 {
		t.Helper()
		n, err := server.QueryInt(ctx, "SELECT sum(n) FROM t")
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	if got := sum(); got != 42 {
		t.Errorf("got %d, want 42", got)
	}
	url := server.URL
	if err := server.Restart(ctx); err != nil {
		t.Fatal(err)
	}
	if got := sum(); got != 42 || server.URL != url {
		t.Errorf("after a restart: got %d at %s, want 42 at %s", got, server.URL, url)
	}
	server.Kill()
	if err := server.Start(ctx); err != nil {
		t.Fatalf("after a crash: %v", err)
	}
	if got := sum(); got != 42 {
		t.Errorf("after a crash: got %d, want 42", got)
	}
	server.Stop()
	server.Stop() // harmless
	if err := server.Exec(ctx, "SELECT 1"); err == nil {
		t.Error("a stopped server answers")
	}
}

// TestTakenPortIsRecognised is what Start's second try with another port rests on.
func TestTakenPortIsRecognised(t *testing.T) {
	server, err := Start(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	server.Stop()
	taken, err := net.Listen("tcp", ports.Address(server.port))
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	if err := server.Start(t.Context()); !process.AddressInUse(err) {
		t.Errorf("got %v", err)
	}
}
