package rabbitmq

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// A broker that was killed starts again on its data, and a client's connection
// is answered by AMQP's own greeting.
func TestStartAgain(t *testing.T) {
	if missing := Missing(); missing != "" {
		t.Skip(missing)
	}
	s, err := Start(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		greet(t, s)
		// A start script in between would die with this process, and leave the server behind.
		program, err := os.Readlink(fmt.Sprintf("/proc/%d/exe", s.server.PID()))
		if err != nil || filepath.Base(program) != "beam.smp" {
			t.Errorf("the child process is %s (%v), not the server itself", program, err)
		}
		s.Kill()
		if err := s.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	s.Stop()
	if version := s.Version(); !strings.HasPrefix(version, "3.") && !strings.HasPrefix(version, "4.") {
		t.Errorf("the version is %q", version)
	}
}

func greet(t *testing.T, s *Server) {
	t.Helper()
	address := strings.TrimSuffix(s.URL[strings.Index(s.URL, "@")+1:], "/")
	c, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(10 * time.Second))
	if _, err := c.Write([]byte("AMQP\x00\x00\x09\x01")); err != nil {
		t.Fatal(err)
	}
	first := make([]byte, 1)
	if n, err := c.Read(first); n != 1 || first[0] != 1 { // a method frame: connection.start
		t.Errorf("the answer is %v, %v", first, err)
	}
}
