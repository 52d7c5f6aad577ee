package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// recordingKubectl is kubectl for TestRunbooks. There is no kubelet, no Camunda and no
// Prometheus operator: what needs one of them is only recorded, with what it
// selects looked up. Everything else is done.
const recordingKubectl = `#!/usr/bin/env bash
echo "kubectl $*" >> "$NOTES/commands"
case " $* " in
  *" logs "*) exec kubectl.real "${@:1:2}" get pods "${@:4:2}" --output=name ;;
  *" port-forward "*|*" exec "*|*" top "*|*" servicemonitors "*|*" prometheuses "*|*" --raw "*) exit ;;
esac
{ error=$(kubectl.real "$@" 2>&1 >&3) || echo "kubectl $*: $error" >> "$NOTES/failed"; } 3>&1
echo "$error" >&2
`

const recorder = `#!/usr/bin/env bash
echo "${0##*/} $*" >> "$NOTES/commands"
`

// TestRunbooks pastes each runbook's commands, after the alert's annotation
// `variables`, into a shell: each finds what it is about and succeeds.
func TestRunbooks(t *testing.T) {
	s := newShell(t, 1)
	s.run("mv kubectl kubectl.real && kubectl.real label node node-1 kubernetes.io/os=linux --overwrite")
	for name, text := range map[string]string{"kubectl": recordingKubectl, "helm": recorder, "curl": recorder, "sleep": recorder} {
		if err := os.WriteFile(filepath.Join(s.dir, name), []byte(text), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	alerts, err := os.ReadFile("../alerts/camunda-autoscaler.yml")
	if err != nil {
		t.Fatal(err)
	}
	checkout, err := filepath.Abs("..")
	if err != nil {
		t.Fatal(err)
	}
	labels := strings.NewReplacer("{{ $labels.namespace }}", "default", "{{ $labels.target }}", "camunda-deployment", "{{ $labels.workload_namespace }}", "default",
		"{{ $labels.workload_kind }}", "Deployment", "{{ $labels.workload_name }}", "camunda-deployment")
	pages, err := filepath.Glob("../docs/runbooks/Camunda*.md")
	if err != nil || len(pages) == 0 {
		t.Fatalf("no runbooks (%v)", err)
	}
	for _, page := range pages {
		alert := strings.TrimSuffix(filepath.Base(page), ".md")
		t.Run(alert, func(t *testing.T) {
			s := s.in(t)
			s.dir = t.TempDir()
			s.env = append(slices.Clone(s.env), "NOTES="+s.dir)
			// What a page does is undone for the next.
			s.run(fmt.Sprintf("kubectl.real apply --filename=%[1]s/camunda-autoscaler.yaml --filename=%[1]s/camunda.yaml", filepath.Join(checkout, "k8s_resources")))
			s.run("kubectl.real scale deployment camunda-deployment --replicas=2 && kubectl.real rollout restart deployment camunda-deployment")
			s.run("kubectl.real annotate deployment camunda-deployment camunda-autoscaler/paused=true --overwrite")
			for _, name := range []string{"camunda-deployment", "camunda-autoscaler-scaler", "camunda-autoscaler-exporter"} {
				s.run("kubectl.real rollout status --timeout=2m deployment " + name)
			}

			variables := regexp.MustCompile(`(?s)- alert: ` + alert + `\n.*?variables: '([^']*)'`).FindSubmatch(alerts)
			if variables == nil {
				t.Fatal("the alert has no annotation variables")
			}
			script := labels.Replace(string(variables[1])) + "\n" + strings.Join(pasted(t, page), "\n")
			pod := s.run("kubectl.real get pods --selector=app.kubernetes.io/component=camunda --output=name")
			script = strings.NewReplacer(
				`ENGINE_NAMESPACE="bpm"`, `ENGINE_NAMESPACE="default"`,
				`POD="camunda-deployment-0"`, fmt.Sprintf("POD=%q", strings.TrimPrefix(strings.Fields(pod)[0], "pod/")),
			).Replace(script)
			from := time.Now()
			out, _ := s.try("set -u\n" + script) // a grep that finds nothing is no failure
			if failed, err := os.ReadFile(filepath.Join(s.dir, "failed")); err == nil {
				t.Errorf("these failed:\n%s\nof\n%s\n%s", failed, script, out)
			}
			if strings.Contains(out, "unbound variable") || strings.Contains(out, "No resources found") {
				t.Errorf("not all was found by\n%s\n%s", script, out)
			}
			done, err := os.ReadFile(filepath.Join(s.dir, "commands"))
			if err != nil || len(done) == 0 {
				t.Fatalf("nothing was run (%v)", err)
			}
			t.Logf("%d commands in %.1f s", strings.Count(string(done), "\n"), time.Since(from).Seconds())
		})
	}
}

// pasted are the commands of a page; the line that sets the variables is left
// out if the annotation takes its place.
func pasted(t *testing.T, page string) []string {
	t.Helper()
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	var blocks []string
	for _, m := range regexp.MustCompile("(?ms)^( *)```sh\n(.*?)^ *```$").FindAllSubmatch(text, -1) {
		block := strings.ReplaceAll("\n"+string(m[2]), "\n"+string(m[1]), "\n")
		blocks = append(blocks, regexp.MustCompile(`(?m)^NAMESPACE=.*$`).ReplaceAllString(block, ""))
	}
	return blocks
}
