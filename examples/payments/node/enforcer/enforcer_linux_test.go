package enforcer

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/camunda-autoscaler/camunda-autoscaler/e2e/netns"
)

// TestEnforced has the kernel filter real connections between the network
// namespaces of Pods. It needs root.
func TestEnforced(t *testing.T) {
	node := newSpace(t)
	run(t, node, "sysctl -qw net.ipv4.ip_forward=1")
	pods := map[string]*netns.Space{}
	for address, name := range names {
		pods[name] = addPod(t, node, address)
	}
	for _, port := range []string{"8080", "9090"} {
		serve(t, pods["server"], serverIP+":"+port)
	}
	var e *Enforcer
	do(t, node, func() {
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
			do(t, node, func() {
				if err := e.Apply(t.Context(), s); err != nil {
					t.Error(err)
				}
			})
			if got := reach(pods); !slices.Equal(got, c.reach) {
				t.Errorf("the server is reached by %q, want %q", got, c.reach)
			}
		})
	}
	do(t, node, func() {
		if err := e.Remove(t.Context()); err != nil {
			t.Error(err)
		}
	})
	if got := reach(pods); !slices.Equal(got, everyone) {
		t.Errorf("without rules the server is reached by %q, want %q", got, everyone)
	}
}

// reach returns those that reach the server, with the port.
func reach(pods map[string]*netns.Space) []string {
	var all []string
	for name, pod := range pods {
		if name == "server" {
			continue
		}
		for _, port := range []string{"8080", "9090"} {
			ctx, cancel := context.WithTimeout(context.Background(), 300*time.Millisecond)
			if conn, err := pod.Dial(ctx, "tcp", serverIP+":"+port); err == nil {
				conn.Close()
				all = append(all, name+":"+port)
			}
			cancel()
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
	do(t, node, func() {
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
		if rules := output(t, "nft list table ip "+Table); !strings.Contains(rules, "ip saddr "+clientIP+" tcp dport 8080 return") {
			t.Errorf("the rules are\n%s", rules)
		}
	})
}

func newSpace(t *testing.T) *netns.Space {
	t.Helper()
	s, err := netns.New()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func do(t *testing.T, s *netns.Space, f func()) {
	t.Helper()
	if err := s.Do(f); err != nil {
		t.Fatal(err)
	}
}

// run runs commands in a namespace.
func run(t *testing.T, s *netns.Space, commands string) {
	t.Helper()
	do(t, s, func() { output(t, commands) })
}

// output is run for the namespace of the calling thread.
func output(t *testing.T, commands string) string {
	t.Helper()
	out, err := exec.Command("sh", "-euc", commands).CombinedOutput()
	if err != nil {
		t.Errorf("%s: %v: %s", commands, err, out)
	}
	return string(out)
}

// addPod returns the namespace of a Pod, whose packets the node forwards.
func addPod(t *testing.T, node *netns.Space, address string) *netns.Space {
	t.Helper()
	pod := newSpace(t)
	link := "pod" + address[strings.LastIndex(address, ".")+1:]
	run(t, node, fmt.Sprintf("ip link add %s type veth peer name eth0 netns %s\n"+
		"ip address add 169.254.1.1/32 dev %[1]s\nip link set %[1]s up\nip route add %[3]s/32 dev %[1]s", link, pod.Path(), address))
	run(t, pod, fmt.Sprintf("ip address add %s/32 dev eth0\nip link set eth0 up\n"+
		"ip route add 169.254.1.1 dev eth0\nip route add default via 169.254.1.1 dev eth0", address))
	return pod
}

// serve accepts connections until the test ends.
func serve(t *testing.T, pod *netns.Space, address string) {
	t.Helper()
	listener, err := pod.Listen(t.Context(), "tcp", address)
	if err != nil {
		t.Fatal(err)
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
