package e2e

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/camunda-autoscaler/camunda-autoscaler/testbed/build"
	"github.com/camunda-autoscaler/camunda-autoscaler/testbed/kube"
)

// gitops is an API server with a Deployment of docs/gitops.md, and a shell for
// that file's commands.
type gitops struct {
	ctx context.Context
	t   *testing.T
	env []string
	dir string
}

// TestHandOver runs the commands of docs/gitops.md: the field replicas of a
// target goes away and its size stays, although it does not by itself.
func TestHandOver(t *testing.T) {
	g := newGitops(t)
	handOver := commands(t, "--field-manager=camunda-scaler")
	forget := commands(t, "set-last-applied")
	owners := commands(t, "managedFields")
	const (
		nothing    = ":"
		serverSide = "kubectl apply --server-side --force-conflicts --field-manager=kustomize-controller"
		clientSide = "kubectl apply"
		scalerSets = "kubectl patch deployment camunda-deployment --subresource=scale --type=merge" +
			` --field-manager=camunda-scaler --patch='{"spec":{"replicas":3}}'`
		sameSize = "kubectl scale deployment camunda-deployment --replicas=3"
	)
	for _, c := range []struct {
		name, apply  string
		from         int // replicas that are applied
		between      string
		size, owners string // when the field has gone away
	}{
		{"server side, not handed over", serverSide, 3, nothing, "1", ""},
		{"server side, scaled to the same size", serverSide, 3, sameSize, "1", ""},
		{"server side, handed over", serverSide, 3, handOver, "3", "camunda-scaler Apply"},
		{"server side, the scaler has changed it", serverSide, 2, scalerSets, "3", "camunda-scaler Update"},
		{"server side, handed over and then scaled", serverSide, 2, scalerSets + "\n" + handOver, "3", "camunda-scaler Apply\ncamunda-scaler Update"},
		{"client side, the scaler has changed it", clientSide, 2, scalerSets, "1", "kubectl-client-side-apply Update"},
		{"client side, handed over", clientSide, 2, scalerSets + "\n" + forget, "3", "camunda-scaler Update"},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := g
			g.t = t
			g.write("with.yaml", fmt.Sprintf("replicas: %d", c.from))
			g.write("camunda-deployment.yaml", "paused: false") // something in the place of replicas
			g.shell(c.apply + " --filename=with.yaml")
			defer g.shell("kubectl delete --cascade=foreground deployment camunda-deployment")
			g.shell(c.between)
			g.shell(c.apply + " --filename=camunda-deployment.yaml")
			if size := g.shell("kubectl get deployment camunda-deployment --output=jsonpath={.spec.replicas}"); size != c.size {
				t.Errorf("the size is %s, want %s", size, c.size)
			}
			var got []string
			for line := range strings.Lines(g.shell(owners)) {
				got = append(got, strings.Join(strings.Fields(line)[:2], " ")) // without the time
			}
			if got := strings.Join(got, "\n"); got != c.owners {
				t.Errorf("the field's owners are %q, want %q", got, c.owners)
			}
		})
	}
}

func newGitops(t *testing.T) gitops {
	t.Helper()
	ctx := t.Context()
	programs, err := build.Ensure(ctx, os.Stderr, build.KubernetesNode)
	if err != nil {
		t.Fatal(err)
	}
	cluster, err := kube.Start(ctx, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cluster.Stop)
	dir := t.TempDir()
	kubectl := fmt.Sprintf("#!/bin/sh\nexec %q kubectl \"$@\"\n", filepath.Join(programs[build.KubernetesNode], "kubernetes-node"))
	if err := os.WriteFile(filepath.Join(dir, "kubectl"), []byte(kubectl), 0o755); err != nil {
		t.Fatal(err)
	}
	return gitops{ctx: ctx, t: t, dir: dir, env: append(os.Environ(),
		"KUBECONFIG="+cluster.Kubeconfig, "PATH="+dir+string(os.PathListSeparator)+os.Getenv("PATH"))}
}

// write writes the target's manifest, with one more line in its spec.
func (g gitops) write(name, line string) {
	g.t.Helper()
	err := os.WriteFile(filepath.Join(g.dir, name), fmt.Appendf(nil, `
apiVersion: apps/v1
kind: Deployment
metadata: {name: camunda-deployment}
spec:
  %s
  selector: {matchLabels: {app: camunda}}
  template:
    metadata: {labels: {app: camunda}}
    spec: {containers: [{name: camunda, image: camunda}]}
`, line), 0o600)
	if err != nil {
		g.t.Fatal(err)
	}
}

// shell runs commands as a user would and returns what they print.
func (g gitops) shell(text string) string {
	g.t.Helper()
	cmd := exec.CommandContext(g.ctx, "bash", "-euo", "pipefail", "-c", text)
	cmd.Dir, cmd.Env = g.dir, g.env
	out, err := cmd.CombinedOutput()
	if err != nil {
		g.t.Fatalf("%s: %v\n%s", text, err, out)
	}
	return strings.TrimSpace(string(out))
}

var shellBlock = regexp.MustCompile("(?s)```sh\n(.*?)```")

// commands returns the commands of docs/gitops.md in which a word occurs.
func commands(t *testing.T, word string) string {
	t.Helper()
	text, err := os.ReadFile("../docs/gitops.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, block := range shellBlock.FindAllStringSubmatch(string(text), -1) {
		if strings.Contains(block[1], word) {
			return block[1]
		}
	}
	t.Fatalf("docs/gitops.md has no commands with %s", word)
	return ""
}
