package promapi

import (
	"context"
	"errors"
	"net"
	"testing"
)

func TestLimitConnections(t *testing.T) {
	refused := errors.New("refused")
	fails := false
	dial := LimitConnections(2, func(context.Context, string, string) (net.Conn, error) {
		if fails {
			return nil, refused
		}
		conn, _ := net.Pipe()
		return conn, nil
	})
	open := func() net.Conn {
		t.Helper()
		conn, err := dial(t.Context(), "tcp", "prometheus:9090")
		if err != nil {
			t.Fatal(err)
		}
		return conn
	}
	first := open()
	open()
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := dial(ended, "tcp", "prometheus:9090"); !errors.Is(err, context.Canceled) {
		t.Fatalf("got %v for the third, want it to wait", err)
	}
	first.Close()
	first.Close() // once more makes no room
	fails = true
	if _, err := dial(t.Context(), "tcp", "prometheus:9090"); !errors.Is(err, refused) {
		t.Fatalf("got %v", err)
	}
	fails = false
	open() // in the place of the first, which the failure did not take
	if _, err := dial(ended, "tcp", "prometheus:9090"); !errors.Is(err, context.Canceled) {
		t.Fatalf("got %v for the third, want it to wait", err)
	}
}
