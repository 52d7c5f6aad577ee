package enforcer

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// TestEnforced has the kernel filter real connections between the network
// namespaces of Pods. It needs root.
func TestEnforced(t *testing.T) {
	node := newSpace(t)
	node.run(t, "sysctl -qw net.ipv4.ip_forward=1")
	pods := map[string]space{}
	for address, name := range names {
		pods[name] = node.addPod(t, address)
	}
	for _, port := range []string{"8080", "9090"} {
		pods["server"].serve(t, serverIP+":"+port)
	}
	var e *Enforcer
	node.do(func() {
		var err error
		if e, err = New(); err != nil {
			t.Error(err)
		}
	})
	if t.Failed() {
		t.FailNow()
	}
	everyone := []string{"client:8080", "client:9090", "foreign client:8080", "foreign client:9090", "stranger:8080", "stranger:9090"}
	for _, c := range []struct {
		name     string
		policies []string
		reach    []string
	}{
		{"nothing is isolated", nil, everyone},
		{"the server accepts one caller at one port", []string{clientOnly}, []string{"client:8080"}},
		{"every Pod of the namespace denies", []string{denyAll}, nil},
		{"what the client may not send does not help", []string{denyAll, clientOnly}, nil},
		{"both ends accept", []string{denyAll, clientOnly, clientMayCall}, []string{"client:8080"}},
		{
			"a range of addresses",
			[]string{`{podSelector: {matchLabels: {app: server}}, policyTypes: [Ingress],
			ingress: [{from: [{ipBlock: {cidr: 10.9.0.0/29, except: [10.9.0.2/32]}}], ports: [{port: 9000, endPort: 9999}]}]}`},
			[]string{"foreign client:9090", "stranger:9090"},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := state(t, c.policies...)
			node.do(func() {
				if err := e.Apply(t.Context(), s); err != nil {
					t.Error(err)
				}
			})
			if got := reach(pods); !slices.Equal(got, c.reach) {
				t.Errorf("the server is reached by %q, want %q", got, c.reach)
			}
		})
	}
	node.do(func() {
		if err := e.Remove(t.Context()); err != nil {
			t.Error(err)
		}
	})
	if got := reach(pods); !slices.Equal(got, everyone) {
		t.Errorf("without rules the server is reached by %q, want %q", got, everyone)
	}
}

// reach returns those that reach the server, with the port.
func reach(pods map[string]space) []string {
	results := make(chan string)
	tried := 0
	for name, pod := range pods {
		if name == "server" {
			continue
		}
		for _, port := range []string{"8080", "9090"} {
			tried++
			go func() {
				result := ""
				pod.do(func() {
					conn, err := net.DialTimeout("tcp", serverIP+":"+port, 300*time.Millisecond)
					if err == nil {
						conn.Close()
						result = name + ":" + port
					}
				})
				results <- result
			}()
		}
	}
	var all []string
	for range tried {
		if r := <-results; r != "" {
			all = append(all, r)
		}
	}
	slices.Sort(all)
	return all
}

// TestRun keeps the rules while what they depend on cannot be read.
func TestRun(t *testing.T) {
	node := newSpace(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	lists := 0
	node.do(func() {
		e, err := New()
		if err != nil {
			t.Error(err)
			return
		}
		list := func(context.Context) (State, error) {
			if lists++; lists == 1 {
				return state(t, clientOnly), nil
			}
			return State{}, errors.New("the API server is away")
		}
		e.Run(ctx, time.Millisecond, list, func(err error) {
			if !strings.Contains(err.Error(), "away") {
				t.Error(err)
			}
			cancel()
		})
		if rules := node.output(t, "nft list table ip "+Table); !strings.Contains(rules, "ip saddr "+clientIP+" tcp dport 8080 return") {
			t.Errorf("the rules are\n%s", rules)
		}
	})
}

// space is a network namespace, which ends with the test. Its functions run one
// at a time.
type space struct {
	work chan func()
	path string
}

func newSpace(t *testing.T) space {
	t.Helper()
	s := space{work: make(chan func())}
	failed := make(chan error)
	go func() {
		// Never unlocked: the thread ends with this goroutine, and with it the namespace.
		runtime.LockOSThread()
		s.path = fmt.Sprintf("/proc/%d/task/%d/ns/net", os.Getpid(), unix.Gettid())
		failed <- unix.Unshare(unix.CLONE_NEWNET)
		for f := range s.work {
			f()
		}
	}()
	if err := <-failed; err != nil {
		t.Fatalf("creating a network namespace, which takes root: %v", err)
	}
	t.Cleanup(func() { close(s.work) })
	return s
}

func (s space) do(f func()) {
	done := make(chan struct{})
	s.work <- func() { defer close(done); f() }
	<-done
}

// run runs commands in the namespace.
func (s space) run(t *testing.T, commands string) {
	t.Helper()
	s.do(func() { s.output(t, commands) })
}

// output is run for what is in the namespace already.
func (s space) output(t *testing.T, commands string) string {
	t.Helper()
	out, err := exec.Command("sh", "-euc", commands).CombinedOutput()
	if err != nil {
		t.Errorf("%s: %v: %s", commands, err, out)
	}
	return string(out)
}

// addPod returns the namespace of a Pod, whose packets the node forwards.
func (s space) addPod(t *testing.T, address string) space {
	t.Helper()
	pod := newSpace(t)
	link := "pod" + address[strings.LastIndex(address, ".")+1:]
	s.run(t, fmt.Sprintf("ip link add %s type veth peer name eth0 netns %s\n"+
		"ip address add 169.254.1.1/32 dev %[1]s\nip link set %[1]s up\nip route add %[3]s/32 dev %[1]s", link, pod.path, address))
	pod.run(t, fmt.Sprintf("ip address add %s/32 dev eth0\nip link set eth0 up\n"+
		"ip route add 169.254.1.1 dev eth0\nip route add default via 169.254.1.1 dev eth0", address))
	return pod
}

// serve accepts connections until the test ends.
func (s space) serve(t *testing.T, address string) {
	t.Helper()
	var listener net.Listener
	s.do(func() {
		var err error
		if listener, err = net.Listen("tcp", address); err != nil {
			t.Error(err)
		}
	})
	if t.Failed() {
		t.FailNow()
	}
	t.Cleanup(func() { listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			conn.Close()
		}
	}()
}
