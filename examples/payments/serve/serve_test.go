package serve

import (
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// running starts servers, and returns how to end them and what Run returns.
func running(t *testing.T, grace time.Duration, servers ...Server) (end func(), result <-chan error) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	t.Cleanup(cancel)
	done := make(chan error, 1)
	go func() { done <- Run(ctx, grace, servers...) }()
	return cancel, done
}

// address returns one that is free.
func address(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// get sends a request, until there is a server, and returns its answer.
func get(t *testing.T, url string) (string, error) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		response, err := http.Get(url)
		if err != nil && strings.Contains(err.Error(), "refused") && time.Now().Before(deadline) {
			continue
		}
		if err != nil {
			return "", err
		}
		defer response.Body.Close()
		text, err := io.ReadAll(response.Body)
		return string(text), err
	}
}

// A request in flight is answered although the service ends, unless it takes longer
// than the grace.
func TestEndIsGraceful(t *testing.T) {
	for name, test := range map[string]struct {
		grace time.Duration
		lost  bool
	}{
		"within the grace":      {10 * time.Second, false},
		"longer than the grace": {50 * time.Millisecond, true},
	} {
		t.Run(name, func(t *testing.T) {
			at := address(t)
			arrived, release := make(chan struct{}), make(chan struct{})
			end, result := running(t, test.grace, Server{Address: at, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				close(arrived)
				select {
				case <-release:
					io.WriteString(w, "done")
				case <-r.Context().Done():
				}
			})})
			answer := make(chan string, 1)
			go func() {
				text, err := get(t, "http://"+at)
				if err != nil {
					text = "lost"
				}
				answer <- text
			}()
			<-arrived
			end()
			if test.lost {
				if got := <-answer; got != "lost" {
					t.Errorf("the answer is %q, want it cut off", got)
				}
			} else {
				// No new connection is taken while the request is in flight.
				for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(10 * time.Millisecond) {
					c, err := net.Dial("tcp", at)
					if err != nil {
						break
					}
					c.Close()
					if time.Now().After(deadline) {
						t.Fatal("new connections are still taken")
					}
				}
				close(release)
				if got := <-answer; got != "done" {
					t.Errorf("the answer is %q", got)
				}
			}
			if err := <-result; err != nil {
				t.Error(err)
			}
		})
	}
}

// A request of a server with Ending learns that the service ends.
func TestEnding(t *testing.T) {
	at := address(t)
	arrived := make(chan struct{})
	end, result := running(t, 10*time.Second, Server{Address: at, Ending: true, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		close(arrived)
		<-r.Context().Done()
		io.WriteString(w, "stopped")
	})})
	answer := make(chan string, 1)
	go func() {
		text, _ := get(t, "http://"+at)
		answer <- text
	}()
	<-arrived
	end()
	if got := <-answer; got != "stopped" {
		t.Errorf("the answer is %q", got)
	}
	if err := <-result; err != nil {
		t.Error(err)
	}
}

func TestAddressInUse(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	err = Run(t.Context(), time.Second, Server{Address: address(t)}, Server{Address: l.Addr().String()})
	if err == nil || !strings.Contains(err.Error(), l.Addr().String()) {
		t.Errorf("%v", err)
	}
}

func TestOperations(t *testing.T) {
	ready := true
	at := address(t)
	running(t, time.Second, Server{Address: at, Handler: Operations(prometheus.NewRegistry(), func() bool { return ready })})
	for path, want := range map[string]string{"/-/healthy": "", "/-/ready": "", "/metrics": "process_cpu_seconds_total"} {
		if text, err := get(t, "http://"+at+path); err != nil || !strings.Contains(text, want) {
			t.Errorf("%s: %q, %v", path, text, err)
		}
	}
	ready = false
	if text, _ := get(t, "http://"+at+"/-/ready"); text != "shutting down\n" {
		t.Errorf("not ready: %q", text)
	}
}
