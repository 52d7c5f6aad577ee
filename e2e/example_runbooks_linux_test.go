package e2e

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/camunda-autoscaler/camunda-autoscaler/testbed/build"
)

// lookingKubectl is kubectl for TestExampleRunbooks. There is no kubelet: what needs
// one is not done, but what it names has to be there. Everything else is done.
const lookingKubectl = `#!/usr/bin/env bash
[ "$1" = -n ] || { echo "kubectl $*: no namespace" >> "$NOTES/failed"; exit 1; }
echo "kubectl $*" >> "$NOTES/commands"
look() { [ -n "$(kubectl.real -n "$namespace" get "$@" --output=name)" ]; }
namespace=$2
case "$3 $4" in
  "logs -l") look pods -l "$5" ;;
  "logs "*|"exec "*)
    case $4 in */*) look "$4" ;; *) look pod "$4" ;; esac &&
    { [ "$5" != -c ] || kubectl.real -n "$namespace" get pod "$4" --output='jsonpath={.spec.containers[*].name}' | grep -qw -- "$6"; } ;;
  "port-forward "*) case $4 in */*) look "$4" ;; *) look pod "$4" ;; esac ;;
  "run "*) ;;
  *) timeout 60 kubectl.real "$@" ;;
esac || echo "kubectl $*" >> "$NOTES/failed"
`

// rabbitMQ stands for what the example scan-workers takes from others.
const rabbitMQ = `apiVersion: v1
kind: Service
metadata: {name: rabbitmq}
spec: {selector: {app.kubernetes.io/name: rabbitmq}, ports: [{name: management, port: 15672}]}
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: rabbitmq}
spec:
  serviceName: rabbitmq
  selector: {matchLabels: {app.kubernetes.io/name: rabbitmq}}
  template:
    metadata: {labels: {app.kubernetes.io/name: rabbitmq}}
    spec: {containers: [{name: rabbitmq, image: rabbitmq}]}
`

const volumes = `for i in 0 1 2 3; do kubectl.real apply --filename=- <<EOF
apiVersion: v1
kind: PersistentVolume
metadata: {name: local-$i}
spec: {capacity: {storage: 20Gi}, accessModes: [ReadWriteOnce], storageClassName: local, hostPath: {path: /nowhere}}
EOF
done`

// TestExampleRunbooks pastes the commands of the examples' runbooks into a shell
// before an API server on which their charts are installed.
func TestExampleRunbooks(t *testing.T) {
	s := newShell(t, 4)
	helm, err := build.Tool(t.Context(), "helm")
	if err != nil {
		t.Fatal(err)
	}
	s.run("mv kubectl kubectl.real && kubectl.real label node --all kubernetes.io/os=linux --overwrite && ln -s " + helm + " helm")
	for name, text := range map[string]string{"kubectl": lookingKubectl, "curl": recorder, "sleep": recorder, "rabbitmq.yaml": rabbitMQ} {
		if err := os.WriteFile(filepath.Join(s.dir, name), []byte(text), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for _, folder := range []string{"charts/camunda-autoscaler", "examples/kafka/helm", "examples/scan-workers/charts"} {
		if err := os.CopyFS(filepath.Join(s.dir, folder), os.DirFS(filepath.Join("..", folder))); err != nil {
			t.Fatal(err)
		}
	}
	for name, install := range map[string]string{
		"kafka": volumes + `
cd examples/kafka/helm/posts && helm dependency build .
helm install posts ./ -n kafka --create-namespace --wait --timeout=2m --set kafka.storage.className=local --set camunda-autoscaler.enabled=true \
  --set camunda-autoscaler.scaler.config.prometheus.url=http://prometheus:9090`,
		"scan-workers": `kubectl.real create namespace scan && kubectl.real -n scan apply --filename=rabbitmq.yaml
helm install scan examples/scan-workers/charts/scan-workers -n scan --wait --timeout=2m --set amqp.url=amqp://guest:guest@rabbitmq/`,
	} {
		t.Run(name, func(t *testing.T) {
			s.in(t).run(install)
			pages, err := filepath.Glob("../examples/" + name + "/runbooks/*.md")
			if err != nil || len(pages) == 0 {
				t.Fatalf("no runbooks (%v)", err)
			}
			commands := 0
			for _, page := range pages {
				t.Run(filepath.Base(page), func(t *testing.T) { commands += pasteExample(t, s.in(t), page) })
			}
			if commands < 8 {
				t.Errorf("%d commands were run: the test covers too little", commands)
			}
		})
	}
}

// pasteExample runs a page's commands and returns how many were kubectl's.
func pasteExample(t *testing.T, s shell, page string) int {
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	notes := t.TempDir()
	s.env = append(slices.Clone(s.env), "NOTES="+notes)
	var script strings.Builder
	for _, m := range regexp.MustCompile("(?ms)^( *)```sh\n(.*?)^ *```$").FindAllSubmatch(text, -1) {
		script.WriteString(strings.ReplaceAll("\n"+string(m[2]), "\n"+string(m[1]), "\n"))
	}
	out, err := s.try("set -u\nhelm() { command helm \"$@\" || echo \"helm $*\" >> $NOTES/failed; }\n" + strings.ReplaceAll(script.String(), "\ncd ", "\ncd "+s.dir+"/"))
	failed, _ := os.ReadFile(filepath.Join(notes, "failed"))
	if len(failed) > 0 || strings.Contains(out, "unbound variable") || strings.Contains(out, "No resources found") {
		t.Errorf("%v; these failed:\n%s\nof\n%s\n%s", err, failed, script.String(), out)
	}
	done, _ := os.ReadFile(filepath.Join(notes, "commands"))
	return strings.Count(string(done), "kubectl ")
}
