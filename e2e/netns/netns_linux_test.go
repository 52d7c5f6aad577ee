package netns

import (
	"net"
	"os/exec"
	"testing"
)

// TestSpace needs root.
func TestSpace(t *testing.T) {
	s, err := New()
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if err := s.Do(func() {
		if out, err := exec.Command("ip", "link", "set", "lo", "up").CombinedOutput(); err != nil {
			t.Errorf("%v: %s", err, out)
		}
	}); err != nil {
		t.Fatal(err)
	}
	listener, err := s.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	address := listener.Addr().String()
	same, err := Open(s.Path())
	if err != nil {
		t.Fatal(err)
	}
	defer same.Close()
	conn, err := same.Dial(t.Context(), "tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	conn.Close()
	if conn, err := net.Dial("tcp", address); err == nil {
		conn.Close()
		t.Errorf("%s answers outside the namespace as well", address)
	}
}
