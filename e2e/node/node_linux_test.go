package node

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/camunda-autoscaler/camunda-autoscaler/e2e/image"
	"github.com/camunda-autoscaler/camunda-autoscaler/testbed/build"
)

// folderOfVictim is the variable by which TestKilled tells its process where to start a node.
const folderOfVictim = "NODE_TEST_FOLDER"

func TestNode(t *testing.T) {
	folder := t.TempDir()
	before := traces(t, folder)
	n, err := Start(t.Context(), folder)
	if err != nil {
		t.Fatal(err)
	}
	defer n.Stop()

	t.Run("a Pod answers by the name of its Service", func(t *testing.T) { testService(t, n) })
	t.Run("the API server restarts", func(t *testing.T) {
		n.StopAPIServer()
		if _, err := n.Kubectl(t.Context(), "get", "nodes"); err == nil {
			t.Error("a killed API server answered")
		}
		if err := n.StartAPIServer(t.Context()); err != nil {
			t.Fatal(err)
		}
		if out, err := n.Kubectl(t.Context(), "get", "nodes"); err != nil || !strings.Contains(out, Name) {
			t.Errorf("after its restart the API server knows the nodes %q (%v)", out, err)
		}
	})

	groups := n.cgroups.folders
	if err := n.Stop(); err != nil {
		t.Fatal(err)
	}
	if after := traces(t, folder); after != before {
		t.Errorf("mounts and links before:\n%s\nand after:\n%s", before, after)
	}
	for _, group := range groups {
		if exists(group) {
			t.Errorf("%s is left", group)
		}
	}
	if err := n.Stop(); err != nil {
		t.Errorf("stopping again: %v", err)
	}
}

// testService runs an HTTP server, and reaches it as the end-to-end test and
// its Pods do.
func testService(t *testing.T, n *Node) {
	ctx := t.Context()
	const name = "node.local/test-coredns:1"
	err := n.LoadImages(ctx, image.Image{
		Name:       name,
		Files:      map[string]string{"/coredns": filepath.Join(n.programs[build.CoreDNS], "coredns")},
		Entrypoint: []string{"/coredns"},
	})
	if err != nil {
		t.Fatal(err)
	}
	manifest := filepath.Join(t.TempDir(), "pod.yaml")
	if err := os.WriteFile(manifest, fmt.Appendf(nil, `
apiVersion: v1
kind: ConfigMap
metadata: {name: test}
data: {Corefile: ".:5300 {\n health :8080\n}"}
---
apiVersion: v1
kind: Pod
metadata: {name: test, labels: {app: test}}
spec:
  terminationGracePeriodSeconds: 1
  containers:
  - name: test
    image: %s
    args: [-conf, /etc/coredns/Corefile]
    readinessProbe: {httpGet: {path: /health, port: 8080}, periodSeconds: 1}
    volumeMounts: [{name: config, mountPath: /etc/coredns}]
  volumes: [{name: config, configMap: {name: test}}]
---
apiVersion: v1
kind: Service
metadata: {name: test}
spec:
  selector: {app: test}
  ports: [{port: 80, targetPort: 8080}]
`, name), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{
		{"apply", "--filename=" + manifest},
		{"wait", "--for=condition=Ready", "pod/test", "--timeout=60s"},
	} {
		if _, err := n.Kubectl(ctx, args...); err != nil {
			t.Fatal(err)
		}
	}
	ip, err := n.Kubectl(ctx, "get", "service", "test", "--output=jsonpath={.spec.clusterIP}")
	if err != nil {
		t.Fatal(err)
	}
	address, err := n.Forward(ctx, ip+":80")
	if err != nil {
		t.Fatal(err)
	}
	// kube-proxy may be a moment behind the Pod.
	within(t, 10*time.Second, func() error {
		response, err := http.Get("http://" + address + "/health")
		if err != nil {
			return err
		}
		defer response.Body.Close()
		if response.StatusCode != http.StatusOK {
			return fmt.Errorf("status %s", response.Status)
		}
		return nil
	})
	within(t, 10*time.Second, func() error { return n.resolves(ctx, "test.default.svc.cluster.local", ip) })
	if out, err := n.Kubectl(ctx, "logs", "test"); err != nil || !strings.Contains(out, "CoreDNS") {
		t.Errorf("kubectl logs: %q (%v)", out, err)
	}
}

// resolves looks a name up in the cluster's DNS.
func (n *Node) resolves(ctx context.Context, name, want string) error {
	resolver := net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return n.network.Dial(ctx, "tcp", net.JoinHostPort(dnsAddress, "53"))
	}}
	addresses, err := resolver.LookupHost(ctx, name)
	if err == nil && (len(addresses) != 1 || addresses[0] != want) {
		err = fmt.Errorf("%s is at %v, want %s", name, addresses, want)
	}
	return err
}

// TestKilled kills a process that runs a node.
func TestKilled(t *testing.T) {
	if folder := os.Getenv(folderOfVictim); folder != "" {
		n, err := Start(t.Context(), folder)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Println("ready", n.initPID, strings.Join(n.cgroups.folders, " "))
		select {} // until it is killed
	}
	folder := t.TempDir()
	before := traces(t, folder)
	victim := exec.Command(os.Args[0], "-test.run=^TestKilled$")
	victim.Env = append(os.Environ(), folderOfVictim+"="+folder)
	output, err := victim.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := victim.Start(); err != nil {
		t.Fatal(err)
	}
	defer victim.Wait()
	defer victim.Process.Kill()
	lines := bufio.NewScanner(output)
	var left []string
	for lines.Scan() && left == nil {
		if fields := strings.Fields(lines.Text()); len(fields) > 2 && fields[0] == "ready" {
			left = append(fields[2:], filepath.Join("/proc", fields[1]))
			break
		}
		t.Log(lines.Text())
	}
	if left == nil {
		t.Fatal("the node did not start")
	}
	if err := victim.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	within(t, 30*time.Second, func() error {
		for _, path := range left {
			if exists(path) {
				return fmt.Errorf("%s is left", path)
			}
		}
		if after := traces(t, folder); after != before {
			return fmt.Errorf("mounts and links before:\n%s\nand after:\n%s", before, after)
		}
		return nil
	})
}

// traces are what this machine sees of a node: mounts in its folder, and network links.
func traces(t *testing.T, folder string) string {
	t.Helper()
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		t.Fatal(err)
	}
	links, err := net.Interfaces()
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for line := range strings.Lines(string(mounts)) {
		if strings.Contains(line, folder) {
			all = append(all, line)
		}
	}
	for _, l := range links {
		all = append(all, l.Name)
	}
	return strings.Join(all, "\n")
}

func within(t *testing.T, limit time.Duration, try func() error) {
	t.Helper()
	deadline := time.Now().Add(limit)
	for err := try(); err != nil; err = try() {
		if time.Now().After(deadline) {
			t.Fatal(err)
		}
		time.Sleep(50 * time.Millisecond)
	}
}
