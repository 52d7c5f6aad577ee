package e2e

import (
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"
)

// TestHandOver runs the commands of docs/gitops.md: the field replicas of a
// target goes away and its size stays, although it does not by itself.
func TestHandOver(t *testing.T) {
	s := newShell(t, 0)
	handOver := commands(t, "--field-manager=camunda-scaler")
	forget := commands(t, "set-last-applied")
	owners := commands(t, "managedFields")
	const (
		target = `
apiVersion: apps/v1
kind: Deployment
metadata: {name: camunda-deployment}
spec:
  %s
  selector: {matchLabels: {app: camunda}}
  template:
    metadata: {labels: {app: camunda}}
    spec: {containers: [{name: camunda, image: camunda}]}
`
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
			s := s.in(t)
			s.write("with.yaml", fmt.Sprintf(target, fmt.Sprintf("replicas: %d", c.from)))
			s.write("camunda-deployment.yaml", fmt.Sprintf(target, "paused: false")) // something in the place of replicas
			s.run(c.apply + " --filename=with.yaml")
			defer s.run("kubectl delete --cascade=foreground deployment camunda-deployment")
			s.run(c.between)
			s.run(c.apply + " --filename=camunda-deployment.yaml")
			if size := s.run("kubectl get deployment camunda-deployment --output=jsonpath={.spec.replicas}"); size != c.size {
				t.Errorf("the size is %s, want %s", size, c.size)
			}
			var got []string
			for line := range strings.Lines(s.run(owners)) {
				got = append(got, strings.Join(strings.Fields(line)[:2], " ")) // without the time
			}
			if got := strings.Join(got, "\n"); got != c.owners {
				t.Errorf("the field's owners are %q, want %q", got, c.owners)
			}
		})
	}
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
